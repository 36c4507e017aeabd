"""Alerts, and the entries of the schedule that make, mail and forget them. What happened before is nobody's alert."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

ENTRIES = [
    ("Make alerts of what happened", "campaigns.tasks.raise_alerts", 15),
    ("Mail alerts", "campaigns.tasks.mail_alerts", 60),
    ("Forget old alerts", "campaigns.tasks.forget_alerts", 3600),
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


def begin_now(apps: Any, schema_editor: Any) -> None:
    last = apps.get_model("campaigns", "Event").objects.order_by("-pk").values_list("pk", flat=True).first()
    apps.get_model("campaigns", "AlertCursor").objects.create(pk=1, event_id=last or 0)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0007_roles"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertCursor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("event_id", models.BigIntegerField(default=0, editable=False)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("doubt", "Doubt"),
                            ("rejected", "Rejected"),
                            ("campaign_failed", "Campaign failed"),
                            ("command_failed", "Command failed"),
                            ("stuck", "Stuck"),
                            ("approval", "Approval"),
                            ("mentioned", "Mentioned"),
                            ("pause_proposed", "Pause proposed"),
                            ("published", "Published"),
                            ("live", "Live"),
                            ("completed", "Completed"),
                        ],
                        editable=False,
                        max_length=20,
                    ),
                ),
                ("count", models.PositiveIntegerField(default=1, editable=False)),
                ("first_at", models.DateTimeField(editable=False)),
                ("last_at", models.DateTimeField(editable=False)),
                ("read_at", models.DateTimeField(editable=False, null=True)),
                (
                    "channel",
                    models.CharField(
                        choices=[("at_once", "At once"), ("digest", "Digest"), ("admin", "Admin"), ("off", "Off")],
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("mail_at", models.DateTimeField(editable=False, null=True)),
                ("mailed_at", models.DateTimeField(editable=False, null=True)),
                (
                    "mail_failures",
                    models.PositiveIntegerField(default=0, editable=False, verbose_name="mails that failed in a row"),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        editable=False,
                        help_text="The last line that it tells of.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="campaigns.event",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="campaigns.order",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-event_id", "-pk"),
                "default_permissions": (),
                "indexes": [
                    models.Index(
                        condition=models.Q(("read_at__isnull", True)), fields=["user", "-event"], name="alert_unread"
                    ),
                    models.Index(fields=["user", "-event"], name="alert_newest"),
                    models.Index(condition=models.Q(("mail_at__isnull", False)), fields=["mail_at"], name="alert_mail"),
                    models.Index(fields=["last_at"], name="alert_last"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("read_at__isnull", True), ("campaign__isnull", True)),
                        fields=("user", "kind", "order"),
                        name="one_unread_alert_per_order",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("read_at__isnull", True), ("campaign__isnull", False)),
                        fields=("user", "kind", "campaign"),
                        name="one_unread_alert_per_campaign",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("doubt", "Doubt"),
                            ("rejected", "Rejected"),
                            ("campaign_failed", "Campaign failed"),
                            ("command_failed", "Command failed"),
                            ("stuck", "Stuck"),
                            ("approval", "Approval"),
                            ("mentioned", "Mentioned"),
                            ("pause_proposed", "Pause proposed"),
                            ("published", "Published"),
                            ("live", "Live"),
                            ("completed", "Completed"),
                        ],
                        editable=False,
                        max_length=20,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[("at_once", "At once"), ("digest", "Digest"), ("admin", "Admin"), ("off", "Off")],
                        editable=False,
                        max_length=10,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_choices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("user", "kind"), name="one_choice_per_kind_of_alert")],
            },
        ),
        migrations.RunPython(begin_now, migrations.RunPython.noop),
        migrations.RunPython(make_entries, migrations.RunPython.noop),
    ]
