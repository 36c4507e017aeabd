"""The entries of beat's schedule: there from the start, and the staff's own from then on."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from campaigns import tasks
from flowsite.celery import app

pytestmark = pytest.mark.django_db
SCHEDULE = {
    "campaigns.tasks.publish_sweep": 30,
    "campaigns.tasks.sync_due_campaigns": 15,
    "campaigns.tasks.confirm_commands": 15,
    "campaigns.tasks.recover_expired_leases": 60,
    "campaigns.tasks.heartbeat": 15,
    "campaigns.tasks.remind_of_doubt": 60,
    "campaigns.tasks.remove_import_files": 3600,
    "campaigns.tasks.raise_alerts": 15,
    "campaigns.tasks.mail_alerts": 60,
    "campaigns.tasks.forget_alerts": 3600,
    "campaigns.tasks.watch_listings": 60,
    "campaigns.tasks.continue_batches": 15,
    "campaigns.tasks.count_phases": 300,
}
MIGRATIONS = (
    "0002_schedule",
    "0005_schedule_heartbeat_and_reminders",
    "0009_batches",
    "0011_alerts",
    "0012_saved_views",
    "0013_copies_and_watchdog",
    "0016_home",
)


@pytest.fixture(autouse=True)
def _as_migrated() -> None:
    """Make the entries, which an earlier test that emptied the tables may have taken away."""
    migrate()


def migrate() -> None:
    for name in MIGRATIONS:
        import_module(f"campaigns.migrations.{name}").make_entries(apps, None)


def ours() -> dict[str, PeriodicTask]:
    return {entry.task: entry for entry in PeriodicTask.objects.filter(task__startswith="campaigns.")}


def test_every_sweep_has_its_entry() -> None:
    entries = ours()
    assert {task: entry.interval.every for task, entry in entries.items()} == SCHEDULE
    assert {entry.interval.period for entry in entries.values()} == {"seconds"}
    assert all(entry.enabled for entry in entries.values())


def test_every_entry_names_a_task_that_there_is() -> None:
    assert tasks.publish_sweep.name in SCHEDULE
    assert set(SCHEDULE) <= set(app.tasks)


def test_a_message_ends_before_the_next_one_comes() -> None:
    for task, entry in ours().items():
        assert entry.expire_seconds == SCHEDULE[task] - 1


def test_migrating_again_changes_nothing_that_staff_changed() -> None:
    entry = ours()["campaigns.tasks.sync_due_campaigns"]
    entry.interval, _ = IntervalSchedule.objects.get_or_create(every=99, period="seconds")
    entry.enabled, entry.description = False, "Switched off over Christmas."
    entry.save()
    PeriodicTask.objects.create(name="Of our own", task="x.y", interval=entry.interval)
    before = list(PeriodicTask.objects.order_by("pk").values())
    migrate()
    assert list(PeriodicTask.objects.order_by("pk").values()) == before


def test_a_beat_that_runs_already_hears_of_the_entries() -> None:
    PeriodicTasks.objects.update(last_update=timezone.now() - timedelta(days=1))
    migrate()
    assert timezone.now() - PeriodicTasks.objects.get().last_update < timedelta(minutes=1)
