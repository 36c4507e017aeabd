"""What the page of one order shows, in the order in which somebody asks: where it stands, what is next, the money, the past."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import changes, copies, look, tables
from campaigns.admin.order_next import next_step
from campaigns.domain.money import format_money
from campaigns.models import Order
from campaigns.selectors import order_page as orders

__all__ = ["context", "orders"]

Pair = tuple[str, str | SafeString]


def context(order: Order, user: User, now: datetime) -> dict[str, Any]:
    """Return what the page's template needs."""
    return {
        "order": order,
        "state": look.badge(order.state, look.STATES),
        "problem": problem(order, now),
        "next_step": format_html("<strong>Next:</strong> {}", next_step(order, user, now)),
        "what": [*what(order), *copies.pairs(order, user)],
        "listings": list(order.listings.order_by("title", "pk")),
        "money": money(order),
        "people": people(order),
        "attempts": tables.attempts(order, user),
        "campaigns": tables.campaigns(order, user, now),
        "settlements": tables.settlements(order),
    }


def problem(order: Order, now: datetime) -> str:
    """Return what staff must know first; a comment with who rejected the order by it, and when."""
    line = selectors.refusal(order) if order.problem else None
    if line is None or line.actor is None:
        return order.problem
    said = f"{look.when(line.at, order.branch.zone)}, {look.ago(line.at, now)}"
    return f"Rejected by {line.actor.get_username()}, {said}: {order.problem}"


def last_change(order: Order, user: User) -> str:
    """Return who changed the order last, how and when."""
    (event,) = selectors.history(order, 1)
    return f"{look.when(event.at)}: {changes.told(event, changes.names([changes.edits_of(event)], user))}"


def what(order: Order) -> list[Pair]:
    """Return what is bought, for whom and when."""
    return [
        ("Branch", f"{order.branch}"),
        ("Agent", f"{order.agent}" if order.agent else look.NOTHING),
        ("Plan", f"{order.plan}"),
        ("Start", _both(order, order.start_at)),
        ("End", _both(order, order.end_at)),
    ]


def _both(order: Order, moment: datetime | None) -> str | SafeString:
    """Return the moment on the branch's clock, and in UTC as it is sent."""
    if moment is None:
        return "None is sent: Flow decides"
    local, utc = look.when(moment, order.branch.zone), look.when(moment, look.UTC)
    return format_html('{} <span class="text-subtle whitespace-nowrap">({})</span>', local, utc)


def money(order: Order) -> list[Pair]:
    """Return what it costs and where that comes from."""
    default = format_money(order.plan.default_budget, order.plan.currency)
    own = order.budget_override is not None
    pairs: list[Pair] = [
        ("Amount", format_html("<strong>{}</strong>", format_money(order.amount, order.amount_currency))),
        ("Where from", f"Override; the plan's default is {default}" if own else f"The plan's default, {default}"),
        ("Counted", "As entered. Flow does not document whether per listing or per order."),
    ]
    if order.payload:
        pairs.append(("Payload SHA-256", format_html('<code class="break-all">{}</code>', order.payload_sha256)))
    if order.rehearsal:
        pairs.append(("Rehearsal", "Submitted with a stand-in in Flow's place: no real money."))
    return pairs


def people(order: Order) -> list[Pair]:
    """Return who took it so far, and when."""
    did = [
        ("Created", order.created_by, order.created_at),
        ("Submitted", order.submitted_by, order.submitted_at),
        ("Approved", order.approved_by, order.approved_at),
    ]
    return [(deed, f"{who.get_username()}, {look.when(at)}") for deed, who, at in did if who]
