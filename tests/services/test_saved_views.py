"""Saving views of the lists: for oneself, for a group that one belongs to, or for all."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError

from campaigns import selectors
from campaigns.models import Event, SavedView
from campaigns.services import views
from campaigns.services.errors import NotAllowed
from campaigns.services.views import ViewState
from tests.factories import make_branch, make_user
from tests.services.building import NOW

pytestmark = pytest.mark.django_db

DRAFTS = ViewState((("q", "DEMO"), ("state__exact", "draft")), ("order_ref", "costs"), ("-order_ref",))


@pytest.fixture
def naledi() -> User:
    return make_user("naledi", branches=[make_branch()])


def saved(user: User, name: str = "Drafts", **audience: Any) -> SavedView:
    return views.save_view("order", name, DRAFTS, user=user, now=NOW, **audience)


def test_a_view_keeps_filters_search_columns_and_order(naledi: User) -> None:
    saved(naledi, " Drafts ")
    view = SavedView.objects.get()
    assert (view.name, view.owner, view.list_name, view.saved_at) == ("Drafts", naledi, "order", NOW)
    assert ViewState.of(view) == DRAFTS
    event = Event.objects.get()
    assert (event.kind, event.actor) == ("view.saved", naledi)
    assert event.text == "naledi saved the view “Drafts” of the orders, for themselves."


def test_views_are_seen_by_their_owner_their_group_or_all(naledi: User) -> None:
    group = Group.objects.create(name="Sellers")
    naledi.groups.add(group)
    boss = make_user("boss")
    member, stranger = make_user("thabo", branches=[]), make_user("zola", branches=[])
    member.groups.add(group)
    saved(naledi, "Mine")
    saved(naledi, "Ours", group=group)
    saved(boss, "Everybody's", for_all=True)

    def seen(user: User) -> list[str]:
        return [view.name for view in selectors.views_for(user, "order")]

    assert seen(naledi) == ["Everybody's", "Mine", "Ours"]
    assert seen(member) == ["Everybody's", "Ours"]
    assert seen(stranger) == ["Everybody's"]
    assert list(selectors.views_for(naledi, "campaign")) == []


def test_nobody_saves_for_a_group_of_others(naledi: User) -> None:
    with pytest.raises(NotAllowed, match="no member of the group Sellers"):
        saved(naledi, group=Group.objects.create(name="Sellers"))
    assert not SavedView.objects.exists()
    assert not Event.objects.exists()


def test_only_who_works_for_every_branch_saves_for_all(naledi: User) -> None:
    with pytest.raises(NotAllowed, match="every_branch"):
        saved(naledi, for_all=True)
    assert not SavedView.objects.exists()


def test_a_name_is_there_once_for_each_owner_and_list(naledi: User) -> None:
    saved(naledi)
    saved(make_user("thabo"))
    with pytest.raises(ValidationError, match="You have a view “Drafts” of this list already"):
        saved(naledi)
    views.save_view("campaign", "Drafts", ViewState(), user=naledi, now=NOW)
    assert SavedView.objects.count() == 3


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b", "a\u202eb"])
def test_a_name_has_1_to_80_visible_characters(naledi: User, name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        saved(naledi, name)
    assert list(refused.value.message_dict) == ["name"]
    assert not SavedView.objects.exists()


def test_nobody_keeps_more_than_50(naledi: User) -> None:
    for number in range(50):
        saved(naledi, f"View {number}")
    with pytest.raises(ValidationError, match="You have 50 views"):
        saved(naledi, "One more")
    assert SavedView.objects.count() == 50


def test_filters_that_are_too_long_are_not_kept(naledi: User) -> None:
    with pytest.raises(ValidationError, match="too long to keep"):
        views.save_view("order", "Long", ViewState((("q", "x" * 501),)), user=naledi, now=NOW)
    assert not SavedView.objects.exists()


def test_the_owner_renames_and_deletes(naledi: User) -> None:
    view = saved(naledi)
    views.rename_view(view, "Old drafts", user=naledi, now=NOW)
    assert SavedView.objects.get().name == "Old drafts"
    views.delete_view(view, user=naledi, now=NOW)
    assert not SavedView.objects.exists()
    kinds = list(Event.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["view.saved", "view.renamed", "view.deleted"]


def test_a_view_takes_no_name_of_another(naledi: User) -> None:
    saved(naledi, "First")
    second = saved(naledi, "Second")
    with pytest.raises(ValidationError, match="You have a view “First” of this list already"):
        views.rename_view(second, "First", user=naledi, now=NOW)
    assert sorted(SavedView.objects.values_list("name", flat=True)) == ["First", "Second"]


def test_nobody_else_renames_or_deletes_what_is_for_all(naledi: User) -> None:
    view = saved(make_user("boss"), for_all=True)
    with pytest.raises(NotAllowed, match="only its owner may rename it"):
        views.rename_view(view, "Mine", user=naledi, now=NOW)
    with pytest.raises(NotAllowed, match="only its owner may delete it"):
        views.delete_view(view, user=naledi, now=NOW)
    assert SavedView.objects.get().name == "Drafts"
