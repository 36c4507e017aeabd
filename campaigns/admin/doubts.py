"""What is known of an attempt of which nobody knows what became: for the queue of doubts, and for the page that settles one."""

import json
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.admin import look
from campaigns.domain.money import format_money
from campaigns.domain.reminders import due_at, newest_due
from campaigns.domain.times import in_utc, lasted, window
from campaigns.models import Attempt, Listing, Order, Settlement
from campaigns.models.choices import label

Pair = tuple[str, str | SafeString]

LONGEST_WORDS, LONGEST_EXCERPT = 300, 1_000


def age(attempt: Attempt, now: datetime) -> SafeString:
    """Return how long the doubt has lasted, as a badge."""
    return look.badge(attempt.order.state, look.STATES, f" for {lasted(now - attempt.ended_at)}")


def money(order: Order) -> str:
    """Return what the order costs."""
    return format_money(order.amount, order.amount_currency)


def sending(attempt: Attempt) -> list[Pair]:
    """Return when something may have been sent, and the hash of what."""
    when = window(attempt.sent_at, attempt.ended_at) if attempt.sent_at else "Not known"
    return [
        ("Sent between", format_html('<span class="console-nowrap">{}</span>', when)),
        ("Payload SHA-256", format_html('<code class="break-all">{}</code>', attempt.payload_sha256)),
    ]


def answer(attempt: Attempt) -> list[Pair]:
    """Return what came back."""
    status = str(attempt.http_status) if attempt.http_status else "No answer"
    return [("HTTP status", status), ("In words", look.short(attempt.words, LONGEST_WORDS))]


def excerpt(attempt: Attempt) -> str:
    """Return the beginning of Flow's answer as it came, cut."""
    text = attempt.excerpt
    return text if len(text) <= LONGEST_EXCERPT else f"{text[:LONGEST_EXCERPT]}…"


def said(settlement: Settlement) -> SafeString:
    """Return what somebody answered, when and with which evidence."""
    ids = f": {', '.join(settlement.tracking_ids)}" if settlement.tracking_ids else ""
    evidence = f" “{settlement.evidence}”" if settlement.evidence else ""
    return format_html(
        "<strong>{}</strong> said “{}{}”, {}.{}",
        settlement.proposed_by.get_username(),
        label(settlement.resolution),
        ids,
        look.when(settlement.proposed_at),
        evidence,
    )


def reminders(attempt: Attempt, now: datetime) -> str:
    """Return how many reminders went out, and when the next one does."""
    sent, newest = list(attempt.reminders.all()), newest_due(attempt.ended_at, now)
    last = f"{len(sent)} sent, the last at {in_utc(sent[-1].at)}" if sent else "none sent yet"
    if newest and not any(reminder.number >= newest for reminder in sent):
        return f"{last}; one is due now."
    return f"{last}; the next one at {in_utc(due_at(newest + 1, attempt.ended_at))}."


def content(order: Order) -> list[Pair]:
    """Return the frozen payload for people: the references that were sent, each with the name that we know it by."""
    payload: dict[str, Any] = json.loads(order.payload)
    titles = dict(Listing.objects.filter(orders=order).values_list("external_id", "title"))
    listings = [_named(titles.get(ref), ref) for ref in payload["listingExternalIds"]]
    agent = payload.get("agentExternalId")
    return [
        ("Plan", _named(order.plan.name, payload["planRef"])),
        ("Branch", _named(order.branch.name, payload["branchId"])),
        ("Agent", _named(order.agent.name if order.agent else None, agent) if agent else "None"),
        (f"{len(listings)} listing{'' if len(listings) == 1 else 's'}", "; ".join(listings)),
        ("Start", _sent_time(order, order.start_at)),
        ("End", _sent_time(order, order.end_at)),
        ("Amount", f"{money(order)}, {'as sent' if 'budgetOverride' in payload else 'from the plan: none was sent'}"),
    ]


def _named(name: str | None, ref: str) -> str:
    return f"{name} ({ref})" if name else ref


def _sent_time(order: Order, moment: datetime | None) -> str:
    if moment is None:
        return "None was sent: Flow decides"
    return f"{look.when(moment, order.branch.zone)} ({in_utc(moment)})"
