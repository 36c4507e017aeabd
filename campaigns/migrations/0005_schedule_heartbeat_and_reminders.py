"""Two more entries of the schedule. They are made once and belong to the staff from then on."""

from typing import Any

from django.db import migrations
from django.utils import timezone

ENTRIES = [
    ("Give a sign of life", "campaigns.tasks.heartbeat", 15),
    ("Remind of orders in doubt", "campaigns.tasks.remind_of_doubt", 60),
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
    dependencies = [("campaigns", "0004_chain_history")]
    operations = [migrations.RunPython(make_entries, migrations.RunPython.noop)]
