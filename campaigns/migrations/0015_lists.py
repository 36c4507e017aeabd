"""Indexes of the lists: their orders, and their filters in that order."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0014_visible_texts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="agent",
            index=models.Index(fields=["name", "id"], name="agent_name"),
        ),
        migrations.AddIndex(
            model_name="agent",
            index=models.Index(fields=["branch", "name", "id"], name="agent_branch_name"),
        ),
        migrations.AddIndex(
            model_name="agent",
            index=models.Index(fields=["active", "name", "id"], name="agent_active_name"),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["outcome", "-id"], name="attempt_outcome_newest"),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(fields=["ends_at", "id"], name="campaign_end"),
        ),
        migrations.AddIndex(
            model_name="command",
            index=models.Index(fields=["state", "-id"], name="command_state_newest"),
        ),
        migrations.AddIndex(
            model_name="command",
            index=models.Index(fields=["action", "-id"], name="command_action_newest"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["actor_kind", "-at", "-id"], name="event_actor_newest"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("subject", ""), _negated=True),
                fields=["subject"],
                name="event_subject_begins",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["title", "id"], name="listing_title"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["branch", "title", "id"], name="listing_branch_title"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["active", "title", "id"], name="listing_active_title"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["branch", "-created_at", "-id"], name="order_branch_newest"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["plan", "-created_at", "-id"], name="order_plan_newest"),
        ),
    ]
