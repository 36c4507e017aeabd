"""What the tests of Flow's answers have done at the console; see tests/processes/desk.py."""

import socket
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from campaigns import gateway, tasks
from campaigns.domain.states import Action
from campaigns.models import Branch, Campaign, Command, Hold, Listing, Order, Plan
from campaigns.services import commands, orders, publishing, syncing


def submit_all(refs: list[str], nudges: int = 1) -> None:
    """Build and submit an order for each ref; tell the workers of each."""
    anna = User.objects.get(username="anna")
    content = orders.Content(Plan.objects.get(), Branch.objects.get(), (Listing.objects.get(),))
    now = timezone.now()
    for ref in refs:
        order = orders.create_order(content, user=anna, now=now, order_ref=ref)
        orders.submit(order.pk, order.version, user=anna, now=now)
    for pk in Order.objects.filter(order_ref__in=refs).values_list("pk", flat=True):
        for _ in range(nudges):
            tasks.nudge_publish(pk)


def looks(prefix: str) -> dict[str, dict[str, Any]]:
    """Return what has become of the orders of this prefix."""
    now = timezone.now()
    found = Order.objects.filter(order_ref__startswith=prefix).prefetch_related("attempts", "campaigns")
    return {
        order.order_ref: {
            "state": order.state,
            "problem": order.problem,
            "attempts": [[attempt.outcome, attempt.sent_at is not None] for attempt in order.attempts.all()],
            "words": [attempt.words for attempt in order.attempts.all()],
            "campaigns": sorted(campaign.tracking_id for campaign in order.campaigns.all()),
            "waits": _seconds(now, order.next_attempt_at),
        }
        for order in found
    }


def unpublished(refs: list[str]) -> dict[str, list[Any]]:
    """Return those of the orders that are not published: state, seconds until their turn, problem."""
    now = timezone.now()
    return {
        order.order_ref: [order.state, _seconds(now, order.next_attempt_at), order.problem]
        for order in Order.objects.filter(order_ref__in=refs).exclude(state="published")
    }


def held_for() -> float:
    """Return for how many seconds from now nobody may call Flow."""
    return _seconds(timezone.now(), Hold.objects.filter(pk=Hold.SINGLETON).values_list("until", flat=True).first())


def let_waits_run_out() -> None:
    """Turn the time forward: for back-offs, holds, leases and commands that are to be sent again."""
    past = timezone.now() - timedelta(seconds=1)
    Hold.objects.update(until=past)
    Order.objects.filter(state="queued").update(next_attempt_at=past)


def sweep() -> None:
    """Do what beat lets a worker do every half minute."""
    tasks.recover_expired_leases()
    tasks.publish_sweep()


def take_token(base_url: str, trusted: str = "") -> None:
    """Make this process one that publishes to that address, and have it fetch its token."""
    with override_settings(FLOW_BASE_URL=base_url), _trusting(trusted):
        gateway._client.cache_clear()
        gateway.client().token()


def publish_here(ref: str, trusted: str = "", names_are_known: bool = True) -> str:
    """Publish an order in this process, with the token that it has; return what is said about it."""
    forgotten = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    names = {"wraps": socket.getaddrinfo} if names_are_known else {"side_effect": forgotten}
    with _trusting(trusted), mock.patch("campaigns.flow.sockets.socket.getaddrinfo", **names):
        result = publishing.publish_order(Order.objects.get(order_ref=ref).pk)
    gateway._client.cache_clear()
    return result.words


def publish_at(ref: str, base_url: str) -> str:
    """Publish an order in this process, to that address, with no token."""
    with override_settings(FLOW_BASE_URL=base_url):
        gateway._client.cache_clear()
        result = publishing.publish_order(Order.objects.get(order_ref=ref).pk)
    gateway._client.cache_clear()
    return result.words


def campaigns(order_ref: str) -> dict[str, list[str]]:
    """Return an order's campaigns: phase, Flow's word, problem."""
    found = Campaign.objects.filter(order__order_ref=order_ref)
    return {each.tracking_id: [each.phase, each.flow_status, each.problem] for each in found}


def check(order_ref: str) -> None:
    """Have an order's campaigns asked about."""
    ids = Campaign.objects.filter(order__order_ref=order_ref).values_list("pk", flat=True)
    syncing.mark_due(list(ids), now=timezone.now())
    tasks.nudge_sync()


def ask_each(order_ref: str, action: str) -> None:
    """Ask for something of each campaign of an order, and tell the workers."""
    anna = User.objects.get(username="anna")
    for pk in Campaign.objects.filter(order__order_ref=order_ref).values_list("pk", flat=True):
        command = commands.ask(pk, Action(action), reason="Sold.", user=anna, now=timezone.now())
        tasks.nudge_command(command.pk)


def commands_of(order_ref: str) -> dict[str, list[Any]]:
    """Return the command of each campaign of an order: its state, and whether Flow has been asked about it since."""
    found = Command.objects.filter(campaign__order__order_ref=order_ref).select_related("campaign")
    return {each.campaign.tracking_id: [each.state, _asked_since(each), each.words] for each in found}


def _seconds(now: datetime, until: datetime | None) -> float:
    return (until - now).total_seconds() if until else 0


def _trusting(certificate: str) -> AbstractContextManager[Any]:
    """Trust servers of this certificate too; without one, those that everybody trusts."""
    return mock.patch("certifi.where", return_value=certificate) if certificate else nullcontext()


def _asked_since(command: Command) -> bool:
    checked_at, campaign = command.campaign.checked_at, command.campaign
    told = bool(checked_at and checked_at > command.asked_at and command.words)
    return told and not campaign.poll_mark and command.sending_until is None
