"""Indexes for the home page, the kept counts of campaigns, and the scheduler's entry that makes them."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

ENTRIES = [("Count campaigns by phase", "campaigns.tasks.count_phases", 300)]


def make_entries(apps: Any, schema_editor: Any) -> None:
    """Make the entry once; it belongs to the staff from then on."""
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    for name, task, seconds in ENTRIES:
        every, _ = IntervalSchedule.objects.get_or_create(every=seconds, period="seconds")
        # A message that waited for a whole period has a younger twin behind it.
        defaults = {"task": task, "interval": every, "expire_seconds": seconds - 1}
        PeriodicTask.objects.get_or_create(name=name, defaults=defaults)
    # Historical models send no signals, and a beat that runs already must hear of the entry.
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0015_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="PhaseCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("in_progress", "In progress"),
                            ("live", "Live"),
                            ("paused", "Paused"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                            ("unrecognised", "Unrecognised"),
                        ],
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("number", models.PositiveIntegerField(editable=False)),
                ("counted_at", models.DateTimeField(editable=False)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("phase__in", ["in_progress", "live", "paused", "queued", "unrecognised"])),
                fields=["branch", "phase", "ends_at", "order"],
                name="campaign_open",
            ),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("problem", ""), _negated=True), fields=["branch"], name="campaign_problem"
            ),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(
                condition=models.Q(
                    ("active", False), ("status__iexact", "sold"), ("status__iexact", "withdrawn"), _connector="OR"
                ),
                fields=["id"],
                name="listing_gone",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["branch", "state"], name="order_branch_state"),
        ),
        migrations.AddIndex(
            model_name="orderlisting",
            index=models.Index(fields=["listing", "order"], name="orders_of_listing"),
        ),
        migrations.AddField(
            model_name="phasecount",
            name="branch",
            field=models.ForeignKey(
                editable=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="campaigns.branch"
            ),
        ),
        migrations.AddConstraint(
            model_name="phasecount",
            constraint=models.UniqueConstraint(fields=("branch", "phase"), name="one_count_per_branch_and_phase"),
        ),
        migrations.RunPython(make_entries, migrations.RunPython.noop),
    ]
