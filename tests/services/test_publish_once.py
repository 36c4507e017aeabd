"""However many workers, messages and deaths there are, an order is sent once."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from campaigns.flow import clock
from campaigns.models import Attempt, Campaign, Order, guards
from campaigns.services import orders, publishing
from campaigns.services.errors import Stale
from campaigns.services.publishing import PublishResult, publish_order
from tests.services.building import (
    LEASE,
    NOW,
    SECOND,
    Clock,
    at_once,
    everything,
    kinds,
    publish,
    queued,
    reload,
)
from tests.services.flow_server import Flow

WORKERS = 50
BEFORE_SENT = 3
"""Which look at the clock comes after the claim and before the order is marked as sent."""


class ClockWith:
    """A clock that does something at one of the looks at it, and shows another time from then on."""

    def __init__(self, look: int, deed: Callable[[], object] = lambda: None, then: datetime = NOW) -> None:
        self._looks, self._look, self._deed, self._then, self._now = 0, look, deed, then, NOW

    def __call__(self) -> datetime:
        self._looks += 1
        if self._looks == self._look:
            self._now = self._then
            self._deed()
        return self._now


@pytest.mark.django_db(transaction=True)
def test_sends_once_when_50_workers_get_the_same_message(author: User, flow: Flow) -> None:
    order = queued(author)

    results = at_once(*[lambda: publish_order(order.pk, clock=Clock())] * WORKERS)

    assert len(flow.publishes) == 1
    outcomes = [result.outcome for result in results if isinstance(result, PublishResult)]
    assert sorted(outcomes) == ["published"] + ["skipped"] * (WORKERS - 1)
    assert reload(order).state == "published"
    assert (Attempt.objects.count(), Campaign.objects.count()) == (1, 1)
    assert kinds(order) == ["order.created", "order.submitted", "order.claimed", "order.published"]


@pytest.mark.django_db(transaction=True)
def test_sends_each_order_once_when_workers_share_the_queue(author: User, flow: Flow) -> None:
    waiting = [queued(author) for _ in range(4)]

    at_once(*[lambda pk=order.pk: publish_order(pk, clock=Clock()) for order in waiting * 3])

    assert sorted(body["orderRef"] for body in flow.publishes) == sorted(order.order_ref for order in waiting)
    assert set(Order.objects.values_list("state", flat=True)) == {"published"}


@pytest.mark.django_db(transaction=True)
def test_fetches_one_token_however_many_workers_there_are(author: User, flow: Flow) -> None:
    waiting = [queued(author) for _ in range(6)]

    at_once(*[lambda pk=order.pk: publish_order(pk, clock=Clock()) for order in waiting])

    assert (len(flow.server.at("token")), len(flow.publishes)) == (1, 6)


def test_sends_nothing_when_the_lease_ran_out_before_it_was_marked_as_sent(author: User, flow: Flow) -> None:
    order = queued(author)

    result = publish_order(order.pk, clock=ClockWith(BEFORE_SENT, then=NOW + LEASE))

    assert (result.outcome, result.words) == (
        "skipped",
        "The attempt was over before anything was sent; nothing was sent.",
    )
    assert flow.publishes == []
    assert (reload(order).state, order.attempts.get().sent_at) == ("publishing", None)

    assert publishing.recover_expired_leases(NOW + LEASE + SECOND) == [order.order_ref]
    assert reload(order).state == "queued"


def test_fences_off_a_worker_whose_attempt_was_given_up(author: User, flow: Flow) -> None:
    order = queued(author)
    deed = lambda: publishing.recover_expired_leases(NOW + LEASE + SECOND)  # noqa: E731 - one word

    result = publish_order(order.pk, clock=ClockWith(BEFORE_SENT, deed))

    assert result.outcome == "skipped"
    assert flow.publishes == []
    assert reload(order).state == "queued"
    assert (order.attempts.get().outcome, order.attempts.get().sent_at) == ("not_sent", None)


def test_lets_only_the_newer_worker_send(author: User, flow: Flow) -> None:
    order = queued(author)

    def another_worker_takes_over() -> None:
        publishing.recover_expired_leases(NOW + LEASE + SECOND)
        assert publish(order, NOW + LEASE + SECOND).outcome == "published"

    result = publish_order(order.pk, clock=ClockWith(BEFORE_SENT, another_worker_takes_over))

    words = "The attempt was over before anything was sent; nothing was sent."
    assert result == PublishResult(order.order_ref, "skipped", words)
    assert len(flow.publishes) == 1
    assert list(order.attempts.values_list("number", "outcome")) == [(1, "not_sent"), (2, "published")]
    assert reload(order).state == "published"


def test_leaves_the_order_to_whoever_took_it_while_the_token_was_fetched(author: User, flow: Flow) -> None:
    order = queued(author)
    deed = lambda: publish(order)  # noqa: E731 - one word

    result = publish_order(order.pk, clock=ClockWith(BEFORE_SENT - 1, deed))

    assert result == PublishResult(order.order_ref, "skipped", "Another worker has the order.")
    assert len(flow.publishes) == 1
    assert order.attempts.count() == 1


def test_sends_nothing_when_the_author_took_the_order_back_meanwhile(author: User, flow: Flow) -> None:
    order = queued(author)
    deed = lambda: orders.return_to_draft(order.pk, order.version, user=author, now=NOW)  # noqa: E731 - one word

    result = publish_order(order.pk, clock=ClockWith(BEFORE_SENT - 1, deed))

    assert result.outcome == "skipped"
    assert flow.publishes == []
    assert reload(order).state == "draft"
    assert not order.attempts.exists()


@pytest.mark.parametrize(
    "deed", [orders.return_to_draft, lambda *where, **how: orders.cancel(*where, reason="x", **how)]
)
def test_cannot_be_taken_back_once_a_worker_has_it(author: User, flow: Flow, deed: Callable[..., Order]) -> None:
    order = queued(author)
    refused: list[Exception] = []

    def take_back() -> None:
        try:
            deed(order.pk, order.version, user=author, now=NOW)
        except Stale as error:
            refused.append(error)

    publish_order(order.pk, clock=ClockWith(BEFORE_SENT, take_back))

    assert len(refused) == 1
    assert (reload(order).state, len(flow.publishes)) == ("published", 1)


def test_does_not_take_a_stray_attempt_for_another_worker(author: User, flow: Flow) -> None:
    order = queued(author)
    order.attempts.create(number=7, order_version=order.version + 1, claimed_at=NOW, lease_until=NOW)  # as nobody would

    with pytest.raises(IntegrityError):
        publish(order)

    assert (reload(order).state, flow.publishes) == ("queued", [])


def test_sends_nothing_when_what_was_approved_is_not_what_is_stored(author: User, flow: Flow) -> None:
    order = queued(author)
    guards.remove(connection)
    Order.objects.update(payload=order.payload.replace("{", '{"budgetOverride":900000,', 1))
    guards.install(connection)

    result = publish(order)

    assert result.outcome == "rejected"
    assert result.words.startswith(
        "What was approved is not what is stored: the payload's SHA-256 differs. Nothing was sent"
    )
    assert flow.publishes == []
    assert (reload(order).state, reload(order).problem) == ("rejected", result.words)
    assert (order.attempts.get().outcome, order.attempts.get().sent_at) == ("not_sent", None)
    assert not order.campaigns.exists()


def test_publishes_nothing_in_a_stand_in_that_was_submitted_for_flow_itself(
    author: User, flow: Flow, settings: Settings
) -> None:
    settings.FLOW_IS_LOCAL = False
    order = queued(author)
    settings.FLOW_IS_LOCAL = True

    result = publish(order)

    assert result.outcome == "rejected"
    assert result.words.startswith("The order was submitted for Flow itself")
    assert flow.publishes == []


def test_sends_no_rehearsal_to_where_money_is_spent(author: User, flow: Flow, settings: Settings) -> None:
    settings.FLOW_IS_LOCAL = True
    order = queued(author)
    settings.FLOW_IS_LOCAL = False

    result = publish(order)

    assert result.outcome == "rejected"
    assert result.words.startswith("The order was submitted as a rehearsal")
    assert flow.publishes == []
    assert (reload(order).state, order.attempts.get().sent_at) == ("rejected", None)

    returned = orders.return_to_draft(order.pk, reload(order).version, user=author, now=NOW)
    orders.submit(order.pk, returned.version, user=author, now=NOW)
    assert publish(order).outcome == "published"


def test_sends_nothing_when_it_was_stopped_between_its_mark_and_the_post(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, mark_sent, real = queued(author), publishing._mark_sent, clock.now

    def mark_and_sleep_for_an_hour(attempt: Attempt, now: datetime) -> bool:
        marked = mark_sent(attempt, now)
        monkeypatch.setattr(clock, "now", lambda: real() + 3600)
        return marked

    monkeypatch.setattr(publishing, "_mark_sent", mark_and_sleep_for_an_hour)

    assert publish(order).outcome == "not_sent"

    assert flow.publishes == []
    assert reload(order).state == "queued"


def test_marks_nothing_as_sent_when_the_lease_could_be_over_before_the_post(
    author: User, flow: Flow, settings: Settings
) -> None:
    settings.PUBLISH_LEASE = settings.FLOW_DEADLINE
    order = queued(author)

    assert publish(order).outcome == "skipped"

    assert flow.publishes == []
    assert order.attempts.get().sent_at is None


def test_sends_nothing_inside_of_a_transaction_that_could_undo_what_was_written(author: User, flow: Flow) -> None:
    order = queued(author)
    before = everything()

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        publish(order)

    assert everything() == before
    assert flow.publishes == []
