"""Comment on an order: a line of history that nobody changes, for those whom it mentions."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Event
from campaigns.services import history
from campaigns.services.commenting import LONGEST, comment
from campaigns.services.errors import NotAllowed, Refused
from tests.factories import make_branch, make_user, may
from tests.services.building import NOW, SECOND, at_once, draft, everything, kinds, last_event, queued


@pytest.fixture
def sue(db: None) -> User:
    return make_user("sue", "view_order", "comment_order")


def test_a_comment_is_a_line_of_the_order_s_history(author: User, sue: User) -> None:
    order = draft(author)
    result = comment(order.pk, " Is the flat\r\nstill free? ", user=sue, now=NOW)
    event = last_event(order)
    assert (result.event, result.told, result.not_told) == (event, [], [])
    assert (event.kind, event.text, event.actor, event.at) == (
        "order.commented",
        "sue commented: Is the flat\nstill free?",
        sue,
        NOW,
    )
    assert event.data == {"text": "Is the flat\nstill free?", "mentions": [], "mentioned": []}
    assert history.broken_link() == ""


def test_an_order_in_any_state_can_be_commented_and_stays_as_it_is(author: User, sue: User) -> None:
    order = queued(author)
    comment(order.pk, "Good.", user=sue, now=NOW)
    order.refresh_from_db()
    assert (order.state, order.version) == ("queued", 2)


def test_control_characters_and_marks_of_direction_are_left_out(author: User, sue: User) -> None:
    order = draft(author)
    comment(order.pk, "a\x00b\u202ec", user=sue, now=NOW)
    assert last_event(order).data["text"] == "abc"


@pytest.mark.parametrize("text", ["", " \n ", "\x00\u202e"])
def test_an_empty_comment_is_refused(author: User, sue: User, text: str) -> None:
    order = draft(author)
    before = everything()
    with pytest.raises(ValidationError) as refusal:
        comment(order.pk, text, user=sue, now=NOW)
    assert refusal.value.message_dict == {"text": ["Write something: an empty comment tells nobody anything."]}
    assert everything() == before


def test_a_comment_has_a_longest_length(author: User, sue: User) -> None:
    order = draft(author)
    comment(order.pk, "x" * LONGEST, user=sue, now=NOW)
    before = everything()
    with pytest.raises(ValidationError) as refusal:
        comment(order.pk, "x" * (LONGEST + 1), user=sue, now=NOW)
    assert refusal.value.message_dict == {
        "text": ["A comment has at most 2,000 characters; this one has 2,001. Shorten it or split it."]
    }
    assert everything() == before


def test_without_the_permission_nothing_is_written(author: User) -> None:
    order, reader = draft(author), make_user("reader", "view_order")
    with pytest.raises(NotAllowed, match="reader may not comment on orders"):
        comment(order.pk, "Hello.", user=reader, now=NOW)
    assert kinds(order) == ["order.created"]


def test_somebody_of_another_branch_writes_nothing(author: User) -> None:
    order = draft(author)
    stranger = make_user("stranger", "view_order", "comment_order", branches=[make_branch()])
    with pytest.raises(NotAllowed, match="stranger does not work for branch"):
        comment(order.pk, "Hello.", user=stranger, now=NOW)
    assert kinds(order) == ["order.created"]


# Mentions ------------------------------------------------------------------------------------------------------------
def test_those_who_may_see_the_order_are_told(author: User, sue: User) -> None:
    branch = make_branch()
    may(author, "comment_order")
    order = draft(author, branch=branch)
    tom = make_user("tom.b", "view_order", branches=[branch])
    make_user("far", "view_order", branches=[make_branch()])
    make_user("blind", branches=[branch])
    make_user("gone", "view_order", branches=[branch], is_active=False)

    text = "@tom.b. and @sue, ask @far, @blind, @gone and @nobody! (@tom.b) mail me@sue.example"
    result = comment(order.pk, text, user=author, now=NOW)

    assert (result.told, result.not_told) == (["tom.b", "sue"], ["far", "blind", "gone", "nobody"])
    assert last_event(order).data["mentioned"] == [tom.pk, sue.pk]


def test_whoever_mentions_themselves_is_not_named_as_told(author: User, sue: User) -> None:
    order = draft(author)
    make_user("tom", "view_order")
    result = comment(order.pk, "@sue asks @tom: “sold?”", user=sue, now=NOW)
    assert (result.told, result.not_told) == (["tom"], [])
    assert last_event(order).data["mentions"] == ["sue", "tom"]  # both stand out in the timeline


def test_a_name_that_ends_like_a_sentence_is_found_as_it_is(author: User, sue: User) -> None:
    may(author, "comment_order")
    make_user("jr.", "view_order")
    order = draft(author)
    assert comment(order.pk, "@jr. @SUE @", user=sue, now=NOW).told == ["jr."]
    assert comment(order.pk, "@sue-", user=author, now=NOW).told == ["sue"]


# The same twice ------------------------------------------------------------------------------------------------------
def test_the_same_text_again_within_half_a_minute_is_refused(author: User, sue: User) -> None:
    order = draft(author)
    comment(order.pk, "Sold.", user=sue, now=NOW)
    before = everything()
    with pytest.raises(Refused, match="You said exactly this a moment ago"):
        comment(order.pk, "Sold. ", user=sue, now=NOW + 29 * SECOND)
    assert everything() == before


def test_other_words_other_people_and_later_times_are_written(author: User, sue: User) -> None:
    order = draft(author)
    tom = make_user("tom", "view_order", "comment_order")
    comment(order.pk, "Sold.", user=sue, now=NOW)
    comment(order.pk, "Sold!", user=sue, now=NOW + SECOND)
    comment(order.pk, "Sold.", user=tom, now=NOW + SECOND)
    comment(order.pk, "Sold.", user=sue, now=NOW + timedelta(seconds=30))
    assert kinds(order).count("order.commented") == 4


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_write_it_once(author: User, sue: User) -> None:
    order = draft(author)
    results = at_once(*[lambda: comment(order.pk, "Sold.", user=sue, now=NOW)] * 4)
    assert sum(isinstance(result, Refused) for result in results) == 3
    assert Event.objects.filter(kind="order.commented").count() == 1
    assert history.broken_link() == ""
