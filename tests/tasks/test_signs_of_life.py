"""Beat and workers say that they are alive: seldom, by what they do, and never at its cost."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Task
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from campaigns import tasks
from campaigns.domain.heartbeats import Part
from campaigns.models import Heartbeat
from flowsite import celery, scheduler, signs
from flowsite.scheduler import Scheduler
from flowsite.signs import Signs
from tests.services.refusing import signs_refused

pytestmark = pytest.mark.django_db


class Clock:
    """The process's own clock, which a test moves."""

    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(signs, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def _a_worker_that_has_just_begun() -> Iterator[None]:
    celery._signs.cache_clear()
    yield
    celery._signs.cache_clear()


@pytest.fixture
def beat(transactional_db: None) -> Iterator[Scheduler]:  # it closes connections, as a process of its own may
    """Beat's scheduler, with nothing to send."""
    PeriodicTask.objects.update(enabled=False)
    made = Scheduler(app=celery.app)
    yield made
    made._finalize.cancel()  # it would write at the end of the process


def age_all() -> None:
    Heartbeat.objects.update(at=timezone.now() - timedelta(hours=1))


def fresh() -> list[str]:
    """Return the parts that have just given a sign of life."""
    return [row.part for row in Heartbeat.objects.filter(at__gt=timezone.now() - timedelta(minutes=1))]


@pytest.mark.parametrize("task", [tasks.heartbeat, tasks.publish_sweep, tasks.sync_due_campaigns])
def test_whatever_a_worker_has_done_is_its_sign_of_life(task: Task[Any, None]) -> None:
    task.apply()
    (row,) = Heartbeat.objects.all()
    assert (row.part, bool(row.node)) == ("worker", True)
    assert fresh() == ["worker"]


def test_a_task_that_fails_is_a_sign_of_life_as_well() -> None:
    tasks.publish_order.apply(kwargs={"order_id": 0})
    assert fresh() == ["worker"]


def test_calling_a_service_is_no_worker_s_sign_of_life() -> None:
    tasks.publish_sweep()
    assert fresh() == []


def test_a_busy_worker_writes_once_in_ten_seconds(clock: Clock) -> None:
    for seconds, written in ((0.0, ["worker"]), (9.9, []), (0.2, ["worker"])):
        clock.seconds += seconds
        tasks.heartbeat.apply()
        assert fresh() == written
        age_all()


@pytest.mark.django_db(transaction=True)
def test_a_sign_that_cannot_be_written_fails_no_task_and_is_not_tried_at_once_again(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with signs_refused(), caplog.at_level(logging.WARNING, "campaigns.services.heartbeats"):
        assert tasks.heartbeat.apply().successful()
        assert tasks.heartbeat.apply().successful()
    assert len(caplog.messages) == 1
    clock.seconds += celery.SIGN_EVERY
    tasks.heartbeat.apply()
    assert fresh() == ["worker"]


def test_beat_runs_with_the_scheduler_that_says_that_it_is_alive() -> None:
    assert f"{Scheduler.__module__}:{Scheduler.__name__}" == settings.CELERY_BEAT_SCHEDULER


def test_beat_itself_writes_once_in_fifteen_seconds(clock: Clock, beat: Scheduler) -> None:
    for seconds, written in ((0.0, ["beat"]), (14.9, []), (0.2, ["beat"])):
        clock.seconds += seconds
        assert beat.tick() == settings.CELERY_BEAT_MAX_LOOP_INTERVAL
        assert fresh() == written
        age_all()


def test_a_database_that_refuses_its_sign_neither_ends_beat_nor_is_hidden(
    clock: Clock, beat: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    with signs_refused(), caplog.at_level(logging.WARNING, "campaigns.services.heartbeats"):
        assert beat.tick() == settings.CELERY_BEAT_MAX_LOOP_INTERVAL
    assert [message for message in caplog.messages if "The sign of life of beat can't be written" in message]
    clock.seconds += scheduler.SIGN_EVERY
    beat.tick()
    assert fresh() == ["beat"]


def test_each_part_counts_for_itself(clock: Clock) -> None:
    first, second = Signs(Part.BEAT, 15), Signs(Part.WORKER, 15)
    first.give()
    second.give("one@here")
    assert sorted(fresh()) == ["beat", "worker"]
