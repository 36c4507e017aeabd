"""The schedule's entries. They are made once and belong to the staff from then on: nothing here changes one that is there."""

from typing import Any

from django.db import migrations
from django.utils import timezone

ENTRIES = [
    ("Publish queued orders", "campaigns.tasks.publish_sweep", 30),
    ("Sync campaigns that are due", "campaigns.tasks.sync_due_campaigns", 15),
    ("Send and confirm commands", "campaigns.tasks.confirm_commands", 15),
    ("Recover expired leases", "campaigns.tasks.recover_expired_leases", 60),
]


def make_entries(apps: Any, schema_editor: Any) -> None:
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    for name, task, seconds in ENTRIES:
        every, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
        # A message that waited for a whole period has a younger twin behind it.
        defaults = {"task": task, "interval": every, "expire_seconds": seconds - 1}
        PeriodicTask.objects.get_or_create(name=name, defaults=defaults)
    # Historical models send no signals, and a beat that runs already must hear of the entries.
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0001_initial"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(make_entries, migrations.RunPython.noop)]
