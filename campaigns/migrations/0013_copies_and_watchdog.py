"""Where orders were copied from, templates, proposals to pause, and the scheduler's entry that makes them."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from campaigns.models import guards

ENTRIES = [("Watch the listings of running campaigns", "campaigns.tasks.watch_listings", 60)]


def remove_guards(apps: Any, schema_editor: Any) -> None:
    """Take the guards away on SQLite: there a new column is a new table, and guards of other tables look for the old one.

    They are made anew after each `migrate`.
    """
    if schema_editor.connection.vendor == "sqlite":
        guards.remove(schema_editor.connection)


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
        ("campaigns", "0012_saved_views"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(remove_guards, migrations.RunPython.noop),
        migrations.AddField(
            model_name="order",
            name="copied_from",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="copies",
                to="campaigns.order",
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="copied_how",
            field=models.CharField(
                blank=True,
                choices=[("duplicate", "Duplicate"), ("renewal", "Renewal"), ("replacement", "Replacement")],
                editable=False,
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="OrderTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "content",
                    models.JSONField(editable=False, help_text="As services.content.Content tells it, without dates."),
                ),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "branch",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="templates",
                        to="campaigns.branch",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("name", "pk"),
                "constraints": [
                    models.UniqueConstraint(fields=("branch", "name"), name="template_name_once_per_branch")
                ],
            },
        ),
        migrations.CreateModel(
            name="PauseProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("listing_active", models.BooleanField(editable=False)),
                ("listing_status", models.CharField(blank=True, editable=False, max_length=50)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("paused", "Paused"), ("kept", "Kept"), ("closed", "Closed")],
                        default="open",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("proposed_at", models.DateTimeField(editable=False)),
                ("decided_at", models.DateTimeField(editable=False, null=True)),
                ("reason", models.TextField(blank=True, editable=False)),
                (
                    "branch",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.branch",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pause_proposals",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "listing",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pause_proposals",
                        to="campaigns.listing",
                    ),
                ),
            ],
            options={
                "ordering": ("proposed_at", "pk"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")), fields=["proposed_at", "id"], name="pause_proposal_open"
                    ),
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["branch", "proposed_at"],
                        name="pause_proposal_branch",
                    ),
                    models.Index(
                        condition=models.Q(("state__in", ["kept", "open"])),
                        fields=["campaign", "listing"],
                        name="pause_proposal_waits",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("campaign", "listing"),
                        name="one_open_pause_proposal",
                    )
                ],
            },
        ),
        migrations.RunPython(make_entries, migrations.RunPython.noop),
        migrations.RunPython(migrations.RunPython.noop, remove_guards),
    ]
