"""What the database itself refuses, whoever asks and through whatever door."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.models import F

from campaigns.domain.states import Move, OrderState, Outcome, Resolution, is_allowed
from campaigns.models import Attempt, Campaign, Event, HistoryHead, Order, OrderListing, Settlement, guard_rules, guards
from campaigns.services import orders, publishing, recording
from campaigns.services.recording import Answer
from campaigns.services.updating import update
from tests.admin.building import answer_again, in_doubt, published, rejected
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user
from tests.services.building import DAY, NOW, at_once, awaiting, draft, everything, publish, queued, reload
from tests.services.flow_server import Flow

FIXED = "a submitted order cannot be changed: return it to draft first"
LINES = "the listings of a submitted order cannot be changed: return it to draft first"
HISTORY = "history cannot be rewritten"
CLAIM = "an order is claimed with an open attempt"
RESULT = "what came of an attempt is recorded before the order moves on"
DOUBT = "an order in doubt must be settled first"
SAID = "what people said of an order in doubt cannot be changed"
Door = Callable[[Order], object]


def refuses(words: str, door: Callable[[], object]) -> None:
    """Go through the door; expect the database to refuse with these words, and nothing to have changed."""
    before = everything()
    with pytest.raises(IntegrityError, match=words), transaction.atomic():
        door()
    assert everything() == before


def sql(statement: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def move_past_the_services(order: Order, new: OrderState, **changes: object) -> None:
    """Move as somebody would who knows the version, and knows nothing of the services."""
    Order.objects.filter(pk=order.pk).update(state=new.value, version=F("version") + 1, **changes)


def say(order: Order, resolution: Resolution, user: User, **fields: Any) -> Settlement:
    """Write a person's word on a doubt."""
    attempt = fields.pop("attempt", None) or order.attempts.order_by("number").last()
    word = {"resolution": resolution.value, "proposed_by": user, "proposed_at": NOW, "attempt": attempt}
    return Settlement.objects.create(order=order, **word, **fields)


def saved(order: Order, **changes: object) -> None:
    for name, value in changes.items():
        setattr(order, name, value)
    order.save()


def bulk_updated(order: Order, **changes: object) -> None:
    for name, value in changes.items():
        setattr(order, name, value)
    Order.objects.bulk_update([order], list(changes))


CONTENT_DOORS: dict[str, Door] = {
    "update of the plan": lambda _: Order.objects.update(plan=make_plan()),
    "update of the branch": lambda _: Order.objects.update(branch=make_branch()),
    "update of the agent": lambda order: Order.objects.update(agent=make_agent(order.branch)),
    "update of the start": lambda _: Order.objects.update(start_at=NOW + DAY),
    "update of the end": lambda _: Order.objects.update(end_at=NOW + DAY),
    "update of the budget": lambda _: Order.objects.update(budget_override="99.00"),
    "save": lambda order: saved(order, budget_override=Decimal("99.00")),
    "bulk update": lambda order: bulk_updated(order, budget_override=Decimal("99.00")),
    "SQL": lambda _: sql("UPDATE campaigns_order SET budget_override = 99"),
    "SQL that changes the state as well": lambda _: sql(
        "UPDATE campaigns_order SET budget_override = 99, state = 'draft', version = version + 1, payload = '', "
        "submitted_by_id = NULL, submitted_at = NULL"
    ),
}
FROZEN_DOORS: dict[str, Door] = {
    "payload": lambda _: Order.objects.update(payload="{}"),
    "hash": lambda _: Order.objects.update(payload_sha256="0" * 64),
    "budget": lambda _: Order.objects.update(budget="1.00"),
    "no budget": lambda _: Order.objects.update(budget=None),
    "currency": lambda _: Order.objects.update(currency="EUR"),
    "rehearsal": lambda order: Order.objects.update(rehearsal=not order.rehearsal),
    "on the way to another state": lambda _: Order.objects.update(
        state="cancelled", version=F("version") + 1, payload="{}"
    ),
}
LINE_DOORS: dict[str, Door] = {
    "add": lambda order: order.listings.add(make_listing(order.branch)),
    "set": lambda order: order.listings.set([make_listing(order.branch)]),
    "remove": lambda order: order.listings.remove(order.listings.get()),
    "clear": lambda order: order.listings.clear(),
    "create": lambda order: OrderListing.objects.create(order=order, listing=make_listing(order.branch)),
    "bulk create": lambda order: OrderListing.objects.bulk_create(
        [OrderListing(order=order, listing=make_listing(order.branch))]
    ),
    "update": lambda order: OrderListing.objects.filter(order=order).update(listing=make_listing(order.branch)),
    "delete": lambda order: OrderListing.objects.filter(order=order).delete(),
    "SQL insert": lambda order: sql(
        "INSERT INTO campaigns_orderlisting (order_id, listing_id) VALUES (%s, %s)", order.pk, make_listing().pk
    ),
    "SQL update": lambda _: sql("UPDATE campaigns_orderlisting SET listing_id = %s", make_listing().pk),
    "SQL delete": lambda _: sql("DELETE FROM campaigns_orderlisting"),
}


@pytest.mark.parametrize("make", [queued, awaiting])
@pytest.mark.parametrize("door", CONTENT_DOORS.values(), ids=CONTENT_DOORS.keys())
def test_refuses_another_content_for_a_submitted_order(author: User, make: Any, door: Door) -> None:
    order = reload(make(author))

    refuses(FIXED, lambda: door(order))


def test_refuses_an_upsert_of_a_submitted_order(author: User) -> None:
    order = reload(queued(author))
    order.budget_override = Decimal("99.00")
    how: dict[str, Any] = {"update_conflicts": True, "unique_fields": ["id"], "update_fields": ["budget_override"]}

    words = "an order begins as a draft|there is such an order already"  # SQLite asks its guards in no certain order
    refuses(words, lambda: Order.objects.bulk_create([order], **how))


@pytest.mark.parametrize("door", FROZEN_DOORS.values(), ids=FROZEN_DOORS.keys())
def test_refuses_another_payload_or_price_for_a_submitted_order(author: User, door: Door) -> None:
    order = queued(author)

    refuses(FIXED, lambda: door(order))


@pytest.mark.parametrize("door", LINE_DOORS.values(), ids=LINE_DOORS.keys())
def test_refuses_other_listings_for_a_submitted_order(author: User, door: Door) -> None:
    order = queued(author)

    refuses(LINES, lambda: door(order))


def test_refuses_to_hand_a_listing_to_a_submitted_order_or_to_take_one_from_it(author: User) -> None:
    submitted, open_still = queued(author), draft(author)

    refuses(LINES, lambda: OrderListing.objects.filter(order=open_still).update(order=submitted))
    refuses(LINES, lambda: OrderListing.objects.filter(order=submitted).update(order=open_still))


@pytest.mark.parametrize("state", ["published", "rejected", "cancelled"])
def test_refuses_another_content_for_an_order_that_is_done(author: User, flow: Flow, state: str) -> None:
    if state == "cancelled":
        order = orders.cancel(draft(author).pk, 1, reason="Sold.", user=author, now=NOW)
    else:
        order = queued(author, start_at=NOW + DAY)
        publish(order, NOW if state == "published" else NOW + DAY)
    assert reload(order).state == state

    refuses(FIXED, lambda: Order.objects.update(budget_override="99.00"))
    refuses(LINES, lambda: OrderListing.objects.all().delete())


def test_lets_a_draft_be_changed(author: User) -> None:
    order = draft(author)

    Order.objects.update(budget_override="99.00", agent=make_agent(order.branch), start_at=NOW + DAY)
    order.listings.set([make_listing(order.branch), make_listing(order.branch)])

    assert (reload(order).budget_override, order.listings.count()) == (Decimal("99.00"), 2)


def test_lets_the_workers_write_what_they_must(author: User) -> None:
    order = queued(author)

    Order.objects.update(next_attempt_at=NOW + DAY, failures=3, problem="No token.")

    assert (reload(order).failures, reload(order).problem) == (3, "No token.")


@pytest.mark.parametrize("make", [draft, queued])
def test_refuses_another_order_ref(author: User, make: Any) -> None:
    make(author)

    refuses("an order_ref never changes", lambda: Order.objects.update(order_ref="another"))


@pytest.mark.parametrize("make", [draft, queued])
def test_refuses_another_source_of_a_copy(author: User, make: Any) -> None:
    order, other = make(author), draft(author)
    words = "what an order was copied from never changes"

    refuses(words, lambda: Order.objects.filter(pk=order.pk).update(copied_from=other))
    refuses(words, lambda: Order.objects.filter(pk=order.pk).update(copied_how="renewal"))


@pytest.mark.parametrize("new", OrderState)
@pytest.mark.parametrize("make", [draft, awaiting, queued])
def test_refuses_moves_that_the_table_does_not_have(author: User, make: Any, new: OrderState) -> None:
    order = make(author)
    old = OrderState(order.state)

    if new is not old and not any(is_allowed(move, old, new) for move in Move):
        refuses("an order cannot make this move", lambda: move_past_the_services(order, new))


def test_refuses_a_move_that_does_not_raise_the_version(author: User) -> None:
    queued(author)

    refuses("a move raises the version by one", lambda: Order.objects.update(state="cancelled"))


def test_refuses_another_version_without_a_move(author: User) -> None:
    queued(author)

    refuses(
        "a move raises the version by one, and nothing else", lambda: Order.objects.update(version=F("version") + 1)
    )


SUBMISSIONS: dict[str, dict[str, Any]] = {
    "nothing frozen": {"payload": "", "payload_sha256": ""},
    "no price": {"budget": None},
    "a price without a currency": {"currency": ""},
    "nobody who submitted it": {"submitted_by_id": None},
}


@pytest.mark.parametrize("new", [OrderState.AWAITING_APPROVAL, OrderState.QUEUED])
@pytest.mark.parametrize("lacking", SUBMISSIONS.values(), ids=SUBMISSIONS.keys())
def test_refuses_to_submit_with(author: User, new: OrderState, lacking: dict[str, Any]) -> None:
    order, like = draft(author), queued(author)
    frozen = {name: getattr(like, name) for name in (*guard_rules.FROZEN, *guard_rules.SUBMISSION)}

    refuses("somebody must submit this order", lambda: move_past_the_services(order, new, **frozen | lacking))
    move_past_the_services(order, new, **frozen)
    assert reload(order).state == new


def test_refuses_to_submit_what_comes_with_its_approval(author: User, approver: User) -> None:
    order, like = draft(author), queued(author)
    frozen = {name: getattr(like, name) for name in (*guard_rules.FROZEN, *guard_rules.SUBMISSION)}

    refuses(
        "somebody must submit this order|written by the approval alone",
        lambda: move_past_the_services(order, OrderState.QUEUED, **frozen, approved_by=approver),
    )


def test_refuses_to_queue_what_nobody_else_approved(author: User, approver: User) -> None:
    order = awaiting(author)
    words = "somebody other than who submitted this order must approve it"

    refuses(words, lambda: move_past_the_services(order, OrderState.QUEUED))
    refuses(words, lambda: move_past_the_services(order, OrderState.QUEUED, approved_by=author))
    move_past_the_services(order, OrderState.QUEUED, approved_by=approver, approved_at=NOW)
    assert reload(order).state == "queued"


@pytest.mark.parametrize("make", [draft, awaiting, queued])
def test_refuses_another_submitter(author: User, approver: User, make: Any) -> None:
    make(author)
    words = "who submitted an order, and when, cannot be changed"

    refuses(words, lambda: Order.objects.update(submitted_by=approver))
    refuses(words, lambda: Order.objects.update(submitted_at=NOW + DAY))


def test_refuses_to_forget_who_submitted_an_order(author: User) -> None:
    queued(author)

    refuses("who submitted an order", lambda: Order.objects.update(submitted_by=None))


@pytest.mark.parametrize("make", [draft, awaiting, queued])
def test_refuses_another_approver(author: User, approver: User, make: Any) -> None:
    make(author)
    words = "who approved an order, and when, is written by the approval alone"

    refuses(words, lambda: Order.objects.update(approved_by=approver))
    refuses(words, lambda: Order.objects.update(approved_at=NOW))


def test_refuses_to_take_an_approval_away(author: User, approver: User) -> None:
    order = awaiting(author)
    orders.approve(order.pk, order.version, user=approver, now=NOW)

    refuses("who approved an order", lambda: Order.objects.update(approved_by=None, approved_at=None))


def test_refuses_to_claim_without_an_attempt(author: User) -> None:
    order = queued(author)

    refuses(CLAIM, lambda: move_past_the_services(order, OrderState.PUBLISHING))


def test_refuses_to_claim_with_an_attempt_at_another_version(author: User) -> None:
    order = queued(author)
    order.attempts.create(number=1, order_version=order.version + 1, claimed_at=NOW, lease_until=NOW)
    orders.return_to_draft(order.pk, order.version, user=author, now=NOW)
    again = orders.submit(order.pk, order.version + 1, user=author, now=NOW)

    refuses(CLAIM, lambda: move_past_the_services(again, OrderState.PUBLISHING))


RESULTS = [OrderState.PUBLISHED, OrderState.REJECTED, OrderState.UNKNOWN, OrderState.QUEUED]


@pytest.mark.parametrize("new", RESULTS)
def test_refuses_a_result_while_the_attempt_is_open(author: User, new: OrderState) -> None:
    order = queued(author)
    publishing._claim(order, NOW)

    refuses(RESULT, lambda: move_past_the_services(order, new))


@pytest.mark.parametrize("new", RESULTS)
@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OPEN])
def test_refuses_a_result_that_the_attempt_did_not_have(author: User, outcome: Outcome, new: OrderState) -> None:
    order = queued(author)
    attempt = publishing._claim(order, NOW)
    Attempt.objects.filter(pk=attempt.pk).update(outcome=outcome.value)
    fits = {
        Outcome.PUBLISHED: {OrderState.PUBLISHED},
        Outcome.REJECTED: {OrderState.REJECTED},
        Outcome.UNKNOWN: {OrderState.UNKNOWN},
        Outcome.NOT_SENT: {OrderState.QUEUED, OrderState.REJECTED},
    }

    if new in fits[outcome]:
        move_past_the_services(order, new)
        assert reload(order).state == new
    else:
        refuses(RESULT, lambda: move_past_the_services(order, new))


SETTLED = {
    Resolution.LIVE: OrderState.PUBLISHED,
    Resolution.NOT_LIVE: OrderState.QUEUED,
    Resolution.ABANDON: OrderState.CANCELLED,
}


@pytest.mark.parametrize("new", SETTLED.values())
def test_refuses_to_end_a_doubt_that_nobody_settled(author: User, new: OrderState) -> None:
    order = in_doubt(author)

    refuses(DOUBT, lambda: move_past_the_services(order, new))


@pytest.mark.parametrize("new", SETTLED.values())
@pytest.mark.parametrize("resolution", Resolution)
def test_refuses_to_end_a_doubt_otherwise_than_people_said(
    author: User, approver: User, resolution: Resolution, new: OrderState
) -> None:
    order = in_doubt(author)
    word = say(order, resolution, author)
    refuses(DOUBT, lambda: move_past_the_services(order, new))
    Settlement.objects.filter(pk=word.pk).update(confirmed_by=approver, confirmed_at=NOW)

    if SETTLED[resolution] is new:
        move_past_the_services(order, new)
        assert reload(order).state == new
    else:
        refuses(DOUBT, lambda: move_past_the_services(order, new))


def test_refuses_to_end_a_doubt_by_what_people_said_of_an_earlier_one(author: User, approver: User) -> None:
    order = in_doubt(author)
    say(order, Resolution.NOT_LIVE, author, confirmed_by=approver, confirmed_at=NOW)
    move_past_the_services(order, OrderState.QUEUED)
    order = answer_again(order, Answer(Outcome.UNKNOWN, "Silence."), now=NOW)
    assert order.state == "unknown"

    refuses(DOUBT, lambda: move_past_the_services(order, OrderState.QUEUED))


def test_lets_a_late_answer_end_a_doubt(author: User) -> None:
    order = in_doubt(author)
    late = Answer(Outcome.PUBLISHED, "Yes.", 202, "{}", ("queue_late",), "queued")

    recording.record_answer(order.attempts.get(), late, now=NOW + DAY)

    assert (reload(order).state, order.attempts.get().outcome) == ("published", "published")


def test_refuses_an_attempt_that_does_not_begin_open(author: User) -> None:
    order = queued(author)
    fields: dict[str, Any] = {"number": 1, "order_version": order.version + 1, "claimed_at": NOW, "lease_until": NOW}
    words = "an attempt begins open, with nothing sent, for an order that is queued"

    refuses(words, lambda: order.attempts.create(**fields, outcome="not_sent"))
    refuses(words, lambda: order.attempts.create(**fields, sent_at=NOW))
    refuses(words, lambda: order.attempts.create(**{**fields, "order_version": order.version}))
    refuses(words, lambda: draft(author).attempts.create(**{**fields, "order_version": 2}))


CLAIMS: dict[str, dict[str, Any]] = {
    "number": {"number": 7},
    "version": {"order_version": 7},
    "hash": {"payload_sha256": "0" * 64},
    "worker": {"worker": "another"},
    "time": {"claimed_at": NOW + DAY},
}


@pytest.mark.parametrize("changes", CLAIMS.values(), ids=CLAIMS.keys())
def test_refuses_another_claim_for_an_attempt(author: User, changes: dict[str, Any]) -> None:
    publishing._claim(queued(author), NOW)

    refuses(
        "who took which order for an attempt, and what was to be sent, cannot be changed",
        lambda: Attempt.objects.update(**changes),
    )


@pytest.mark.parametrize("build", [rejected, in_doubt, lambda author: published("queue_1", user=author)])
@pytest.mark.parametrize("new", Outcome)
def test_refuses_another_outcome(author: User, build: Any, new: Outcome) -> None:
    attempt = build(author).attempts.get()

    if new != attempt.outcome:
        refuses("what came of an attempt cannot be changed", lambda: Attempt.objects.update(outcome=new.value))


ANSWERS: dict[str, dict[str, Any]] = {
    "words": {"words": "Yes."},
    "excerpt": {"excerpt": "{}"},
    "status": {"http_status": 202},
    "end": {"finished_at": None},
}


@pytest.mark.parametrize("changes", ANSWERS.values(), ids=ANSWERS.keys())
def test_refuses_another_answer_of_flow_to_an_attempt_that_is_over(author: User, changes: dict[str, Any]) -> None:
    in_doubt(author)

    refuses("what came of an attempt cannot be changed", lambda: Attempt.objects.update(**changes))


def test_refuses_a_draft_that_keeps_its_submission_or_its_approval(author: User, approver: User) -> None:
    order = awaiting(author)
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    words = "a draft was submitted and approved by nobody|who approved an order|who submitted an order"
    cleared: dict[str, Any] = dict.fromkeys((*guard_rules.SUBMISSION, *guard_rules.APPROVAL))

    for kept in ("payload", "submitted_by_id", "submitted_at", "approved_by_id", "approved_at"):
        changes = {name: value for name, value in {**cleared, "payload": ""}.items() if name != kept}
        refuses(words, partial(move_past_the_services, order, OrderState.DRAFT, **changes))


def test_refuses_a_settlement_of_what_is_not_in_doubt(author: User) -> None:
    done, other = published("queue_1", user=author), in_doubt(author)
    words = "only an order in doubt can be settled, by its own attempt"

    refuses(words, lambda: say(done, Resolution.NOT_LIVE, author))
    refuses(words, lambda: say(other, Resolution.NOT_LIVE, author, attempt=done.attempts.get()))


WORDS: dict[str, Callable[[], object]] = {
    "resolution": lambda: Settlement.objects.update(resolution="abandon"),
    "tracking ids": lambda: Settlement.objects.update(tracking_ids=["queue_9"]),
    "person": lambda: Settlement.objects.update(proposed_by=make_user("another")),
    "deletion": lambda: sql("DELETE FROM campaigns_settlement"),
}


@pytest.mark.parametrize("door", WORDS.values(), ids=WORDS.keys())
def test_refuses_to_put_words_into_the_mouths_of_people(author: User, door: Callable[[], object]) -> None:
    say(in_doubt(author), Resolution.NOT_LIVE, author)

    refuses(SAID, door)


def test_lets_people_say_more_until_it_is_confirmed(author: User, approver: User) -> None:
    say(in_doubt(author), Resolution.NOT_LIVE, author)

    Settlement.objects.update(evidence="Looked again.", proposed_at=NOW + DAY)
    Settlement.objects.update(confirmed_by=approver, confirmed_at=NOW + DAY)

    refuses(SAID, lambda: Settlement.objects.update(evidence="It was another page."))
    refuses(SAID, lambda: Settlement.objects.update(confirmed_by=None))


CAMPAIGN_DOORS: dict[str, Door] = {
    "tracking id": lambda _: Campaign.objects.update(tracking_id="queue_9"),
    "order": lambda other: Campaign.objects.update(order=other),
    "attempt": lambda other: Campaign.objects.update(attempt=other.attempts.get()),
    "id": lambda _: sql("UPDATE campaigns_campaign SET id = 999"),
    "save": lambda _: replaced(Campaign.objects.get(), "queue_9").save(),
}


@pytest.mark.parametrize("door", CAMPAIGN_DOORS.values(), ids=CAMPAIGN_DOORS.keys())
def test_refuses_another_order_for_a_tracking_id(author: User, door: Door) -> None:
    other = in_doubt(author)
    published("queue_1", user=author)

    refuses("a tracking id stays with its order", lambda: door(other))


def replaced(campaign: Campaign, tracking_id: str) -> Campaign:
    campaign.tracking_id = tracking_id
    return campaign


@pytest.mark.parametrize("door", ["queryset", "SQL"])
def test_refuses_to_delete_a_campaign(author: User, door: str) -> None:
    published("queue_1", user=author)
    deletions: dict[str, Callable[[], object]] = {
        "queryset": lambda: Campaign.objects.all()._raw_delete(using="default"),
        "SQL": lambda: sql("DELETE FROM campaigns_campaign"),
    }

    refuses("campaigns cannot be deleted", deletions[door])


def test_lets_a_campaign_follow_flow(author: User) -> None:
    published("queue_1", user=author)
    campaign = Campaign.objects.get()
    campaign.flow_status = "active"

    campaign.save()
    update([campaign], ["flow_status"])

    assert Campaign.objects.get().flow_status == "active"


@pytest.mark.parametrize("sent_at", [None, NOW + timedelta(days=1)])
def test_refuses_to_change_when_an_attempt_began_to_send(author: User, flow: Flow, sent_at: datetime | None) -> None:
    order = queued(author)
    publish(order)

    refuses("when an attempt began to send cannot be changed", lambda: Attempt.objects.update(sent_at=sent_at))


def test_refuses_to_delete_an_attempt(author: User, flow: Flow) -> None:
    publish(queued(author))

    refuses("attempts cannot be deleted", lambda: sql("DELETE FROM campaigns_attempt"))


@pytest.mark.parametrize("state", [state for state in OrderState if state is not OrderState.DRAFT])
def test_refuses_an_order_that_does_not_begin_as_a_draft(author: User, state: OrderState) -> None:
    like = draft(author)
    fields = {"plan": like.plan, "branch": like.branch, "created_by": author, "created_at": NOW}

    refuses(
        "an order begins as a draft",
        lambda: Order.objects.create(order_ref="smuggled", state=state.value, **fields),
    )


@pytest.mark.parametrize("door", ["queryset", "SQL"])
def test_refuses_to_delete_a_submitted_order(author: User, door: str) -> None:
    order = queued(author)
    deletions = {
        "queryset": lambda: Order.objects.all()._raw_delete(using="default"),
        "SQL": lambda: sql("DELETE FROM campaigns_order WHERE id = %s", order.pk),
    }

    refuses("a submitted order cannot be deleted: cancel it", deletions[door])


@pytest.mark.parametrize("make", [draft, queued])
def test_refuses_to_delete_an_order_that_has_a_history(author: User, make: Any) -> None:
    make(author)
    before = everything()

    with pytest.raises(DatabaseError), transaction.atomic():
        Order.objects.all().delete()

    assert everything() == before


EVENT_DOORS: dict[str, Callable[[], object]] = {
    "update": lambda: Event.objects.update(text="It was somebody else."),
    "save": lambda: Event.objects.get().save(),
    "delete": lambda: Event.objects.all().delete(),
    "raw delete": lambda: Event.objects.all()._raw_delete(using="default"),
    "SQL update": lambda: sql("UPDATE campaigns_event SET actor_id = NULL"),
    "SQL delete": lambda: sql("DELETE FROM campaigns_event"),
}


@pytest.mark.parametrize("door", EVENT_DOORS.values(), ids=EVENT_DOORS.keys())
def test_refuses_to_rewrite_history(author: User, door: Callable[[], object]) -> None:
    draft(author)

    refuses(HISTORY, door)


ON_SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no REPLACE")
ORDER, ATTEMPT = "there is such an order already", "there is such an attempt already"
CAMPAIGN = "there is such a campaign already"
# The whole row as it is, but for what is given.
REPLACEMENTS = {
    "a line of history": ("campaigns_event", {"text": "'It was somebody else.'"}, HISTORY),
    "the end of history": ("campaigns_historyhead", {"event_id": "NULL", "sha256": "''"}, HISTORY),
    "an order": ("campaigns_order", {"state": "'draft'", "budget_override": "99"}, ORDER),
    "an order, by its ref": ("campaigns_order", {"id": "999", "state": "'draft'"}, ORDER),
    "an attempt": ("campaigns_attempt", {"sent_at": "NULL"}, ATTEMPT),
    "an attempt, by its number": ("campaigns_attempt", {"id": "999", "outcome": "'not_sent'"}, ATTEMPT),
    "an attempt, by its outcome": ("campaigns_attempt", {"id": "999", "number": "999"}, ATTEMPT),
    "a listing of an order": ("campaigns_orderlisting", {"listing_id": "999"}, LINES),
    "a campaign": ("campaigns_campaign", {"tracking_id": "'another'"}, CAMPAIGN),
    "a campaign, by its tracking id": ("campaigns_campaign", {"id": "999"}, CAMPAIGN),
}


@ON_SQLITE
@pytest.mark.parametrize("what", REPLACEMENTS)
def test_refuses_to_replace(author: User, flow: Flow, what: str) -> None:
    publish(queued(author))
    table, changes, words = REPLACEMENTS[what]
    before = HistoryHead.objects.values().get()
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(changes.get(column, column) for column in columns)

    refuses(words, lambda: sql(f"REPLACE INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}"))

    assert HistoryHead.objects.values().get() == before


@ON_SQLITE
def test_refuses_to_oust_an_order_or_an_attempt_by_another(author: User, flow: Flow) -> None:
    order, other = queued(author), draft(author)
    publish(order)
    first = order.attempts.get()
    again = queued(author)
    second = again.attempts.create(number=2, order_version=again.version + 1, claimed_at=NOW, lease_until=NOW)

    refuses(ORDER, lambda: sql("UPDATE OR REPLACE campaigns_order SET id = %s WHERE id = %s", order.pk, other.pk))
    refuses(ATTEMPT, lambda: sql("UPDATE OR REPLACE campaigns_attempt SET id = %s WHERE id = %s", first.pk, second.pk))
    other_line, line = (OrderListing.objects.get(order=each).pk for each in (other, again))
    oust = "UPDATE OR REPLACE campaigns_orderlisting SET id = %s WHERE id = %s"
    refuses(LINES, lambda: sql(oust, line, other_line))
    campaign = "UPDATE OR REPLACE campaigns_campaign SET id = 999"
    refuses("a tracking id stays with its order", lambda: sql(campaign))


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "table", ["order", "orderlisting", "attempt", "settlement", "campaign", "event", "historyhead"]
)
def test_refuses_to_empty_a_table(author: User, flow: Flow, table: str) -> None:
    publish(queued(author))
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # else PostgreSQL has checks to do before it looks at the guards
    before = HistoryHead.objects.values().get()

    refuses(
        "orders, their listings, attempts, campaigns and history cannot be emptied",
        lambda: sql(f"TRUNCATE campaigns_{table} CASCADE"),
    )

    assert HistoryHead.objects.values().get() == before


def guard_names() -> set[str]:
    tables = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with connection.cursor() as cursor:
        cursor.execute(tables[connection.vendor])
        return {name for (name,) in cursor.fetchall() if name.startswith("guard_")}


def test_puts_every_guard_back_after_each_migrate(author: User) -> None:
    queued(author)
    all_of_them = {rule[0] for rule in guard_rules.rules(connection.vendor)}
    assert guard_names() == all_of_them

    guards.remove(connection)
    assert guard_names() == set()
    call_command("migrate", verbosity=0)

    assert guard_names() == all_of_them
    refuses(FIXED, lambda: Order.objects.update(budget_override="99.00"))


def test_keeps_out_of_the_way_of_a_migration_that_makes_a_table_anew(author: User) -> None:
    queued(author)
    on_sqlite = connection.vendor == "sqlite"
    all_of_them = {rule.name for rule in guard_rules.rules(connection.vendor)}

    guards.remove_before_migrate(using="default", plan=[(Migration("0018", "campaigns"), False)])

    assert guard_names() == (set() if on_sqlite else all_of_them)


@pytest.mark.parametrize("plan", [[], [(Migration("0002", "auth"), False)]], ids=["nothing", "other tables"])
def test_stays_where_a_migration_changes_none_of_its_tables(db: None, plan: list[tuple[Migration, bool]]) -> None:
    guards.remove_before_migrate(using="default", plan=plan)

    assert guard_names() == {rule.name for rule in guard_rules.rules(connection.vendor)}


@pytest.mark.django_db(transaction=True)
def test_others_see_every_guard_while_it_is_put_in_place_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    make, seen = guards._execute, []

    def look(connection: BaseDatabaseWrapper, statements: Callable[[guard_rules.Rule], list[str]]) -> None:
        seen.extend(at_once(guard_names))
        make(connection, statements)
        seen.extend(at_once(guard_names))

    monkeypatch.setattr(guards, "_execute", look)
    call_command("migrate", verbosity=0)

    assert seen == [{rule.name for rule in guard_rules.rules(connection.vendor)}] * 2


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="the same conditions stand in functions there, which have no plan"
)
@pytest.mark.parametrize(
    "rule", [rule for rule in guard_rules.rules("sqlite") if "SELECT" in rule.when], ids=lambda rule: rule.name
)
def test_no_guard_reads_a_whole_table(db: None, rule: guard_rules.Rule) -> None:
    condition = re.sub(r"\b(NEW|OLD)\.\w+", "%s", rule.when)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN SELECT {condition}", [1] * condition.count("%s"))
        steps = [step for *_, step in cursor.fetchall()]
    assert [step for step in steps if step.startswith("SCAN campaigns_")] == []
    assert any(step.startswith("SEARCH campaigns_") for step in steps)


def test_takes_guards_twice_without_a_word(db: None) -> None:
    guards.install(connection)
    guards.install(connection)

    assert len(guard_names()) == len(guard_rules.rules(connection.vendor))
