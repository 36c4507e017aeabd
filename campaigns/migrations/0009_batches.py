"""Batches, and the entry of the schedule that goes on with those whose worker died: the staff's own from then on."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

ENTRIES = [("Go on with batches", "campaigns.tasks.continue_batches", 15)]


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
        ("campaigns", "0007_roles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("token", models.CharField(editable=False, max_length=32, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("order", "Order"), ("campaign", "Campaign")], editable=False, max_length=10
                    ),
                ),
                ("deed", models.CharField(editable=False, max_length=20)),
                ("reason", models.TextField(blank=True, editable=False)),
                ("total", models.PositiveIntegerField(editable=False, verbose_name="rows")),
                ("started_at", models.DateTimeField(editable=False)),
                ("lease_until", models.DateTimeField(editable=False, null=True)),
                ("ended_at", models.DateTimeField(editable=False, null=True)),
                ("done", models.PositiveIntegerField(default=0, editable=False)),
                ("skipped", models.PositiveIntegerField(default=0, editable=False)),
                ("failed", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "again_of",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="again",
                        to="campaigns.batch",
                        verbose_name="tries again",
                    ),
                ),
                (
                    "started_by",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
                "default_permissions": (),
                "ordering": ("-started_at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="BatchRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(editable=False)),
                ("amount", models.DecimalField(decimal_places=2, editable=False, max_digits=12)),
                ("currency", models.CharField(editable=False, max_length=3)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("skipped", "Skipped"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        editable=False,
                        max_length=10,
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        blank=True, editable=False, help_text="The reason in short, to count by.", max_length=100
                    ),
                ),
                ("words", models.TextField(blank=True, editable=False)),
                ("done_at", models.DateTimeField(editable=False, null=True)),
                (
                    "batch",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rows",
                        to="campaigns.batch",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.order",
                    ),
                ),
            ],
            options={"ordering": ("pk",), "default_permissions": ()},
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["-started_at", "-id"], name="batch_newest"),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["started_by", "-started_at", "-id"], name="batch_person_newest"),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["started_at"], name="batch_open"
            ),
        ),
        migrations.AddIndex(
            model_name="batchrow",
            index=models.Index(fields=["batch", "state", "id"], name="batch_row_state"),
        ),
        migrations.AddConstraint(
            model_name="batchrow",
            constraint=models.UniqueConstraint(fields=("batch", "order"), name="order_once_per_batch"),
        ),
        migrations.AddConstraint(
            model_name="batchrow",
            constraint=models.UniqueConstraint(fields=("batch", "campaign"), name="campaign_once_per_batch"),
        ),
        migrations.AddConstraint(
            model_name="batchrow",
            constraint=models.CheckConstraint(
                condition=models.Q(("order__isnull", True), ("campaign__isnull", True), _connector="XOR"),
                name="batch_row_is_an_order_or_a_campaign",
            ),
        ),
        migrations.RunPython(make_entries, migrations.RunPython.noop),
    ]
