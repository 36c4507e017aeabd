"""The worker or the database is stopped in the middle of a publish: doubt is written down, or found by the lease."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
import tenacity
from billiard.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection

from campaigns.domain.states import Outcome
from campaigns.models import Order
from campaigns.services import publishing, recording
from campaigns.services.errors import Stale
from campaigns.services.recording import DOUBT
from tests.flow.nasty_server import falls_silent, says
from tests.services.building import LEASE, NOW, SECOND, kinds, last_event, publish, queued, reload
from tests.services.flow_server import Flow, meanwhile

TOO_LATE = NOW + LEASE + SECOND


@pytest.fixture
def interrupted_with() -> Iterator[Callable[[BaseException], None]]:
    """Choose what is raised in the main thread when the process gets SIGUSR1, which is how Celery's time limit comes."""
    before = signal.getsignal(signal.SIGUSR1)

    def choose(error: BaseException) -> None:
        def interrupt(number: int, frame: FrameType | None) -> None:
            raise error

        signal.signal(signal.SIGUSR1, interrupt)

    yield choose
    signal.signal(signal.SIGUSR1, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGUSR1)


def assert_in_doubt(order: Order, flow: Flow) -> None:
    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.sent_at) == ("unknown", NOW)
    assert (reload(order).state, reload(order).problem) == ("unknown", f"{attempt.words} {DOUBT}")
    assert kinds(order)[2:] == ["order.claimed", "order.in_doubt"]
    assert publish(order, TOO_LATE).outcome == "skipped"
    assert len(flow.publishes) == 1


def test_writes_the_doubt_down_when_the_time_limit_comes_before_flows_answer(
    author: User, flow: Flow, interrupted_with: Callable[[BaseException], None]
) -> None:
    interrupted_with(SoftTimeLimitExceeded())
    order = queued(author)
    flow.on_publish(meanwhile(interrupt, falls_silent()))

    assert publish(order).outcome == "unknown"

    assert_in_doubt(order, flow)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()], ids=["Ctrl-C", "the worker's end"])
def test_writes_the_doubt_down_and_goes_on_dying(
    author: User, flow: Flow, interrupted_with: Callable[[BaseException], None], error: BaseException
) -> None:
    interrupted_with(error)
    order = queued(author)
    flow.on_publish(meanwhile(interrupt, falls_silent()))

    with pytest.raises(type(error)):
        publish(order)

    assert_in_doubt(order, flow)
    assert order.attempts.get().words == (
        f"The worker was interrupted ({type(error).__name__}) while it waited for Flow's answer."
    )


class FailingCommits:
    """Lets each commit of a transaction that wrote a certain column fail, before it is carried out or after."""

    def __init__(self, column: str, *, carried_out: bool, times: int) -> None:
        self.left = times
        self._column, self._carried_out, self._wrote = f'SET "{column}"', carried_out, False
        self._commit = connection.commit

    def watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self._wrote |= self._column in sql
        return execute(sql, params, many, context)

    def commit(self) -> None:
        if not (self._wrote and self.left):
            return self._commit()
        self._wrote = False
        self.left -= 1
        if self._carried_out:
            self._commit()
        raise OperationalError("the database is gone")


@contextmanager
def failing_commits(
    monkeypatch: pytest.MonkeyPatch, column: str, *, carried_out: bool = False, times: int = 1
) -> Iterator[None]:
    failing = FailingCommits(column, carried_out=carried_out, times=times)
    with monkeypatch.context() as patch, connection.execute_wrapper(failing.watch):
        patch.setattr(connection, "commit", failing.commit)
        yield
    assert failing.left == 0, "no commit has failed"


@pytest.mark.django_db(transaction=True)
def test_sends_nothing_when_it_cannot_write_that_it_sends(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = queued(author)

    with failing_commits(monkeypatch, "sent_at"), pytest.raises(OperationalError, match="the database is gone"):
        publish(order)

    assert flow.publishes == []
    assert (reload(order).state, order.attempts.get().sent_at) == ("publishing", None)
    publishing.recover_expired_leases(TOO_LATE)
    assert reload(order).state == "queued"
    assert publish(order, TOO_LATE).outcome == "published"
    assert len(flow.publishes) == 1


@pytest.mark.django_db(transaction=True)
def test_sends_nothing_when_it_does_not_learn_whether_that_was_written(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = queued(author)

    with failing_commits(monkeypatch, "sent_at", carried_out=True), pytest.raises(OperationalError):
        publish(order)

    assert flow.publishes == []
    publishing.recover_expired_leases(TOO_LATE)
    assert reload(order).state == "unknown"


@pytest.mark.django_db(transaction=True)
def test_claims_nothing_when_the_claim_cannot_be_written(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = queued(author)

    with failing_commits(monkeypatch, "state"), pytest.raises(OperationalError):
        publish(order)

    assert (reload(order).state, order.attempts.count(), flow.publishes) == ("queued", 0, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("carried_out", [False, True], ids=["not written", "written, not confirmed"])
def test_keeps_flows_answer_over_a_short_failure_of_the_database(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch, carried_out: bool
) -> None:
    order = queued(author)
    flow.on_publish(flow.accepts("queue_a", "queue_b"))

    with failing_commits(monkeypatch, "outcome", carried_out=carried_out):
        assert publish(order).outcome == "published"

    assert (reload(order).state, order.attempts.get().outcome) == ("published", "published")
    assert order.campaigns.count() == 2
    assert kinds(order)[2:] == ["order.claimed", "order.published"]
    assert len(flow.publishes) == 1


@pytest.mark.django_db(transaction=True)
def test_keeps_a_refusal_over_a_commit_that_was_not_confirmed(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = queued(author)
    flow.on_publish(says(401, {}))

    with failing_commits(monkeypatch, "outcome", carried_out=True):
        result = publish(order)

    assert (result.outcome, result.again) == ("not_sent", True)
    assert kinds(order)[2:] == ["order.claimed", "order.not_sent"]


@pytest.mark.django_db(transaction=True)
def test_logs_the_tracking_ids_and_leaves_doubt_when_the_answer_cannot_be_written(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recording, "PATIENCE", 0)
    order = queued(author)
    flow.on_publish(flow.accepts("queue_a", "queue_b"))

    with failing_commits(monkeypatch, "outcome"), pytest.raises(OperationalError):
        publish(order)

    [critical] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    attempt = order.attempts.get()
    assert critical.getMessage() == f"Flow's answer to {attempt} (published: queue_a, queue_b) could not be written"
    assert (reload(order).state, order.campaigns.count()) == ("publishing", 0)
    publishing.recover_expired_leases(TOO_LATE)
    assert reload(order).state == "unknown"
    assert "after it had begun to send" in last_event(order).text
    assert len(flow.publishes) == 1


@pytest.mark.django_db
def test_waits_half_a_second_and_connects_anew_before_it_writes_flows_answer_again(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, write = queued(author), recording._record
    failures = iter([OperationalError("gone"), InterfaceError("gone"), Stale("moved")])
    steps: list[object] = []

    def fails_at_first(*arguments: Any) -> Outcome:
        for failure in failures:
            raise failure
        return write(*arguments)

    monkeypatch.setattr(recording, "_record", fails_at_first)
    monkeypatch.setattr(recording, "connection", SimpleNamespace(close=lambda: steps.append("close")))
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=steps.append))
    flow.on_publish(flow.accepts("queue_a"))

    assert publish(order).outcome == "published"

    assert steps == ["close", 0.5] * 3
    assert len(flow.publishes) == 1


@pytest.mark.django_db
def test_writes_flows_answer_although_it_is_interrupted_while_it_writes_it(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, write = queued(author), recording._record
    interruptions = iter([SoftTimeLimitExceeded()])

    def interrupted_once(*arguments: Any) -> Any:
        for interruption in interruptions:
            raise interruption
        return write(*arguments)

    monkeypatch.setattr(recording, "_record", interrupted_once)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own transaction lives on it

    with pytest.raises(SoftTimeLimitExceeded):
        publish(order)

    assert reload(order).state == "published"
    assert order.campaigns.count() == 1
    assert len(flow.publishes) == 1
