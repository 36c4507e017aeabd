"""Alerts about a listing, and since when an order is a draft that an approver sent back."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

LATE = "order.late_answer"
DECISIONS = ["order.not_approved", "order.returned", LATE]


def note_drafts_sent_back(apps: Any, schema_editor: Any) -> None:
    """Note of each draft that an approver sent back when that was. Only drafts with a problem are looked at."""
    Order, Event = (apps.get_model("campaigns", name) for name in ("Order", "Event"))
    for pk in list(Order.objects.filter(state="draft").exclude(problem="").values_list("pk", flat=True)):
        decisions = Event.objects.filter(order=pk, kind__in=DECISIONS).order_by("-pk")
        # A late answer that did not say yes changed nothing.
        last = next((line for line in decisions if line.kind != LATE or line.data.get("tracking_ids")), None)
        if last and last.kind == "order.not_approved":
            Order.objects.filter(pk=pk).update(not_approved_at=last.at)


def end_pauses_of_campaigns(apps: Any, schema_editor: Any) -> None:
    """Mark the alerts of single campaigns as read: they are of listings now, and the page of proposals still has each."""
    old = apps.get_model("campaigns", "Alert").objects.filter(kind="pause_proposed", read_at__isnull=True)
    old.update(read_at=timezone.now(), mail_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0016_home"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="alert",
            name="one_unread_alert_per_order",
        ),
        migrations.AddField(
            model_name="alert",
            name="branch",
            field=models.ForeignKey(
                editable=False,
                help_text="With a listing alone.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="campaigns.branch",
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="listing",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="alerts",
                to="campaigns.listing",
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="not_approved_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="not approved"),
        ),
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(
                choices=[
                    ("doubt", "Doubt"),
                    ("rejected", "Rejected"),
                    ("not_approved", "Not approved"),
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
        migrations.AlterField(
            model_name="alertchoice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("doubt", "Doubt"),
                    ("rejected", "Rejected"),
                    ("not_approved", "Not approved"),
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
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("not_approved_at__isnull", False), ("state", "draft")),
                fields=["branch"],
                name="order_not_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("read_at__isnull", True), ("campaign__isnull", True), ("listing__isnull", True)),
                fields=("user", "kind", "order"),
                name="one_unread_alert_per_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("read_at__isnull", True), ("listing__isnull", False)),
                fields=("user", "kind", "listing", "branch"),
                name="one_unread_alert_per_listing",
            ),
        ),
        migrations.RunPython(note_drafts_sent_back, migrations.RunPython.noop),
        migrations.RunPython(end_pauses_of_campaigns, migrations.RunPython.noop),
    ]
