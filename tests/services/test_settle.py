from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.domain.states import Resolution
from campaigns.models import Order, Settlement
from campaigns.services import pace, settling
from campaigns.services.errors import NotAllowed, Refused, Stale
from campaigns.services.settling import SettleResult, settle
from tests.factories import make_user
from tests.flow.nasty_server import says, then_closes
from tests.services.building import (
    DAY,
    MINUTE,
    NOW,
    at_once,
    everything,
    kinds,
    last_event,
    publish,
    queued,
    reload,
    rows_of_others,
)
from tests.services.flow_server import Flow, meanwhile

LIVE, NOT_LIVE, ABANDON = Resolution
LATER = NOW + MINUTE


@pytest.fixture
def sue(db: None) -> User:
    return make_user("sue", "settle_order")


@pytest.fixture
def tom(db: None) -> User:
    return make_user("tom", "settle_order")


@pytest.fixture
def alone(db: None) -> User:
    return make_user("alone", "view_order", "settle_order", "settle_alone")


@pytest.fixture
def order(author: User, flow: Flow) -> Order:
    """An order in doubt, of which Flow knows the tracking ids queue_a and queue_b."""
    order = queued(author, start_at=NOW + DAY, end_at=NOW + 2 * DAY)
    flow.on_publish(says(500), flow.accepts("queue_new"))
    publish(order)
    flow.statuses = {"queue_a": "in_progress", "queue_b": "paused"}
    return reload(order)


def says_that(
    order: Order, user: User, resolution: Resolution, *ids: str, evidence: str = "", **how: Any
) -> SettleResult:
    return settle(order.pk, resolution, tracking_ids=ids, evidence=evidence, user=user, now=LATER, **how)


def errors_of(order: Order, user: User, resolution: Resolution, *ids: str, evidence: str = "") -> dict[str, list[str]]:
    """Try to settle; return the errors, after a look whether nothing was written."""
    before = everything()
    with pytest.raises(ValidationError) as caught:
        says_that(order, user, resolution, *ids, evidence=evidence)
    assert everything() == before
    errors: dict[str, list[str]] = caught.value.message_dict
    return errors


# Two people ----------------------------------------------------------------------------------------------------------
def test_makes_the_campaigns_when_two_people_say_that_the_order_is_live(order: Order, sue: User, tom: User) -> None:
    first = says_that(order, sue, LIVE, "queue_a", "queue_b", evidence=" Seen in Flow. ")

    assert first == SettleResult(
        False,
        "sue says that the order is live at Flow. A second person must say the same before anything happens.",
    )
    assert (reload(order).state, reload(order).version, order.campaigns.count()) == ("unknown", order.version, 0)
    assert last_event(order).kind == "order.settlement_proposed"
    assert last_event(order).data == {
        "resolution": "live",
        "tracking_ids": ["queue_a", "queue_b"],
        "evidence": "Seen in Flow.",
    }
    assert (last_event(order).actor, last_event(order).at) == (sue, LATER)

    second = says_that(order, tom, LIVE, "queue_b", "queue_a")

    assert second == SettleResult(True, f"Order {order.order_ref} is settled: tom says that the order is live at Flow.")
    assert (reload(order).state, reload(order).problem, reload(order).next_attempt_at) == ("published", "", None)
    assert [*order.campaigns.order_by("tracking_id").values_list("tracking_id", "flow_status", "phase")] == [
        ("queue_a", "in_progress", "in_progress"),
        ("queue_b", "paused", "paused"),
    ]
    for campaign in order.campaigns.all():
        assert (campaign.attempt, campaign.starts_at, campaign.ends_at) == (
            order.attempts.get(),
            order.start_at,
            order.end_at,
        )
        assert campaign.next_check_at is not None
    settlement = Settlement.objects.get()
    assert (settlement.proposed_by, settlement.confirmed_by, settlement.confirmed_at) == (sue, tom, LATER)
    assert last_event(order).text == (
        "sue and tom settled the doubt: tom says that the order is live at Flow. Seen in Flow."
    )
    assert kinds(order)[-2:] == ["order.settlement_proposed", "order.settled"]


def test_sends_the_order_again_when_two_people_say_that_it_is_not_live(
    order: Order, sue: User, tom: User, flow: Flow
) -> None:
    Order.objects.update(failures=2)
    says_that(order, sue, NOT_LIVE, evidence="Flow's support says so.")
    assert publish(order, LATER).outcome == "skipped"

    assert says_that(order, tom, NOT_LIVE, evidence="I looked too.").settled

    after = reload(order)
    assert (after.state, after.next_attempt_at, after.failures, after.problem) == ("queued", LATER, 0, "")
    assert (after.payload, after.payload_sha256) == (order.payload, order.payload_sha256)
    assert (last_event(order).actor, last_event(order).at) == (tom, LATER)
    assert last_event(order).data == {
        "resolution": "not_live",
        "tracking_ids": [],
        "evidence": ["Flow's support says so.", "I looked too."],
    }
    assert last_event(order).text == (
        "sue and tom settled the doubt: tom says that the order is not live at Flow and is to be sent again. "
        "Flow's support says so. I looked too."
    )

    assert publish(order, LATER).outcome == "published"
    assert [*order.attempts.values_list("number", "outcome")] == [(1, "unknown"), (2, "published")]
    assert flow.publishes[0] == flow.publishes[1]


def test_ends_the_order_when_two_people_abandon_it(order: Order, sue: User, tom: User, flow: Flow) -> None:
    says_that(order, sue, ABANDON, evidence="Sold.")

    assert says_that(order, tom, ABANDON, evidence="Sold.").settled

    assert (reload(order).state, reload(order).next_attempt_at) == ("cancelled", None)
    assert last_event(order).text == "sue and tom settled the doubt: tom abandons the order. Sold."
    assert publish(order, LATER).outcome == "skipped"
    assert len(flow.publishes) == 1


@pytest.mark.parametrize(
    ("resolution", "ids", "again"),
    [
        (NOT_LIVE, (), "Really."),
        (ABANDON, (), " Really.\n"),
        (LIVE, ("queue_a", "queue_b"), "Really."),
        (LIVE, ("queue_b",), ""),
    ],
)
def test_does_not_count_the_same_person_twice(
    order: Order, sue: User, resolution: Resolution, ids: tuple[str, ...], again: str
) -> None:
    says_that(order, sue, resolution, *ids, evidence="Really.")
    before = everything()

    result = says_that(order, sue, resolution, *reversed(ids), evidence=again)

    assert result == SettleResult(
        False,
        "sue said so already, at 1 Jan 2030, 09:01:00 UTC. A second person must say the same before anything happens.",
    )
    assert everything() == before


def test_tells_whoever_contradicts_another_and_history_only_what_they_say(order: Order, sue: User, tom: User) -> None:
    says_that(order, sue, LIVE, "queue_a", evidence="Seen.")

    other_ids = says_that(order, tom, LIVE, "queue_b", evidence="Seen.")
    words = "sue says it is live; you say it is live, with other tracking ids. Nothing happens until two people say the same."
    assert other_ids == SettleResult(False, words, is_contradiction=True)
    assert last_event(order).text == (
        "tom says that the order is live at Flow. A second person must say the same before anything happens."
    )

    again = says_that(order, tom, LIVE, "queue_b", evidence="Seen.")
    assert again == SettleResult(
        False, f"tom said so already, at 1 Jan 2030, 09:01:00 UTC. {words}", is_contradiction=True
    )

    third = says_that(order, make_user("pam", "settle_order"), ABANDON, evidence="Sold.")
    words = "sue says it is live; tom says it is live; you say it is to be abandoned. "
    assert third == SettleResult(False, f"{words}Nothing happens until two people say the same.", is_contradiction=True)
    assert (reload(order).state, order.campaigns.count()) == ("unknown", 0)


def test_keeps_new_evidence_of_the_same_person_in_the_place_of_the_old(order: Order, sue: User, tom: User) -> None:
    says_that(order, sue, ABANDON, evidence="Sold.")

    assert not says_that(order, sue, ABANDON, evidence="Sold, says the branch.").settled

    proposal = Settlement.objects.get()
    assert (proposal.evidence, proposal.proposed_by, proposal.confirmed_by) == ("Sold, says the branch.", sue, None)
    proposed = order.events.filter(kind="order.settlement_proposed").order_by("pk")
    assert [event.data["evidence"] for event in proposed] == ["Sold.", "Sold, says the branch."]
    assert says_that(order, tom, ABANDON, evidence="Yes.").settled
    assert last_event(order).data["evidence"] == ["Sold, says the branch.", "Yes."]


def test_lets_a_person_come_round_to_what_another_said(order: Order, sue: User, tom: User) -> None:
    says_that(order, sue, ABANDON, evidence="Sold.")
    says_that(order, tom, NOT_LIVE, evidence="Not there.")

    assert not says_that(order, sue, ABANDON, evidence="Sold.").settled
    assert says_that(order, sue, NOT_LIVE, evidence="I looked again.").settled
    assert reload(order).state == "queued"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((NOT_LIVE, ()), (ABANDON, ())),
        ((NOT_LIVE, ()), (LIVE, ("queue_a",))),
        ((LIVE, ("queue_a",)), (LIVE, ("queue_b",))),
        ((LIVE, ("queue_a",)), (LIVE, ("queue_a", "queue_b"))),
        ((LIVE, ("queue_a", "queue_b")), (LIVE, ("queue_a",))),
    ],
)
def test_settles_nothing_while_two_people_say_different_things(
    order: Order, sue: User, tom: User, first: tuple[Resolution, tuple[str]], second: tuple[Resolution, tuple[str]]
) -> None:
    says_that(order, sue, first[0], *first[1], evidence="One.")

    assert not says_that(order, tom, second[0], *second[1], evidence="Other.").settled

    assert (reload(order).state, order.campaigns.count()) == ("unknown", 0)
    assert says_that(order, sue, second[0], *second[1], evidence="Right.").settled


def test_counts_only_what_somebody_said_last(order: Order, sue: User, tom: User) -> None:
    says_that(order, sue, NOT_LIVE, evidence="Not there.")
    says_that(order, sue, LIVE, "queue_a")

    assert not says_that(order, tom, NOT_LIVE, evidence="Not there.").settled

    assert reload(order).state == "unknown"
    assert says_that(order, tom, LIVE, "queue_a").settled
    assert Settlement.objects.filter(confirmed_at=None).count() == 2


def test_forgets_what_was_said_of_an_earlier_attempt(
    order: Order, sue: User, tom: User, alone: User, flow: Flow
) -> None:
    says_that(order, sue, ABANDON, evidence="Sold.")
    says_that(order, alone, NOT_LIVE, evidence="Not there.")
    flow.on_publish(says(500))
    assert publish(order, LATER).outcome == "unknown"

    assert not says_that(order, tom, ABANDON, evidence="Sold.").settled
    assert reload(order).state == "unknown"


# One person ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("resolution", "ids", "state"),
    [(LIVE, ("queue_a",), "published"), (NOT_LIVE, (), "queued"), (ABANDON, (), "cancelled")],
)
def test_needs_no_second_person_where_one_may_do_it_alone(
    order: Order, alone: User, resolution: Resolution, ids: tuple[str, ...], state: str
) -> None:
    assert says_that(order, alone, resolution, *ids, evidence="I am sure.").settled

    assert reload(order).state == state
    settlement = Settlement.objects.get()
    assert (settlement.proposed_by, settlement.confirmed_by) == (alone, alone)
    assert kinds(order)[-1] == "order.settled"
    assert last_event(order).text.startswith("alone settled the doubt: alone ")


def test_is_for_those_who_may_settle(order: Order, author: User) -> None:
    only_alone = make_user("odd", "settle_alone")
    before = everything()

    for user in (author, only_alone):
        with pytest.raises(NotAllowed, match="may not settle orders in doubt"):
            says_that(order, user, ABANDON, evidence="Sold.")

    assert everything() == before


def test_refuses_an_order_that_is_not_in_doubt(author: User, alone: User, flow: Flow) -> None:
    order = queued(author)
    before = everything()

    with pytest.raises(Refused, match=f"Order {order.order_ref} is not in doubt: there is nothing to settle."):
        says_that(order, alone, NOT_LIVE, evidence="Not there.")

    assert everything() == before
    assert flow.asked == []


def test_settles_once(order: Order, alone: User) -> None:
    says_that(order, alone, NOT_LIVE, evidence="Not there.")
    before = everything()

    with pytest.raises(Refused, match="is not in doubt"):
        says_that(order, alone, NOT_LIVE, evidence="Not there.")

    assert everything() == before


# What must be given --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("resolution", [NOT_LIVE, ABANDON])
@pytest.mark.parametrize("evidence", ["", " \n"])
def test_asks_for_evidence_in_words(order: Order, alone: User, resolution: Resolution, evidence: str) -> None:
    assert errors_of(order, alone, resolution, evidence=evidence) == {
        "evidence": ["Say in words how you know, or why: it is kept as evidence."]
    }


def test_asks_for_evidence_where_nothing_but_the_deed_was_given(order: Order, alone: User) -> None:
    with pytest.raises(ValidationError) as caught:
        settle(order.pk, ABANDON, user=alone, now=LATER)

    assert caught.value.message_dict == {"evidence": ["Say in words how you know, or why: it is kept as evidence."]}
    assert reload(order).state == "unknown"


@pytest.mark.parametrize("resolution", [NOT_LIVE, ABANDON])
def test_refuses_tracking_ids_of_an_order_that_is_not_said_to_be_live(
    order: Order, alone: User, flow: Flow, resolution: Resolution
) -> None:
    assert errors_of(order, alone, resolution, "queue_a") == {
        "tracking_ids": ["Tracking ids are only for an order that is live. Remove them, or say that it is."],
        "evidence": ["Say in words how you know, or why: it is kept as evidence."],
    }
    assert flow.asked == []


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ((), "Enter the tracking ids that Flow shows for this order."),
        (("",), "A tracking id is empty. Remove it."),
        ((" ", "", "\t"), "A tracking id is empty. Remove it."),
        ((" queue_a",), "“ queue_a” has spaces in it. Paste the tracking id alone."),
        (("queue_a ",), "“queue_a ” has spaces in it. Paste the tracking id alone."),
        (("queue_a queue_b",), "“queue_a queue_b” has spaces in it. Paste the tracking id alone."),
        (("queue_a\u00a0",), "“queue_a\u00a0” has spaces in it. Paste the tracking id alone."),
        (("queue_a\n",), "“queue_a\n” has spaces in it. Paste the tracking id alone."),
        (("queue_a", "queue_a"), "“queue_a” is there more than once. Enter it once."),
        (("queue_a",) * 3, "“queue_a” is there more than once. Enter it once."),
        (
            tuple(f"queue_{number}" for number in range(501)),
            "These are more than 500 tracking ids: too many for one order. Paste its own alone.",
        ),
    ],
)
def test_asks_for_tracking_ids_as_flow_writes_them(
    order: Order, alone: User, flow: Flow, ids: tuple[str, ...], message: str
) -> None:
    assert errors_of(order, alone, LIVE, *ids) == {"tracking_ids": [message]}
    assert flow.asked == []


def test_takes_as_many_tracking_ids_as_an_order_may_have(
    order: Order, alone: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "MOST_IDS", 2)

    assert says_that(order, alone, LIVE, "queue_a", "queue_b").settled


def test_refuses_a_tracking_id_of_another_order(order: Order, author: User, alone: User, flow: Flow) -> None:
    other = queued(author)
    publish(other)
    [taken] = other.campaigns.all()

    assert errors_of(order, alone, LIVE, taken.tracking_id) == {
        "tracking_ids": [f"{taken.tracking_id} belongs to order {other.order_ref}."]
    }
    assert flow.asked == []


@pytest.fixture
def other(author: User, flow: Flow) -> Order:
    """Another order in doubt."""
    order = queued(author)
    flow.on_publish(says(500))
    publish(order)
    return reload(order)


def test_refuses_a_tracking_id_that_somebody_gives_to_another_order_in_doubt(
    order: Order, other: Order, sue: User, alone: User, flow: Flow
) -> None:
    says_that(other, sue, LIVE, "queue_a")
    asked_for_the_other = len(flow.asked)

    assert errors_of(order, alone, LIVE, "queue_b", "queue_a") == {
        "tracking_ids": [
            f"sue said that queue_a belongs to order {other.order_ref}, which is in doubt, too. Look at Flow once more which "
            "is right, and settle that order first."
        ]
    }
    assert flow.asked[asked_for_the_other:] == ["queue_b"]


def test_names_no_order_and_no_person_of_another_branch_to_whoever_guesses_tracking_ids(
    order: Order, author: User, other: Order, sue: User, flow: Flow
) -> None:
    published = queued(author)
    flow.on_publish(flow.accepts("queue_taken"))
    publish(published)
    says_that(other, sue, LIVE, "queue_a")
    asked = len(flow.asked)
    here = make_user("here", "view_order", "settle_order", "settle_alone", branches=[order.branch])

    assert errors_of(order, here, LIVE, "queue_taken", "queue_a") == {
        "tracking_ids": [
            f"{tracking_id} belongs to another order, which you can't see. Copy this order's own tracking ids from Flow. If "
            "Flow shows this one for it, ask somebody who works for every branch: nothing is settled until then."
            for tracking_id in ("queue_taken", "queue_a")
        ]
    }
    assert flow.asked[asked:] == []


def test_takes_a_tracking_id_once_nobody_gives_it_to_another_order_any_more(
    order: Order, other: Order, sue: User, tom: User, alone: User
) -> None:
    says_that(other, sue, LIVE, "queue_a")
    says_that(other, sue, ABANDON, evidence="That was the other one.")
    says_that(other, tom, LIVE, "queue_a")
    tom.user_permissions.clear()

    assert says_that(order, alone, LIVE, "queue_a").settled


def test_refuses_a_tracking_id_that_flow_does_not_know(order: Order, alone: User, flow: Flow) -> None:
    assert errors_of(order, alone, LIVE, "queue_a", "queue_typo") == {
        "tracking_ids": ["Flow does not know the tracking id queue_typo. Copy it from Flow once more."]
    }
    assert flow.asked == ["queue_a", "queue_typo"]


def test_tells_all_that_is_wrong_with_the_tracking_ids_at_once(
    order: Order, author: User, alone: User, flow: Flow
) -> None:
    other = queued(author)
    publish(other)
    [taken] = other.campaigns.values_list("tracking_id", flat=True)

    ids = ("queue_typo", "a b", "", "queue_a", "..", taken, "queue_b", "queue_b", "queue_none")
    assert errors_of(order, alone, LIVE, *ids) == {
        "tracking_ids": [
            "“a b” has spaces in it. Paste the tracking id alone.",
            "A tracking id is empty. Remove it.",
            "“queue_b” is there more than once. Enter it once.",
            f"{taken} belongs to order {other.order_ref}.",
            "Flow does not know the tracking id queue_typo. Copy it from Flow once more.",
            "“..” can't be a tracking id. Copy it from Flow once more.",
            "Flow does not know the tracking id queue_none. Copy it from Flow once more.",
        ]
    }
    assert flow.asked == ["queue_typo", "queue_a", "queue_none"]


@pytest.mark.parametrize("lost", ["permission", "login"])
def test_counts_no_word_of_somebody_who_may_not_settle_any_more(
    order: Order, flow: Flow, sue: User, tom: User, lost: str
) -> None:
    assert not says_that(order, sue, NOT_LIVE, evidence="It is not there.").settled
    if lost == "permission":
        sue.user_permissions.clear()
    else:
        User.objects.filter(pk=sue.pk).update(is_active=False)

    assert not says_that(order, tom, NOT_LIVE, evidence="I looked as well.").settled

    assert reload(order).state == "unknown"
    assert len(flow.publishes) == 1


def test_two_who_say_the_same_settle_it_although_a_third_has_said_otherwise_in_between(
    order: Order, sue: User, tom: User
) -> None:
    third = make_user("third", "settle_order")
    assert not says_that(order, sue, ABANDON, evidence="The client withdrew.").settled
    assert not says_that(order, third, NOT_LIVE, evidence="It is not there.").settled

    assert says_that(order, tom, ABANDON, evidence="So it is.").settled

    assert reload(order).state == "cancelled"
    settled = Settlement.objects.get(confirmed_by=tom)
    assert (settled.proposed_by, settled.resolution) == (sue, "abandon")


def test_the_last_word_of_a_person_counts_alone(order: Order, sue: User, tom: User) -> None:
    assert not says_that(order, sue, ABANDON, evidence="The client withdrew.").settled
    assert not says_that(order, sue, NOT_LIVE, evidence="No: it is not there.").settled

    assert not says_that(order, tom, ABANDON, evidence="So it is.").settled

    assert reload(order).state == "unknown"


def test_refuses_evidence_that_is_longer_than_anybody_reads(order: Order, sue: User) -> None:
    assert errors_of(order, sue, ABANDON, evidence="x" * 10_001) == {
        "evidence": ["This is longer than 10000 characters. Keep to what shows it."]
    }
    assert not Settlement.objects.exists()

    assert not says_that(order, sue, ABANDON, evidence="x" * 10_000).settled
    assert len(Settlement.objects.get().evidence) == 10_000


def test_asks_flow_once_about_each_tracking_id(order: Order, alone: User, flow: Flow) -> None:
    assert says_that(order, alone, LIVE, "queue_b", "queue_a").settled
    assert flow.asked == ["queue_b", "queue_a"]


def test_asks_flow_no_more_after_ten_tracking_ids_that_it_does_not_know(order: Order, alone: User, flow: Flow) -> None:
    errors = errors_of(order, alone, LIVE, *[f"typo_{number}" for number in range(30)])["tracking_ids"]

    assert errors[-2:] == [
        "Flow does not know the tracking id typo_9. Copy it from Flow once more.",
        "Flow was not asked about more.",
    ]
    assert len(flow.asked) == 10


@pytest.mark.parametrize("tracking_id", ["..", "x" * 256, "queue\u200b_a"])
def test_refuses_a_tracking_id_that_cannot_be_asked_for(
    order: Order, alone: User, flow: Flow, tracking_id: str
) -> None:
    (message,) = errors_of(order, alone, LIVE, tracking_id)["tracking_ids"]

    assert message == f"“{tracking_id[:60]}” can't be a tracking id. Copy it from Flow once more."
    assert flow.asked == []


def test_asks_for_an_odd_tracking_id_as_it_is(order: Order, alone: User, flow: Flow) -> None:
    flow.statuses["a/b?c#d%20é"] = "active"

    assert says_that(order, alone, LIVE, "a/b?c#d%20é").settled

    assert flow.asked == ["a/b?c#d%20é"]
    assert order.campaigns.get().tracking_id == "a/b?c#d%20é"


@pytest.mark.parametrize("play", [says(500), says(200, b"<h1>"), then_closes(b"")], ids=["500", "a page", "a cut"])
def test_settles_nothing_while_flow_cannot_be_asked(order: Order, alone: User, flow: Flow, play: Any) -> None:
    flow.on_status(play)

    (space, message) = errors_of(order, alone, LIVE, "a b", "queue_a", "queue_b")["tracking_ids"]

    assert space == "“a b” has spaces in it. Paste the tracking id alone."
    assert message.startswith("The tracking id queue_a could not be checked: ")
    assert message.endswith(" Nothing was settled.")
    assert set(flow.asked) == {"queue_a"}


def test_keeps_everybody_waiting_where_flow_asks_for_it(order: Order, alone: User, flow: Flow) -> None:
    flow.on_status(says(429, {}, Retry_After="90"))

    with pytest.raises(ValidationError, match="Nothing was settled"):
        says_that(order, alone, LIVE, "queue_a")
    assert pace.held_until(LATER) == LATER + 1.5 * MINUTE

    assert errors_of(order, alone, LIVE, "queue_a") == {
        "tracking_ids": ["Flow asked us to wait until 1 Jan 2030, 11:02 SAST. Nothing was settled; try again then."]
    }
    assert errors_of(order, alone, LIVE, "a b") == {
        "tracking_ids": ["“a b” has spaces in it. Paste the tracking id alone."]
    }
    assert flow.asked == ["queue_a"]
    assert reload(order).state == "unknown"

    assert says_that(order, alone, NOT_LIVE, evidence="That needs no call.").settled


# At the same time -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_lets_one_of_two_who_settle_at_once_win(order: Order, alone: User) -> None:
    second = make_user("second", "settle_order", "settle_alone")

    results = at_once(
        lambda: says_that(order, alone, NOT_LIVE, evidence="Not there."),
        lambda: says_that(order, second, ABANDON, evidence="Sold."),
    )

    assert sorted(isinstance(result, SettleResult) for result in results) == [False, True]
    assert sorted(isinstance(result, Refused) for result in results) == [False, True]
    assert reload(order).state == ("queued" if isinstance(results[0], SettleResult) else "cancelled")
    assert kinds(order).count("order.settled") == 1
    assert Settlement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_say_the_same_at_once_settle_it_together(order: Order, sue: User, tom: User) -> None:
    results = at_once(
        lambda: says_that(order, sue, ABANDON, evidence="Sold."),
        lambda: says_that(order, tom, ABANDON, evidence="Sold."),
    )

    assert sorted(isinstance(result, SettleResult) and result.settled for result in results) == [False, True]
    assert reload(order).state == "cancelled"
    assert Settlement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_proposes_nothing_for_an_order_that_was_settled_while_flow_was_asked(
    order: Order, author: User, sue: User, alone: User, flow: Flow
) -> None:
    flow.on_publish(says(500))
    publish(queued(author))  # another one in doubt
    flow.on_status(
        meanwhile(lambda: says_that(order, alone, ABANDON, evidence="Sold."), says(200, {"status": "active"}))
    )

    with pytest.raises(Stale) as caught:
        says_that(order, sue, LIVE, "queue_a")

    assert str(caught.value) == (
        f"Somebody else has just settled order {order.order_ref}. Nothing was done. Look at it again."
    )

    assert (reload(order).state, order.campaigns.count()) == ("cancelled", 0)
    assert [settlement.proposed_by for settlement in Settlement.objects.all()] == [alone]


@pytest.mark.django_db(transaction=True)
def test_proposes_nothing_for_an_order_that_came_into_doubt_anew_while_flow_was_asked(
    order: Order, sue: User, alone: User, flow: Flow
) -> None:
    def sent_once_more() -> None:
        says_that(order, alone, NOT_LIVE, evidence="Not there.")
        flow.on_publish(says(500))
        assert publish(order, LATER).outcome == "unknown"

    flow.on_status(meanwhile(sent_once_more, says(200, {"status": "active"})))

    with pytest.raises(Stale, match="Somebody else has just settled"):
        says_that(order, sue, LIVE, "queue_a")

    assert (reload(order).state, order.campaigns.count()) == ("unknown", 0)
    assert [settlement.proposed_by for settlement in Settlement.objects.all()] == [alone]


@pytest.mark.django_db(transaction=True)
def test_settles_nothing_where_another_order_got_the_tracking_id_while_flow_was_asked(
    order: Order, author: User, alone: User, flow: Flow
) -> None:
    other = queued(author)
    flow.on_publish(flow.accepts("queue_a"))
    flow.on_status(meanwhile(lambda: publish(other), says(200, {"status": "active"})))

    with pytest.raises(Stale) as caught:
        says_that(order, alone, LIVE, "queue_a")

    assert str(caught.value) == (
        "Another order got one of these tracking ids just now. Nothing was settled. Look again."
    )
    assert (reload(order).state, order.campaigns.count(), Settlement.objects.count()) == ("unknown", 0, 0)
    assert other.campaigns.get().tracking_id == "queue_a"


@pytest.mark.parametrize("resolution", [LIVE, NOT_LIVE, ABANDON])
def test_touches_no_other_order(order: Order, author: User, sue: User, tom: User, flow: Flow, resolution: Any) -> None:
    for play in (says(500), flow.accepts("queue_x")):
        flow.on_publish(play)
        publish(queued(author))
    says_that(Order.objects.exclude(pk=order.pk).get(state="unknown"), sue, ABANDON, evidence="Sold.")
    before = rows_of_others(order)

    for user in (sue, tom):
        if resolution is LIVE:
            says_that(order, user, LIVE, "queue_a")
        else:
            says_that(order, user, resolution, evidence="Looked.")

    assert reload(order).state != "unknown"
    assert rows_of_others(order) == before
