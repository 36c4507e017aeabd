"""Beat goes on when its clock is set back: what it sent in an hour that was not yet does not hold it up."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from flowsite.celery import app
from flowsite.scheduler import Entry, Scheduler

pytestmark = pytest.mark.django_db
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
SWEEP, HALF_A_MINUTE = "campaigns.tasks.publish_sweep", timedelta(seconds=30)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands at noon until it is set."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each task was sent, without a broker."""
    tasks: Counter[str] = Counter()
    library = "django_celery_beat.schedulers"
    monkeypatch.setattr(f"{library}.close_old_connections", lambda: None)  # this test's is one of them
    monkeypatch.setattr(f"{library}.Finalize", lambda *_, **__: None)  # which would write when the tests are over
    monkeypatch.setattr(Scheduler, "producer", None)
    monkeypatch.setattr(Scheduler, "apply_entry", lambda _, entry, **__: tasks.update([entry.task]))
    return tasks


def rounds(scheduler: Scheduler) -> None:
    """Let beat go round until nothing is due."""
    while scheduler.tick() == 0:
        pass


def sweep(**times: datetime) -> PeriodicTask:
    """Return the line of the sweep, once these times are in it."""
    lines = PeriodicTask.objects.filter(task=SWEEP)
    lines.update(**times)
    PeriodicTasks.update_changed()
    return lines.get()


def test_what_was_sent_in_the_future_is_due_again_after_its_interval(clock: time_machine.Traveller) -> None:
    entry = Entry(sweep(last_run_at=NOON + AN_HOUR), app=app)
    assert entry.is_due() == (False, HALF_A_MINUTE.total_seconds())
    clock.shift(HALF_A_MINUTE)
    assert entry.is_due() == (True, HALF_A_MINUTE.total_seconds())


def test_what_was_sent_before_counts_from_then(clock: time_machine.Traveller) -> None:
    entry = Entry(sweep(last_run_at=NOON - timedelta(seconds=20)), app=app)
    assert entry.is_due() == (False, 10)


def test_a_beat_whose_clock_is_set_back_sends_again_after_each_interval(
    clock: time_machine.Traveller, sent: Counter[str]
) -> None:
    sweep(last_run_at=NOON)
    scheduler = Scheduler(app=app)
    rounds(scheduler)
    assert sent[SWEEP] == 0
    clock.shift(AN_HOUR)
    rounds(scheduler)
    assert sent[SWEEP] == 1
    clock.shift(-AN_HOUR)
    rounds(scheduler)
    assert sent[SWEEP] == 1
    clock.shift(HALF_A_MINUTE)
    rounds(scheduler)
    assert sent[SWEEP] == 2


def test_a_clock_that_is_kept_right_by_less_than_a_second_has_the_schedule_read_no_more_often(
    clock: time_machine.Traveller, sent: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(last_run_at=NOON)
    scheduler = Scheduler(app=app)
    rounds(scheduler)
    monkeypatch.setattr(scheduler, "all_as_schedule", lambda: pytest.fail("it was read anew"))
    clock.shift(timedelta(seconds=-0.5))
    rounds(scheduler)
    assert sent[SWEEP] == 0
