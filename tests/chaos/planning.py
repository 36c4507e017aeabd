"""Deeds at the desk for the cases that strike at a marker; named with dots, such as tests.chaos.planning.submit."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from campaigns import tasks
from campaigns.domain.states import Resolution
from campaigns.models import Branch, Listing, Order, Plan
from campaigns.services import orders, settling
from tests import factories


def submit(plans: Mapping[str, str], folder: str, nudges: int = 1) -> dict[str, int]:
    """Submit orders by their refs, each with its plan (“deed marker”, or none) written before anybody can see the order."""
    now, anna = timezone.now(), User.objects.get(username="anna")
    content = orders.Content(Plan.objects.get(), Branch.objects.get(), (Listing.objects.get(),))
    numbers = {}
    for order_ref, plan in plans.items():
        with transaction.atomic():
            order = orders.create_order(content, user=anna, now=now, order_ref=order_ref)
            orders.submit(order.pk, order.version, user=anna, now=now)
            if plan:
                Path(folder, f"{order.pk}.plan").write_text(plan)
        numbers[order_ref] = order.pk
    for pk in list(numbers.values()) * nudges:
        tasks.nudge_publish(pk)
    return numbers


def look(prefix: str) -> dict[str, str]:
    """Return the state of every order of this prefix."""
    return dict(Order.objects.filter(order_ref__startswith=prefix).values_list("order_ref", "state"))


def settle(order_ref: str, resolution: str, tracking_ids: Sequence[str] = (), people: int = 2) -> str:
    """Have two people, or fewer, say how an order in doubt ended; return its state."""
    order = Order.objects.get(order_ref=order_ref)
    for name in ("settler-1", "settler-2")[:people]:
        user = User.objects.filter(username=name).first() or factories.make_user(name, "settle_order")
        settling.settle(
            order.pk,
            Resolution(resolution),
            tracking_ids=tracking_ids,
            evidence="" if tracking_ids else "Looked at Flow's own pages.",
            user=user,
            now=timezone.now(),
        )
    order.refresh_from_db()
    return order.state
