"""Flow answers after the lease is over: whatever people have done meanwhile, no money goes out unseen and none twice."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, connections

from campaigns.domain.late_answers import ALREADY_LIVE, IDS_OF_OTHERS, OTHER_IDS, TWICE
from campaigns.domain.states import Outcome, Resolution
from campaigns.models import Order
from campaigns.services import orders, publishing, recording
from campaigns.services.content import Content
from campaigns.services.errors import Refused, Stale
from campaigns.services.publishing import PublishResult
from campaigns.services.recording import Answer
from campaigns.services.settling import SettleResult, settle
from tests.factories import make_branch, make_listing, make_user
from tests.flow.nasty_server import Play, says
from tests.services.building import (
    LEASE,
    NOW,
    SECOND,
    at_once,
    everything,
    kinds,
    last_event,
    publish,
    queued,
    reload,
)
from tests.services.flow_server import Flow, meanwhile

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + LEASE + SECOND
MUCH_LATER = LATER + timedelta(hours=1)
REFUSED_BY_FLOW = says(400, {"error": "no"})


@pytest.fixture
def settler(transactional_db: None) -> User:
    """Somebody who settles orders alone."""
    return make_user("sue", "settle_order", "settle_alone")


def recover() -> None:
    assert len(publishing.recover_expired_leases(LATER)) == 1


def answered_late(
    order: Order, flow: Flow, *deeds: Callable[[], object], late: Play, then: Play | None = None
) -> PublishResult:
    """Publish; let the lease run out and the deeds be done before Flow answers `late`. Later POSTs get `then`."""

    def all_deeds() -> None:
        for deed in (recover, *deeds):
            deed()

    flow.on_publish(meanwhile(all_deeds, late), then or flow.accepts())
    return publish(order)


def tracking_ids(order: Order) -> list[str]:
    return sorted(order.campaigns.values_list("tracking_id", flat=True))


def settled(order: Order, user: User, resolution: Resolution, *ids: str) -> Callable[[], object]:
    return lambda: settle(order.pk, resolution, tracking_ids=ids, evidence="We looked.", user=user, now=LATER)


def assert_never_sent_again(order: Order, flow: Flow, posts: int) -> None:
    publish(order, MUCH_LATER)
    assert publishing.due_orders(MUCH_LATER, 10) == []
    assert len(flow.publishes) == posts


def test_settles_the_doubt_where_nobody_was_faster(author: User, flow: Flow) -> None:
    order = queued(author)
    Order.objects.update(failures=2)

    result = answered_late(order, flow, late=flow.accepts("queue_a", "queue_b"))

    assert result.outcome == "published"
    assert (reload(order).state, reload(order).problem, reload(order).failures) == ("published", "", 0)
    assert (order.attempts.get().outcome, tracking_ids(order)) == ("published", ["queue_a", "queue_b"])
    assert kinds(order)[2:] == ["order.claimed", "order.in_doubt", "order.late_answer"]
    assert last_event(order).text == "Late answer: Flow accepted the order: queue_a, queue_b. It settles the doubt."
    assert last_event(order).data == {"attempt": 1, "http_status": 202, "tracking_ids": ["queue_a", "queue_b"]}
    assert (last_event(order).actor_kind, last_event(order).at) == ("flow", NOW)
    assert_never_sent_again(order, flow, posts=1)


def test_settles_the_doubt_although_another_order_was_published_in_the_same_moment(author: User, flow: Flow) -> None:
    other, order = queued(author), queued(author)
    publish(other)

    assert answered_late(order, flow, late=flow.accepts("queue_a")).outcome == "published"

    assert (reload(order).state, tracking_ids(order)) == ("published", ["queue_a"])
    assert other.attempts.get().finished_at == NOW


def test_settles_the_doubt_although_the_lease_ran_out_in_the_same_moment(author: User, flow: Flow) -> None:
    order = queued(author)
    answered_late(order, flow, late=says(500, {}))
    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.finished_at) == ("unknown", LATER)
    words = "Flow accepted the order: queue_a."
    answer = Answer(Outcome.PUBLISHED, words, http_status=202, tracking_ids=("queue_a",), flow_status="queued")

    assert recording.record_answer(attempt, answer, now=LATER) is Outcome.PUBLISHED

    assert (reload(order).state, tracking_ids(order)) == ("published", ["queue_a"])
    assert last_event(order).text == f"Late answer: {words} It settles the doubt."


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "The worker did not come back after it had begun to send"),
        (500, "Flow's answer to the publish (HTTP 500) does not say"),
        (401, "The worker did not come back after it had begun to send"),
        (429, "The worker did not come back after it had begun to send"),
    ],
)
def test_leaves_the_doubt_to_people_where_the_late_answer_is_no_yes(
    author: User, flow: Flow, status: int, words: str
) -> None:
    order = queued(author)

    result = answered_late(order, flow, late=says(status, {"error": "no"}))

    assert (result.outcome, result.again) == ("unknown", False)
    assert result.words.startswith(words)
    assert (reload(order).state, order.attempts.get().outcome) == ("unknown", "unknown")
    event = last_event(order)
    assert (event.kind, event.actor_kind) == ("order.late_answer", "flow")
    assert event.text.startswith("Late answer: ")
    assert event.data == {"attempt": 1, "http_status": status, "tracking_ids": []}
    assert_never_sent_again(order, flow, posts=1)


def test_takes_an_order_out_of_the_queue_that_people_had_called_not_live(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    not_live = settled(order, settler, Resolution.NOT_LIVE)

    result = answered_late(order, flow, not_live, late=flow.accepts("queue_a"))

    assert result.outcome == "published"
    order = reload(order)
    assert (order.state, order.problem, order.payload) == ("draft", ALREADY_LIVE, "")
    assert (order.next_attempt_at, order.submitted_by) == (None, None)
    assert tracking_ids(order) == ["queue_a"]
    assert last_event(order).text == (
        "Late answer: Flow accepted the order: queue_a. The order is a draft again, so that it is not sent once more."
    )
    assert_never_sent_again(order, flow, posts=1)
    with pytest.raises(Refused, match="is at Flow already: submitting it again would spend the money twice"):
        orders.submit(order.pk, order.version, user=author, now=LATER)
    assert orders.cancel(order.pk, order.version, reason="It is live.", user=author, now=LATER).state == "cancelled"


def test_a_draft_that_is_live_stays_with_the_branch_whose_money_it_spends(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    answered_late(order, flow, settled(order, settler, Resolution.NOT_LIVE), late=flow.accepts("queue_a"))
    order, elsewhere = reload(order), make_branch()
    moved = replace(Content.of(order), branch=elsewhere, listings=(make_listing(elsewhere),))
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.edit_order(order.pk, order.version, moved, user=author, now=LATER)

    text = f"Flow has, or may have, campaigns of this order for branch {order.branch}. Choose that branch again."
    assert caught.value.message_dict == {"branch": [text]}
    assert everything() == before


def test_a_draft_that_may_turn_out_to_be_live_stays_with_its_branch_too(
    author: User, settler: User, flow: Flow
) -> None:
    order, elsewhere = queued(author), make_branch()

    def is_taken_back_and_moved() -> None:
        settled(order, settler, Resolution.NOT_LIVE)()
        draft = orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)
        moved = replace(Content.of(draft), branch=elsewhere, listings=(make_listing(elsewhere),))
        with pytest.raises(ValidationError, match="Flow has, or may have, campaigns of this order"):
            orders.edit_order(order.pk, draft.version, moved, user=author, now=LATER)

    answered_late(order, flow, is_taken_back_and_moved, late=flow.accepts("queue_a"))

    assert reload(order).branch == order.branch
    assert order.campaigns.get().branch == order.branch


def test_takes_an_order_back_that_waits_for_its_second_approval(
    author: User, approver: User, settler: User, flow: Flow
) -> None:
    order = queued(author, branch=make_branch(approval_threshold=0))
    order = orders.approve(order.pk, order.version, user=approver, now=NOW)

    def submit_again() -> None:
        returned = orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)
        assert orders.submit(order.pk, returned.version, user=author, now=LATER).state == "awaiting_approval"

    answered_late(order, flow, settled(order, settler, Resolution.NOT_LIVE), submit_again, late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == ("draft", ALREADY_LIVE)
    assert tracking_ids(order) == ["queue_a"]
    assert_never_sent_again(order, flow, posts=1)


def test_warns_of_a_draft_that_turns_out_to_be_live(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    take_back = lambda: orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)  # noqa: E731

    answered_late(order, flow, settled(order, settler, Resolution.NOT_LIVE), take_back, late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == ("draft", ALREADY_LIVE)
    assert tracking_ids(order) == ["queue_a"]
    with pytest.raises(Refused):
        orders.submit(order.pk, reload(order).version, user=author, now=LATER)


def test_a_draft_that_was_looked_at_before_the_late_answer_must_be_looked_at_again(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    seen: list[Order] = []

    def take_back() -> None:
        seen.append(orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER))

    answered_late(order, flow, settled(order, settler, Resolution.NOT_LIVE), take_back, late=flow.accepts("queue_a"))

    assert reload(order).version == seen[0].version + 1
    with pytest.raises(Stale):
        orders.cancel(order.pk, seen[0].version, reason="Sold.", user=author, now=LATER)
    assert (reload(order).state, reload(order).problem) == ("draft", ALREADY_LIVE)


def test_nothing_is_told_of_a_draft_that_somebody_has_changed_since_it_was_read(author: User, flow: Flow) -> None:
    order = orders.return_to_draft(queued(author).pk, 2, user=author, now=NOW)
    Order.objects.filter(pk=order.pk).update(version=order.version + 1)

    with pytest.raises(Stale, match=f"Somebody else has just moved order {order.order_ref}."):
        recording._tell(order, ALREADY_LIVE)

    assert (reload(order).problem, reload(order).version) == ("", order.version + 1)


def test_what_flow_took_matters_more_than_why_an_approver_sent_it_back(
    author: User, approver: User, settler: User, flow: Flow
) -> None:
    order = queued(author, branch=make_branch(approval_threshold=0))
    order = orders.approve(order.pk, order.version, user=approver, now=NOW)

    def submit_again_in_vain() -> None:
        returned = orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)
        waiting = orders.submit(order.pk, returned.version, user=author, now=LATER)
        orders.reject(order.pk, waiting.version, comment="Too dear.", user=approver, now=LATER)
        assert (reload(order).problem, reload(order).not_approved_at) == ("Too dear.", LATER)

    not_live = settled(order, settler, Resolution.NOT_LIVE)
    answered_late(order, flow, not_live, submit_again_in_vain, late=flow.accepts("queue_a"))

    assert (reload(order).problem, reload(order).not_approved_at) == (ALREADY_LIVE, None)


class SecondWorker:
    """Publishes an order, and stops when told to until it is let go."""

    def __init__(self, order: Order, *, stops_before_it_is_marked_as_sent: bool = False) -> None:
        self._stops_before_it_is_marked_as_sent = stops_before_it_is_marked_as_sent
        self.stopped, self.let_go = threading.Event(), threading.Event()
        self.result: PublishResult | None = None
        self._order, self._looks = order, 0
        self._thread = threading.Thread(target=self._run)

    def start_and_wait_until_it_stops(self) -> None:
        self._thread.start()
        assert self.stopped.wait(30)

    def stop_here(self) -> None:
        self.stopped.set()
        assert self.let_go.wait(30)

    def go_on_to_the_end(self) -> PublishResult:
        self.let_go.set()
        self._thread.join(30)
        assert self.result is not None
        return self.result

    def _run(self) -> None:
        try:
            self.result = publishing.publish_order(self._order.pk, clock=self._look)
        finally:
            connections.close_all()

    def _look(self) -> datetime:
        self._looks += 1
        if self._looks == 3 and self._stops_before_it_is_marked_as_sent:
            self.stop_here()
        return LATER


def answered_late_while_a_second_is_under_way(order: Order, flow: Flow, settler: User, then: Play) -> SecondWorker:
    """Let people say not live and a second worker send before the first POST turns out accepted; the second gets `then`."""
    second = SecondWorker(order)
    answered_late(
        order,
        flow,
        settled(order, settler, Resolution.NOT_LIVE),
        second.start_and_wait_until_it_stops,
        late=flow.accepts("queue_a"),
        then=meanwhile(second.stop_here, then),
    )
    return second


def test_calls_off_a_second_attempt_that_has_sent_nothing_yet(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    second = SecondWorker(order, stops_before_it_is_marked_as_sent=True)
    not_live = settled(order, settler, Resolution.NOT_LIVE)

    def look_back() -> None:
        Order.objects.update(problem="It did not work before.", failures=2, next_attempt_at=NOW)

    late, deeds = flow.accepts("queue_a"), (not_live, second.start_and_wait_until_it_stops, look_back)
    assert answered_late(order, flow, *deeds, late=late).outcome == "published"

    assert second.go_on_to_the_end().outcome == "skipped"
    assert len(flow.publishes) == 1
    assert (reload(order).state, reload(order).problem, tracking_ids(order)) == ("published", "", ["queue_a"])
    assert (reload(order).failures, reload(order).next_attempt_at) == (0, None)
    assert [*order.attempts.values_list("outcome", "finished_at")] == [("published", LATER), ("not_sent", NOW)]
    assert order.attempts.get(number=2).words == ALREADY_LIVE
    assert last_event(order).text.endswith("Attempt 2 had sent nothing yet; it is called off.")
    assert_never_sent_again(order, flow, posts=1)


def test_calls_off_the_last_attempt_where_several_came_in_between(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    second, third = (SecondWorker(order, stops_before_it_is_marked_as_sent=True) for _ in range(2))

    def the_second_does_not_come_back() -> None:
        assert publishing.recover_expired_leases(MUCH_LATER) == [order.order_ref]
        Order.objects.update(next_attempt_at=LATER)

    answered_late(
        order,
        flow,
        settled(order, settler, Resolution.NOT_LIVE),
        second.start_and_wait_until_it_stops,
        the_second_does_not_come_back,
        third.start_and_wait_until_it_stops,
        late=flow.accepts("queue_a"),
    )

    assert [worker.go_on_to_the_end().outcome for worker in (second, third)] == ["skipped", "skipped"]
    assert len(flow.publishes) == 1
    assert [*order.attempts.values_list("outcome", flat=True)] == ["published", "not_sent", "not_sent"]
    assert (reload(order).state, tracking_ids(order)) == ("published", ["queue_a"])
    assert last_event(order).text.endswith("Attempt 3 had sent nothing yet; it is called off.")
    assert_never_sent_again(order, flow, posts=1)


@pytest.mark.parametrize(
    ("answer", "state", "problem"),
    [
        ("yes", "published", TWICE),
        ("no", "rejected", "Flow said no"),
        ("later", "queued", "Flow asks for fewer requests"),
        ("hm", "unknown", "Flow's answer to the publish (HTTP 500) does not say"),
    ],
)
def test_never_sends_a_third_time_after_a_second_attempt_that_could_not_be_stopped(
    author: User, settler: User, flow: Flow, answer: str, state: str, problem: str
) -> None:
    order = queued(author)
    says_then = {"yes": flow.accepts("queue_b"), "no": REFUSED_BY_FLOW, "later": says(429, {}), "hm": says(500)}

    second = answered_late_while_a_second_is_under_way(order, flow, settler, says_then[answer])
    assert (reload(order).state, tracking_ids(order)) == ("publishing", ["queue_a"])
    second.go_on_to_the_end()

    assert reload(order).state == state
    assert reload(order).problem.startswith(problem)
    assert "queue_a" in tracking_ids(order)
    if answer == "later":
        assert reload(order).problem.endswith(ALREADY_LIVE)
    publish(order, MUCH_LATER)
    assert len(flow.publishes) == 2
    if answer == "later":
        assert (reload(order).state, reload(order).problem) == ("rejected", ALREADY_LIVE)
    if answer == "no":
        assert reload(order).problem == last_event(order).text == f"Flow said no: no. {ALREADY_LIVE}"


@pytest.mark.parametrize("then", [REFUSED_BY_FLOW, says(429, {})], ids=["refused", "queued again"])
def test_goes_on_telling_of_what_is_live_where_the_order_is_returned_to_draft(
    author: User, settler: User, flow: Flow, then: Play
) -> None:
    order = queued(author)
    second = answered_late_while_a_second_is_under_way(order, flow, settler, then)
    second.go_on_to_the_end()

    orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)

    assert (reload(order).state, reload(order).problem) == ("draft", ALREADY_LIVE)


def test_warns_that_an_order_is_live_twice(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    send_again = partial(publish, order, LATER)
    not_live = settled(order, settler, Resolution.NOT_LIVE)

    answered_late(order, flow, not_live, send_again, late=flow.accepts("queue_a"), then=flow.accepts("queue_b"))

    assert (reload(order).state, reload(order).problem) == ("published", TWICE)
    assert [*order.campaigns.order_by("tracking_id").values_list("tracking_id", "attempt__number")] == [
        ("queue_a", 1),
        ("queue_b", 2),
    ]
    assert [*order.attempts.values_list("outcome", flat=True)] == ["unknown", "published"]
    assert_never_sent_again(order, flow, posts=2)


def both_answered_late(order: Order, flow: Flow, settler: User, first: str, second: str) -> None:
    """Let people say not live and a second worker send; let both answers come late, the first one first."""

    def again() -> None:
        flow.on_publish(meanwhile(recover_the_second, flow.accepts(second)))
        publish(order, LATER)

    def recover_the_second() -> None:
        assert publishing.recover_expired_leases(MUCH_LATER) == [order.order_ref]
        late = Answer(Outcome.PUBLISHED, f"Flow accepted the order: {first}.", 202, "{}", (first,), "queued")
        recording.record_answer(order.attempts.get(number=1), late, now=MUCH_LATER)
        assert (reload(order).state, tracking_ids(order)) == ("unknown", [first])

    answered_late(order, flow, settled(order, settler, Resolution.NOT_LIVE), again, late=says(500))


def test_warns_that_an_order_is_live_twice_where_both_answers_come_late(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    both_answered_late(order, flow, settler, "queue_a", "queue_b")

    assert (reload(order).state, reload(order).problem) == ("published", TWICE)
    told = order.events.get(text__contains="queue_b").text
    assert told == f"Late answer: Flow accepted the order: queue_b. It settles the doubt. {TWICE}"


@pytest.mark.parametrize(
    ("resolution", "ids", "state", "problem"),
    [
        (Resolution.LIVE, ["queue_a"], "published", ""),
        (Resolution.LIVE, ["queue_a", "queue_b"], "published", TWICE),
        (Resolution.ABANDON, [], "cancelled", ALREADY_LIVE),
    ],
)
def test_people_who_settle_a_second_attempt_are_told_what_the_first_one_spent(
    author: User, settler: User, flow: Flow, resolution: Resolution, ids: list[str], state: str, problem: str
) -> None:
    order = queued(author)
    send_again = partial(publish, order, LATER)
    not_live = settled(order, settler, Resolution.NOT_LIVE)
    answered_late(order, flow, not_live, send_again, late=flow.accepts("queue_a"), then=says(500))
    flow.statuses |= {"queue_a": "in_progress", "queue_b": "in_progress"}

    settled(order, settler, resolution, *ids)()

    assert (reload(order).state, reload(order).problem) == (state, problem)
    assert last_event(order).text.endswith(problem or "We looked.")


def test_leaves_the_doubt_of_a_second_attempt_open(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    send_again = partial(publish, order, LATER)
    not_live = settled(order, settler, Resolution.NOT_LIVE)

    answered_late(order, flow, not_live, send_again, late=flow.accepts("queue_a"), then=says(500))

    assert reload(order).state == "unknown"
    assert tracking_ids(order) == ["queue_a"]
    with pytest.raises(Refused) as refused:
        settled(order, settler, Resolution.NOT_LIVE)()
    assert str(refused.value) == (
        f"Order {order.order_ref} has campaigns at Flow already, from an earlier attempt: sending it again would spend "
        "the money twice. Settle it as live, with all the tracking ids that Flow shows for it."
    )
    assert_never_sent_again(order, flow, posts=2)
    flow.statuses["queue_a"] = "in_progress"
    settled(order, settler, Resolution.LIVE, "queue_a")()
    assert (reload(order).state, tracking_ids(order)) == ("published", ["queue_a"])


def test_takes_an_order_back_that_flow_refused_the_second_time(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    send_again = partial(publish, order, LATER)
    not_live = settled(order, settler, Resolution.NOT_LIVE)

    answered_late(order, flow, not_live, send_again, late=flow.accepts("queue_a"), then=REFUSED_BY_FLOW)

    assert (reload(order).state, reload(order).problem) == ("draft", ALREADY_LIVE)
    assert tracking_ids(order) == ["queue_a"]


def test_follows_the_campaigns_of_an_order_that_people_gave_up(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)

    answered_late(order, flow, settled(order, settler, Resolution.ABANDON), late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == ("cancelled", ALREADY_LIVE)
    assert tracking_ids(order) == ["queue_a"]
    assert last_event(order).text == (
        f"Late answer: Flow accepted the order: queue_a. {ALREADY_LIVE} The order is cancelled; its campaigns are followed "
        "all the same."
    )
    assert_never_sent_again(order, flow, posts=1)


def test_adds_nothing_where_people_had_found_the_same(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    flow.statuses = {"queue_a": "active"}

    answered_late(order, flow, settled(order, settler, Resolution.LIVE, "queue_a"), late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == ("published", "")
    assert tracking_ids(order) == ["queue_a"]


def test_adds_what_people_had_not_found(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    flow.statuses = {"queue_a": "active"}

    answered_late(
        order, flow, settled(order, settler, Resolution.LIVE, "queue_a"), late=flow.accepts("queue_a", "queue_b")
    )

    assert (reload(order).state, tracking_ids(order)) == ("published", ["queue_a", "queue_b"])


def test_warns_where_flow_names_other_ids_than_people_gave(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    flow.statuses = {"queue_x": "active"}

    answered_late(order, flow, settled(order, settler, Resolution.LIVE, "queue_x"), late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == ("published", OTHER_IDS)
    assert tracking_ids(order) == ["queue_a", "queue_x"]
    assert last_event(order).text == (
        f"Late answer: Flow accepted the order: queue_a. {OTHER_IDS} The order is published; its campaigns are followed all "
        "the same."
    )


def test_warns_where_an_id_that_people_gave_is_of_an_earlier_attempt(author: User, settler: User, flow: Flow) -> None:
    order = queued(author)
    send_again = partial(publish, order, LATER)
    not_live = settled(order, settler, Resolution.NOT_LIVE)
    flow.statuses = {"queue_a": "active", "queue_b": "active"}
    both = settled(order, settler, Resolution.LIVE, "queue_a", "queue_b")

    answered_late(order, flow, not_live, send_again, both, late=flow.accepts("queue_a"), then=says(500))

    assert (reload(order).state, reload(order).problem) == ("published", OTHER_IDS)
    assert tracking_ids(order) == ["queue_a", "queue_b"]


def given_away(settler: User, author: User, flow: Flow) -> Callable[[], object]:
    """Return what lets people settle another order as live, by mistake with an id of the order that is asked about."""

    def deed() -> None:
        other = queued(author)
        flow.on_publish(says(500))
        publish(other)
        flow.statuses = {"queue_a": "active"}
        settled(other, settler, Resolution.LIVE, "queue_a")()

    return deed


@pytest.mark.parametrize(("ids", "kept"), [(["queue_a"], []), (["queue_a", "queue_b"], ["queue_b"])])
def test_takes_an_order_out_of_the_queue_whose_ids_were_given_to_another(
    author: User, settler: User, flow: Flow, ids: list[str], kept: list[str]
) -> None:
    order = queued(author)
    deeds = (settled(order, settler, Resolution.NOT_LIVE), given_away(settler, author, flow))

    answered_late(order, flow, *deeds, late=flow.accepts(*ids))

    assert (reload(order).state, reload(order).problem, tracking_ids(order)) == ("draft", IDS_OF_OTHERS, kept)
    assert last_event(order).data == {"attempt": 1, "http_status": 202, "tracking_ids": ids}
    assert last_event(order).text == (
        f"Late answer: Flow accepted the order: {', '.join(ids)}. Flow answered with tracking ids that belong to other "
        f"campaigns already: queue_a. {IDS_OF_OTHERS}"
    )
    with pytest.raises(Refused, match="submitting it again would spend the money twice"):
        orders.submit(order.pk, reload(order).version, user=author, now=LATER)
    assert_never_sent_again(order, flow, posts=2)


@pytest.mark.parametrize("state", ["draft", "cancelled"])
def test_warns_of_an_order_that_waits_for_nobody_and_whose_ids_were_given_to_another(
    author: User, settler: User, flow: Flow, state: str
) -> None:
    order = queued(author)

    def end() -> None:
        back = orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)
        if state == "cancelled":
            orders.cancel(order.pk, back.version, reason="Sold.", user=author, now=LATER)

    deeds = (settled(order, settler, Resolution.NOT_LIVE), end, given_away(settler, author, flow))
    answered_late(order, flow, *deeds, late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == (state, IDS_OF_OTHERS)


def test_a_second_attempt_that_was_not_sent_is_the_last_where_the_first_one_s_ids_were_given_to_another(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    second = SecondWorker(order)
    deeds = (
        given_away(settler, author, flow),
        settled(order, settler, Resolution.NOT_LIVE),
        lambda: flow.on_publish(meanwhile(second.stop_here, says(429, {}))),
        second.start_and_wait_until_it_stops,
    )
    answered_late(order, flow, *deeds, late=flow.accepts("queue_a"))
    assert (reload(order).state, reload(order).problem) == ("publishing", IDS_OF_OTHERS)

    second.go_on_to_the_end()
    assert (reload(order).state, reload(order).problem.endswith(IDS_OF_OTHERS)) == ("queued", True)
    publish(order, MUCH_LATER)

    assert (reload(order).state, reload(order).problem) == ("rejected", IDS_OF_OTHERS)
    assert len(flow.publishes) == 3
    orders.return_to_draft(order.pk, reload(order).version, user=author, now=LATER)
    assert (reload(order).state, reload(order).problem) == ("draft", IDS_OF_OTHERS)


def test_calls_off_a_second_attempt_where_the_first_one_s_ids_were_given_to_another(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    second = SecondWorker(order, stops_before_it_is_marked_as_sent=True)
    deeds = (given_away(settler, author, flow), settled(order, settler, Resolution.NOT_LIVE))

    answered_late(order, flow, *deeds, second.start_and_wait_until_it_stops, late=flow.accepts("queue_a"))

    assert second.go_on_to_the_end().outcome == "skipped"
    assert len(flow.publishes) == 2
    assert (reload(order).state, reload(order).problem) == ("rejected", IDS_OF_OTHERS)
    assert reload(order).next_attempt_at is None
    assert [*order.attempts.values_list("outcome", "finished_at")] == [("unknown", LATER), ("not_sent", NOW)]
    data = {"attempt": 1, "http_status": 202, "tracking_ids": ["queue_a"]}
    assert [*order.events.order_by("pk").values_list("kind", "actor_kind", "data")][-2:] == [
        ("order.late_answer", "flow", data),
        ("order.rejected", "scheduler", data),
    ]
    assert_never_sent_again(order, flow, posts=2)


def test_leaves_a_doubt_to_people_where_flow_names_the_campaigns_of_an_earlier_attempt(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    both_answered_late(order, flow, settler, "queue_a", "queue_a")

    assert (reload(order).state, tracking_ids(order)) == ("unknown", ["queue_a"])
    told = order.events.get(text__contains="belong to other campaigns already: queue_a")
    assert (told.kind, told.actor_kind) == ("order.late_answer", "flow")
    assert told.data == {"attempt": 2, "http_status": 202, "tracking_ids": ["queue_a"]}
    assert_never_sent_again(order, flow, posts=2)


def test_warns_of_a_published_order_where_flow_names_the_campaigns_of_another(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    flow.statuses = {"queue_x": "active", "queue_a": "active"}
    live = settled(order, settler, Resolution.LIVE, "queue_x")

    answered_late(order, flow, live, given_away(settler, author, flow), late=flow.accepts("queue_a"))

    assert (reload(order).state, reload(order).problem) == ("published", OTHER_IDS)
    assert tracking_ids(order) == ["queue_x"]


def test_a_second_attempt_in_doubt_is_not_sent_again_where_the_first_one_s_ids_were_given_to_another(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    second = SecondWorker(order)
    deeds = (
        given_away(settler, author, flow),
        settled(order, settler, Resolution.NOT_LIVE),
        lambda: flow.on_publish(meanwhile(second.stop_here, says(500))),
        second.start_and_wait_until_it_stops,
    )
    answered_late(order, flow, *deeds, late=flow.accepts("queue_a"))

    second.go_on_to_the_end()

    assert (reload(order).state, reload(order).problem.endswith(IDS_OF_OTHERS)) == ("unknown", True)
    with pytest.raises(Refused, match="sending it again would spend the money twice"):
        settled(order, settler, Resolution.NOT_LIVE)()
    assert_never_sent_again(order, flow, posts=3)


def test_makes_no_campaign_of_an_id_that_another_order_has(author: User, flow: Flow) -> None:
    other, order = queued(author), queued(author)
    flow.on_publish(flow.accepts("queue_a"))
    publish(other)

    result = answered_late(order, flow, late=flow.accepts("queue_a"))

    assert result.outcome == "unknown"
    assert (reload(order).state, tracking_ids(order), tracking_ids(other)) == ("unknown", [], ["queue_a"])


def test_either_settles_the_doubt_or_takes_the_order_back_while_people_settle_it(
    author: User, settler: User, flow: Flow
) -> None:
    order = queued(author)
    results: list[object] = []
    person = threading.Thread(target=lambda: results.extend(at_once(settled(order, settler, Resolution.NOT_LIVE))))

    assert answered_late(order, flow, person.start, late=flow.accepts("queue_a")).outcome == "published"

    person.join(30)
    [result] = results
    people_were_faster = isinstance(result, SettleResult)
    assert people_were_faster or isinstance(result, Refused)
    assert reload(order).state == ("draft" if people_were_faster else "published")
    assert tracking_ids(order) == ["queue_a"]
    assert_never_sent_again(order, flow, posts=1)


@pytest.mark.postgresql
def test_writes_the_late_answer_again_where_people_settled_in_the_very_moment(
    author: User, settler: User, flow: Flow
) -> None:
    """SQLite lets nobody in while the late answer is written."""
    order = queued(author)
    not_live = settled(order, settler, Resolution.NOT_LIVE)
    people: list[object] = []

    def people_come_in_between(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "published" in (params or ()) and sql.startswith('UPDATE "campaigns_order"') and not people:
            people.extend(at_once(not_live))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(people_come_in_between):
        assert answered_late(order, flow, late=flow.accepts("queue_a")).outcome == "published"

    assert [type(result) for result in people] == [SettleResult]
    assert (reload(order).state, reload(order).problem) == ("draft", ALREADY_LIVE)
    assert tracking_ids(order) == ["queue_a"]
    assert_never_sent_again(order, flow, posts=1)
