"""The review of an order before it leaves: all of it on one page, and a button that says what it does and costs."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import changes, look, order_page, outside
from campaigns.admin.forms import OrderForm
from campaigns.admin.review_money import approval_words, month_of, month_pairs, who_approves
from campaigns.admin.review_warnings import warnings
from campaigns.domain.money import format_money
from campaigns.domain.states import OrderState
from campaigns.domain.texts import clean
from campaigns.models import Listing, Order
from campaigns.selectors import Terms
from campaigns.services import dry_runs, reviewing
from campaigns.services.reviewing import Fault

Pair = tuple[str, str | SafeString]

LONGEST_ANSWER = 500
DID = {"order.created": "built", "order.edited": "edited"}
NOT_YOURS = "You wrote or submitted it, and nobody approves what they wrote: somebody else must."


def cost(order: Order) -> str:
    """Return what an order buys and for how much, such as `3 listings, 2,928.00 ZAR`."""
    count = order.listings.count()
    return f"{count} listing{'' if count == 1 else 's'}, {format_money(order.amount, order.amount_currency)}"


def knows(order: Order, user: User) -> dict[str, Any]:
    """Return what the review of a draft, or of an order that waits for approval, shows."""
    if order.state not in (
        OrderState.DRAFT,
        OrderState.AWAITING_APPROVAL,
    ):  # somebody was faster: the page only says so
        return {}
    now, terms = timezone.now(), selectors.terms_of(order)
    month = month_of(order, now)
    return {
        "state": look.badge(order.state, look.STATES),
        "what": order_page.what(order),
        "money": [*order_page.money(order), *month_pairs(order, month)],
        "people": _people(order, terms, user),
        "listings": [_listing(listing) for listing in order.listings.order_by("title", "pk")],
        "faults": [_fault(fault, order, user) for fault in reviewing.faults(order, now=now)],
        "remedy": _remedy(order, user),
        "barred": _barred(order, user),
        "warnings": warnings(order, user, now, terms, month),
        "dry_run": _dry_run(order, now),
        "dry_run_url": reverse("admin:campaigns_order_dry_run", args=[order.pk]),
        "button": _button(order, terms),
        "reject_url": _reject_url(order),
        **_changes(order, user),
    }


def _button(order: Order, terms: Terms) -> str:
    if order.state == OrderState.AWAITING_APPROVAL:
        return f"Approve and publish {cost(order)}"
    return f"Send {cost(order)} to approval" if terms.second_person else f"Publish {cost(order)}"


def _reject_url(order: Order) -> str:
    """Return where whoever looks at an order that waits for approval says no to it; empty for a draft."""
    if order.state != OrderState.AWAITING_APPROVAL:
        return ""
    return reverse("admin:campaigns_order_reject", args=[order.pk])


def _barred(order: Order, user: User) -> str:
    """Return why this person can't approve the order, and who can; empty where they can."""
    if order.state != OrderState.AWAITING_APPROVAL or user.pk not in selectors.writers(order):
        return ""
    return f"{NOT_YOURS} {who_approves(order, user)}"


def _people(order: Order, terms: Terms, user: User) -> list[Pair]:
    """Return who built it, who edited it and when last, who submitted it, and whether somebody else must approve it."""
    last = {(line.actor, line.kind): line for line in selectors.written_by(order)}
    wrote = [f"{actor} {DID[kind]} it, {look.when(line.at)}" for (actor, kind), line in last.items()]
    pairs: list[Pair] = [("Written by", "; ".join(wrote) or look.NOTHING)]
    if order.submitted_by:
        pairs.append(("Submitted", f"{order.submitted_by.get_username()}, {look.when(order.submitted_at)}"))
    return [*pairs, ("Second person", approval_words(order, terms, user))]


def _listing(listing: Listing) -> dict[str, Any]:
    return {
        "listing": listing,
        "price": look.amount(listing.price),
        "picture": outside.link("Picture", listing.image_url, listing),
        "page": outside.link("Page", listing.url, listing),
    }


def _fault(fault: Fault, order: Order, user: User) -> dict[str, str]:
    """Return the words, and for those who may mend it the field of the form in which to do so."""
    field = OrderForm.base_fields.get(fault.field)
    may_mend = field is not None and order.state == OrderState.DRAFT and user.has_perm("campaigns.change_order")
    url = f"{reverse('admin:campaigns_order_edit', args=[order.pk])}#id_{fault.field}" if may_mend else ""
    name = (field.label if field else None) or fault.field.replace("_", " ").capitalize()
    return {"words": fault.words, "url": url, "field": str(name)}


def _remedy(order: Order, user: User) -> str:
    if order.state == OrderState.AWAITING_APPROVAL:
        return "Reject the order with a comment, so that its author can mend it."
    if user.has_perm("campaigns.change_order"):
        return "Nothing can leave until this is mended."
    return "Nothing can leave until somebody who may edit the order has mended this."


def _dry_run(order: Order, now: datetime) -> dict[str, Any] | None:
    """Return what Flow said last, when, and whether it was asked about exactly what would leave now."""
    event = selectors.last_dry_run(order)
    if event is None:
        return None
    stale = event.data.get("payload_sha256") != dry_runs.sha256_of_request(order)
    return {
        "text": look.short(event.text, LONGEST_ANSWER),
        "facts": event.data.get("facts", []),
        "answer": clean(event.data.get("answer", "")),
        "asked": f"{event.actor.get_username() if event.actor else 'a command'}, {look.when(event.at)}",
        "age": look.ago(event.at, now),
        "stale": stale,
        "refused": not event.data.get("ok") and not stale,
    }


def _changes(order: Order, user: User) -> dict[str, Any]:
    found = selectors.changes_since_submission(order)
    if found is None:
        return {}
    known = changes.names([found.fields], user)
    return {
        "submitted_before": f"{found.since.text} ({look.when(found.since.at)})",
        "sent_back": f"{found.refusal.text} ({look.when(found.refusal.at)})" if found.refusal else "",
        "changes": changes.changes(found.fields, order, known),
    }
