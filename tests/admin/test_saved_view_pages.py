"""Saved views in the lists: one click, columns of one's own, and never more rows than one may see."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from campaigns.models import Branch, SavedView
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

LIST = "/admin/campaigns/order/"


@pytest.fixture
def branch() -> Branch:
    return factories.make_branch(name="Sea Point")


@pytest.fixture
def naledi(branch: Branch) -> User:
    return factories.make_user("naledi", "view_order", "view_campaign", branches=[branch])


@pytest.fixture
def client(naledi: User) -> Client:
    return building.client_of(naledi)


def save(client: Client, query: str, name: str = "Mine", audience: str = "me") -> Any:
    return client.post(f"{LIST}views/save/", {"name": name, "audience": audience, "query": query})


def columns(client: Client, address: str) -> list[str]:
    return [
        entry if isinstance(entry, str) else entry.__name__
        for entry in client.get(address, follow=True).context["cl"].list_display
    ]


def test_a_view_is_saved_from_the_list_and_leads_back_to_it(client: Client) -> None:
    query = "state__exact=draft&q=ORD&o=-0&p=3&columns=order_ref,ends"
    answer = save(client, query)
    view = SavedView.objects.get()
    assert view.filters == [["q", "ORD"], ["state__exact", "draft"]]
    assert (view.columns, view.ordering) == (["order_ref", "ends"], ["-order_ref"])
    assert answer.headers["Location"] == f"{LIST}views/{view.pk}/"
    leads = client.get(f"{LIST}views/{view.pk}/").headers["Location"]
    assert leads == f"{LIST}?q=ORD&state__exact=draft&columns=order_ref%2Cends&o=-0"
    assert columns(client, leads) == ["order_ref", "ends"]


def test_the_active_view_is_marked(client: Client) -> None:
    save(client, "state__exact=draft")
    html = client.get(f"{LIST}?state__exact=draft").content.decode()
    assert "View: Mine" in html
    assert html.count('aria-current="true"') == 1
    assert "View: Mine" not in client.get(f"{LIST}?state__exact=queued").content.decode()


def test_a_view_of_others_shows_nobody_more_rows(client: Client, naledi: User, branch: Branch) -> None:
    mine = building.draft(branch=branch)
    theirs = building.draft()
    boss = User.objects.create_superuser("boss", password="x")
    save(building.client_of(boss), "state__exact=draft", "All drafts", "all")
    view = SavedView.objects.get(name="All drafts")

    found = client.get(f"{LIST}views/{view.pk}/", follow=True)

    assert building.names(found.context["cl"].result_list) == [mine.order_ref]
    assert theirs.order_ref not in found.content.decode()


def test_a_view_of_somebody_else_alone_is_not_found(client: Client) -> None:
    boss = User.objects.create_superuser("boss", password="x")
    save(building.client_of(boss), "state__exact=draft")
    view = SavedView.objects.get()
    for page in ("", "rename/", "delete/"):
        address = f"{LIST}views/{view.pk}/{page}"
        assert (client.post(address) if page else client.get(address)).status_code == 404
    assert SavedView.objects.filter(pk=view.pk).exists()


def test_what_a_list_does_not_take_any_more_is_left_out_with_a_message(client: Client, naledi: User) -> None:
    SavedView.objects.create(
        list_name="order",
        name="Old",
        filters=[["state__exact", "draft"], ["gone__exact", "1"], ["created_by__password__startswith", "p"]],
        columns=["order_ref", "payload", "starts"],
        ordering=["-vanished"],
        owner=naledi,
        saved_at="2030-01-01T00:00Z",
    )
    found = client.get(f"{LIST}views/{SavedView.objects.get().pk}/", follow=True)
    assert found.redirect_chain[0][0] == f"{LIST}?state__exact=draft&columns=order_ref%2Cstarts"
    said = [str(message) for message in found.context["messages"]]
    left_out = "gone__exact, created_by__password__startswith, payload, vanished"
    assert said == [f"Parts of the view “Old” do not fit this list any more and were left out: {left_out}."]


def test_columns_are_chosen_from_the_list_s_own_alone(client: Client, branch: Branch) -> None:
    building.draft(branch=branch)
    chosen = client.get(f"{LIST}?column=agent&column=order_ref&column=payload&state__exact=draft")
    assert chosen.headers["Location"] == f"{LIST}?state__exact=draft&columns=order_ref%2Cagent"
    assert columns(client, chosen.headers["Location"]) == ["order_ref", "agent"]
    own = ["order_ref", "branch_name", "plan_name", "state_badge", "costs", "starts", "trouble"]
    assert columns(client, f"{LIST}?columns=payload,payload_sha256") == own


def test_the_order_stays_with_its_column_when_others_are_chosen(client: Client) -> None:
    moved = client.get(f"{LIST}?column=order_ref&column=state_badge&o=-3.0").headers["Location"]
    assert moved == f"{LIST}?columns=order_ref%2Cstate_badge&o=-1.0"
    without = client.get(f"{LIST}?column=order_ref&column=costs&o=-3").headers["Location"]
    assert without == f"{LIST}?columns=order_ref%2Ccosts"


def test_sorting_and_paging_keep_the_columns(client: Client, branch: Branch) -> None:
    building.draft(branch=branch)
    found = client.get(f"{LIST}?columns=order_ref,starts&state__exact=draft")
    assert found.context["cl"].get_query_string({"o": "1"}) == "?columns=order_ref%2Cstarts&o=1&state__exact=draft"
    assert "?columns=order_ref%2Cstarts&amp;o=0&amp;state__exact=draft" in found.content.decode()


def test_everybody_chooses_groups_of_their_own_only(client: Client, naledi: User) -> None:
    theirs, ours = Group.objects.create(name="Theirs"), Group.objects.create(name="Ours")
    naledi.groups.add(ours)
    html = client.get(f"{LIST}views/save/?state__exact=draft").content.decode()
    assert "The group Ours" in html
    assert "The group Theirs" not in html
    assert "All who may see this list" not in html
    for audience in (str(theirs.pk), "all"):
        assert save(client, "", audience=audience).status_code == 200
    assert not SavedView.objects.exists()
    save(client, "", audience=str(ours.pk))
    assert SavedView.objects.get().group == ours


def test_a_refused_name_comes_back_beside_the_field(client: Client) -> None:
    save(client, "state__exact=draft")
    html = save(client, "state__exact=queued").content.decode()
    assert "You have a view “Mine” of this list already." in html
    assert 'value="state__exact=queued"' in html
    assert SavedView.objects.get().filters == [["state__exact", "draft"]]


def test_the_owner_renames_and_deletes_by_post_alone(client: Client) -> None:
    save(client, "")
    page = f"{LIST}views/{SavedView.objects.get().pk}/"
    assert client.get(f"{page}rename/").status_code == client.get(f"{page}delete/").status_code == 405
    client.post(f"{page}rename/", {"name": "<b>New"})
    assert SavedView.objects.get().name == "<b>New"
    assert "&lt;b&gt;New" in client.get(f"{LIST}views/").content.decode()
    assert "<b>New" not in client.get(LIST).content.decode()
    client.post(f"{page}delete/")
    assert not SavedView.objects.exists()


def test_a_form_from_elsewhere_saves_nothing(naledi: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(naledi)
    assert save(strict, "").status_code == 403
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["order", "campaign", "listing"])
def test_whoever_may_not_see_a_list_has_no_views_of_it(name: str) -> None:
    client = building.client_of(factories.make_user("newcomer"))
    assert client.get(reverse(f"admin:campaigns_{name}_views")).status_code == 403
    assert client.get(reverse(f"admin:campaigns_{name}_view_save")).status_code == 403
    assert client.post(reverse(f"admin:campaigns_{name}_view_save"), {"name": "x", "audience": "me"}).status_code == 403
    assert not SavedView.objects.exists()
