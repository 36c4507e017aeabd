"""Deeds at the desk that staff do in the admin itself; named with dots, such as tests.chaos.clicking.click."""

import time
from typing import Any

from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.models import Branch, Listing, Order, Plan
from campaigns.services import orders


def click(order_ref: str, deed: str = "submit") -> dict[str, Any]:
    """Let Anna draft an order, then open a deed's page as the boss and press its button.

    Return the status of the page and of the answer to the button, how long that took in seconds, and the page that follows.
    """
    content = orders.Content(Plan.objects.get(), Branch.objects.get(), (Listing.objects.get(),))
    anna = User.objects.get(username="anna")
    order = orders.create_order(content, user=anna, now=timezone.now(), order_ref=order_ref)
    page = reverse(f"admin:campaigns_order_{deed}", args=[order.pk])
    boss = User.objects.filter(username="boss").first() or User.objects.create_superuser("boss")
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        browser = Client()
        browser.force_login(boss)
        asked = browser.get(page)
        begun = time.monotonic()
        answered = browser.post(page, {"version": order.version})
        seconds = time.monotonic() - begun
        told = browser.get(answered.headers.get("Location", page)).content.decode()
    return {"asked": asked.status_code, "answered": answered.status_code, "seconds": seconds, "told": told}


def sweep() -> float:
    """Do what a worker does for beat's message, and return how many seconds that took."""
    begun = time.monotonic()
    tasks.publish_sweep()
    return time.monotonic() - begun


def attempts(prefix: str) -> list[int]:
    """Return how many attempts each order of this prefix has."""
    return [order.attempts.count() for order in Order.objects.filter(order_ref__startswith=prefix)]
