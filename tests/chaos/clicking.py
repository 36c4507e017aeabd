"""Deeds at the desk that staff do in the admin itself; named with dots, such as tests.chaos.clicking.click."""

import time
from typing import Any

from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.models import Branch, Campaign, Command, Order
from campaigns.services import orders
from tests.chaos import people


def click(order_ref: str, button: str = "submit") -> dict[str, Any]:
    """Prepare an order for a deed, and press its button."""
    prepare(order_ref, button)
    return press(order_ref, button)


def prepare(order_ref: str, button: str) -> None:
    """Make an order that the button's deed fits: a draft, one to be approved, one in doubt, one that is live."""
    ready = {"submit": people.draft, "approve": _awaiting, "settle": people.in_doubt, "pause": people.published}
    ready[button](order_ref)


def _awaiting(order_ref: str) -> Order:
    branches = Branch.objects.filter(external_id="branch")
    branches.update(approval_threshold=0)
    order = people.draft(order_ref)
    orders.submit(order.pk, order.version, user=people.person("olga"), now=timezone.now())
    branches.update(approval_threshold=None)
    return order


def press(order_ref: str, button: str) -> dict[str, Any]:
    """Open a deed's page as the boss and press its button.

    Return the status of the page and of the answer to the button, how long the slower one took in seconds, and the page that
    follows.
    """
    order = Order.objects.get(order_ref=order_ref)
    row: Order | Campaign = order.campaigns.get() if button == "pause" else order
    page = reverse(f"admin:campaigns_{row._meta.model_name}_{button}", args=[row.pk])
    form: dict[str, object] = {
        "version": row.version if isinstance(row, Order) else row.command_number,
        "reason": "Sold.",
    }
    if button == "settle":
        form |= {"resolution": "not_live", "evidence": "Looked at Flow's own pages.", "tracking_ids": ""}
    boss = User.objects.filter(username="boss").first() or User.objects.create_superuser("boss")
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        browser = Client()
        browser.force_login(boss)
        begun = time.monotonic()
        asked = browser.get(page)
        clicked = time.monotonic()
        answered = browser.post(page, form)
        seconds = max(time.monotonic() - clicked, clicked - begun)
        told = browser.get(answered.headers.get("Location", page)).content.decode()
    return {"asked": asked.status_code, "answered": answered.status_code, "seconds": seconds, "told": told}


def kept(order_ref: str) -> str:
    """Return what the database keeps of a click: the order's state, and each command of its campaigns with its own."""
    order = Order.objects.get(order_ref=order_ref)
    asked = Command.objects.filter(campaign__order=order).order_by("pk")
    return ", ".join([order.state, *(f"{command.action} {command.state}" for command in asked)])


def sweep() -> float:
    """Do what a worker does for beat's message, and return how many seconds that took."""
    begun = time.monotonic()
    tasks.publish_sweep()
    return time.monotonic() - begun
