"""Files that wait to be imported, saved views of the lists, and the entry of the schedule that removes old files."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

NAME, TASK, SECONDS = "Remove files that nobody imported", "campaigns.tasks.remove_import_files", 3600


def make_entries(apps: Any, schema_editor: Any) -> None:
    """Make the entry of the schedule once; from then on it belongs to the staff."""
    PeriodicTask = apps.get_model("django_celery_beat", "PeriodicTask")
    IntervalSchedule = apps.get_model("django_celery_beat", "IntervalSchedule")
    PeriodicTasks = apps.get_model("django_celery_beat", "PeriodicTasks")
    every, _ = IntervalSchedule.objects.get_or_create(every=SECONDS, period="seconds")
    # A message that waited for a whole period has a younger twin behind it.
    defaults = {"task": TASK, "interval": every, "expire_seconds": SECONDS - 1}
    PeriodicTask.objects.get_or_create(name=NAME, defaults=defaults)
    # Historical models send no signals, and a beat that runs already must hear of the entry.
    PeriodicTasks.objects.update_or_create(ident=1, defaults={"last_update": timezone.now()})


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("campaigns", "0011_alerts"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("branches", "Branches"),
                            ("agents", "Agents"),
                            ("listings", "Listings"),
                            ("plans", "Plans"),
                            ("orders", "Orders"),
                        ],
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(editable=False, max_length=100)),
                ("content", models.BinaryField()),
                ("sha256", models.CharField(editable=False, max_length=64, verbose_name="SHA-256 of the content")),
                ("uploaded_at", models.DateTimeField(editable=False)),
                ("expires_at", models.DateTimeField(db_index=True, editable=False)),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("owner", "kind"), name="one_import_file_per_kind")],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "list_name",
                    models.CharField(
                        choices=[("order", "Orders"), ("campaign", "Campaigns"), ("listing", "Listings")],
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "filters",
                    models.JSONField(
                        default=list, editable=False, help_text="Filters and search, as pairs of name and value."
                    ),
                ),
                (
                    "columns",
                    models.JSONField(default=list, editable=False, help_text="Empty: those that the list has."),
                ),
                (
                    "ordering",
                    models.JSONField(
                        default=list, editable=False, help_text="Columns, with a minus where they go down."
                    ),
                ),
                ("for_all", models.BooleanField(default=False)),
                ("saved_at", models.DateTimeField(editable=False)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="auth.group",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("name", "pk"),
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "list_name", "name"), name="one_view_per_name"),
                    models.CheckConstraint(
                        condition=models.Q(("group__isnull", True), ("for_all", False), _connector="OR"),
                        name="view_for_a_group_or_all",
                    ),
                ],
            },
        ),
        migrations.RunPython(make_entries, migrations.RunPython.noop),
    ]
