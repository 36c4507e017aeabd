import logging

import pytest
from django.contrib.auth.models import User

from campaigns.domain.states import Outcome
from campaigns.models import Attempt, Order
from campaigns.services.publishing import due_orders, publish_order, recover_expired_leases
from campaigns.services.recording import DOUBT, Answer, record_expired
from tests.services.building import (
    LEASE,
    MINUTE,
    NOW,
    SECOND,
    Clock,
    everything,
    kinds,
    last_event,
    publish,
    queued,
    reload,
)
from tests.services.flow_server import Flow

TOO_LATE = NOW + LEASE + SECOND


class WorkerDiedError(BaseException):
    """What a test throws where a worker would have been killed."""


class DeadlyClock(Clock):
    """A clock at whose n-th look the worker dies, before it can write anything more."""

    def __init__(self, look: int) -> None:
        super().__init__()
        self._looks_left = look

    def __call__(self) -> object:  # type: ignore[override]  # never returns the last time
        self._looks_left -= 1
        if not self._looks_left:
            raise WorkerDiedError
        return super().__call__()


def dies(order: Order, look: int) -> None:
    with pytest.raises(WorkerDiedError):
        publish_order(order.pk, clock=DeadlyClock(look))  # type: ignore[arg-type]  # as above


def test_queues_an_order_again_whose_worker_died_before_it_sent_anything(author: User, flow: Flow) -> None:
    order = queued(author)
    dies(order, look=3)
    assert reload(order).state == "publishing"

    assert recover_expired_leases(TOO_LATE) == [order.order_ref]

    words = "The worker did not come back before it sent anything. Nothing was sent; the order is queued again."
    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.sent_at, attempt.finished_at, attempt.words) == ("not_sent", None, TOO_LATE, words)
    assert (reload(order).state, reload(order).next_attempt_at, reload(order).failures) == ("queued", TOO_LATE, 1)
    assert kinds(order)[2:] == ["order.claimed", "order.not_sent"]
    assert (last_event(order).at, last_event(order).actor_kind) == (TOO_LATE, "scheduler")
    assert flow.publishes == []
    assert due_orders(TOO_LATE, 10) == [order.pk]

    assert publish(order, TOO_LATE).outcome == "published"
    assert len(flow.publishes) == 1


def test_leaves_an_order_in_doubt_whose_worker_died_after_it_began_to_send(author: User, flow: Flow) -> None:
    order = queued(author)
    dies(order, look=4)
    assert len(flow.publishes) == 1

    assert recover_expired_leases(TOO_LATE) == [order.order_ref]

    words = "The worker did not come back after it had begun to send, so nobody knows whether Flow published the order."
    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.sent_at, attempt.finished_at, attempt.words) == ("unknown", NOW, TOO_LATE, words)
    assert (reload(order).state, reload(order).next_attempt_at) == ("unknown", None)
    assert reload(order).problem == f"{words} {DOUBT}"
    assert kinds(order)[2:] == ["order.claimed", "order.in_doubt"]
    assert due_orders(TOO_LATE, 10) == []
    assert publish(order, TOO_LATE).outcome == "skipped"
    assert len(flow.publishes) == 1


def test_leaves_a_worker_alone_whose_lease_is_not_over(author: User, flow: Flow) -> None:
    order = queued(author)
    dies(order, look=3)
    before = everything()

    assert recover_expired_leases(NOW + LEASE) == []

    assert everything() == before
    assert due_orders(NOW + LEASE, 10) == []


def test_leaves_attempts_alone_that_have_an_outcome(author: User, flow: Flow) -> None:
    publish(queued(author))
    before = everything()

    assert recover_expired_leases(TOO_LATE) == []

    assert everything() == before


def test_closes_each_attempt_once(author: User, flow: Flow) -> None:
    order = queued(author)
    dies(order, look=4)
    recover_expired_leases(TOO_LATE)
    before = everything()

    assert recover_expired_leases(TOO_LATE + SECOND) == []

    assert everything() == before


def test_tells_of_nothing_that_somebody_else_has_closed_in_the_very_moment(author: User, flow: Flow) -> None:
    order = queued(author)
    dies(order, look=4)
    seen = order.attempts.get()
    recover_expired_leases(TOO_LATE)
    before = everything()

    assert not record_expired(seen, Answer(Outcome.UNKNOWN, "Nobody knows."), now=TOO_LATE)

    assert everything() == before


@pytest.mark.parametrize(("look", "state"), [(3, "queued"), (4, "unknown")])
def test_a_lease_that_a_clock_ahead_wrote_is_over(author: User, flow: Flow, look: int, state: str) -> None:
    order = queued(author)
    dies(order, look)
    honest = NOW + LEASE + MINUTE
    Attempt.objects.update(lease_until=honest)
    assert recover_expired_leases(NOW) == []
    Attempt.objects.update(lease_until=honest + SECOND)

    assert recover_expired_leases(NOW) == [order.order_ref]

    assert reload(order).state == state


def test_recovers_all_that_are_over_the_oldest_first(author: User, flow: Flow) -> None:
    waiting = [queued(author) for _ in range(3)]
    for order, look in zip(waiting, (3, 4, 3), strict=True):
        dies(order, look)
    for order, seconds in zip(waiting, (2, 1, 3), strict=True):
        Attempt.objects.filter(order=order).update(lease_until=NOW + seconds * SECOND)

    assert recover_expired_leases(NOW + 3 * SECOND) == [waiting[1].order_ref, waiting[0].order_ref]

    assert [reload(order).state for order in waiting] == ["queued", "unknown", "publishing"]


@pytest.mark.usefixtures("unguarded")
def test_does_not_let_one_that_cannot_be_closed_keep_the_others_waiting(
    author: User, flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    inconsistent, sound = queued(author), queued(author)
    dies(inconsistent, look=4)
    dies(sound, look=4)
    version = reload(inconsistent).version
    Order.objects.filter(pk=inconsistent.pk).update(state="rejected", version=version + 1)  # as no service would

    assert recover_expired_leases(TOO_LATE) == [sound.order_ref]

    assert reload(sound).state == "unknown"
    assert inconsistent.attempts.get().outcome == ""
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        f"Attempt 1 of order {inconsistent.order_ref} could not be closed"
    ]
