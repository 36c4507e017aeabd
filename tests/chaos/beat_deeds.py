"""Deeds at the desk for the cases of beat; named with dots, such as tests.chaos.beat_deeds.leave_work."""

import json
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from campaigns.domain.states import Action
from campaigns.models import Attempt, Branch, Campaign, Listing, Order, Plan, Reminder
from campaigns.services import commands, orders, publishing, syncing
from tests import factories
from tests.chaos.facts import messages


def leave_work(prefix: str, queued: int, ago: float) -> dict[str, int]:
    """Leave every kind of work for beat, as it was `ago` seconds ago; nobody is told of it.

    So many orders are queued, one is published and its first campaign is to be paused, one is in doubt (its answer must be
    planned with Flow), and the worker of one has died before it sent anything. Return the primary keys.
    """
    now = timezone.now() - timedelta(seconds=ago)
    if not User.objects.filter(username="sue").exists():
        factories.make_user("sue", "settle_order", email="sue@example.com")
    names = ["live", "doubt", "dead", *(f"queued-{number}" for number in range(queued))]
    numbers = {name: _submit(f"{prefix}{name}", now) for name in names}
    for name in ("live", "doubt"):
        publishing.publish_order(numbers[name], clock=lambda: now)
    campaigns = Campaign.objects.filter(order=numbers["live"]).order_by("tracking_id")
    syncing.check_now([campaign.pk for campaign in campaigns], clock=lambda: now)
    anna = User.objects.get(username="anna")
    numbers["command"] = commands.ask(campaigns[0].pk, Action.PAUSE, reason="Sold.", user=anna, now=now).pk
    # As long ago as it takes for the second campaign to be asked about again: in an hour, now that it is live.
    campaigns.update(next_check_at=now)
    publishing._claim(Order.objects.get(pk=numbers["dead"]), now)
    Attempt.objects.filter(order=numbers["dead"]).update(lease_until=now + timedelta(seconds=1))
    return numbers


def _submit(order_ref: str, now: Any) -> int:
    content = orders.Content(Plan.objects.get(), Branch.objects.get(), (Listing.objects.get(),))
    anna = User.objects.get(username="anna")
    with transaction.atomic():
        order = orders.create_order(content, user=anna, now=now, order_ref=order_ref)
        orders.submit(order.pk, order.version, user=anna, now=now)
    return order.pk


def origins() -> dict[str, list[str]]:
    """Return the tasks that beat sends, each with the processes that the messages in the broker come from, one a message."""
    found: dict[str, list[str]] = {entry.task: [] for entry in _entries()}
    for _, text in messages():
        headers = json.JSONDecoder().raw_decode(text)[0]["headers"]  # its body follows
        found.setdefault(headers["task"], []).append(headers["origin"])
    return found


def let_beat_rest(seconds: int, since: float) -> None:
    """Let everything in the schedule be due every so many seconds; it was last so long ago."""
    IntervalSchedule.objects.update(every=seconds)
    _entries().update(last_run_at=timezone.now() - timedelta(seconds=since))
    PeriodicTasks.update_changed()


def let_campaigns_be_due(order_ref: str) -> None:
    """Let an order's campaigns be asked about by whoever looks next; nobody is told of it."""
    numbers = Campaign.objects.filter(order__order_ref=order_ref).values_list("pk", flat=True)
    syncing.mark_due(list(numbers), now=timezone.now())


def reminders(order_id: int) -> list[int]:
    """Return the numbers of the reminders of an order."""
    return list(Reminder.objects.filter(order=order_id).values_list("number", flat=True))


def _entries() -> Any:
    return PeriodicTask.objects.filter(enabled=True, task__startswith="campaigns.")
