"""The orders that wait for this person's approval, the oldest first, with the money. It only shows."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns import selectors
from campaigns.admin import look
from campaigns.admin.base import ModelAdmin, person
from campaigns.domain.money import format_money
from campaigns.domain.times import lasted
from campaigns.models import Order
from campaigns.selectors import Changes

PER_PAGE = 25


@require_safe
def view(request: HttpRequest, rooms: ModelAdmin[Order]) -> HttpResponse:
    """Show a page of the queue, in the rooms of the orders."""
    user, now = person(request), timezone.now()
    if not (user.has_perm("campaigns.view_order") and user.has_perm("campaigns.approve_order")):
        raise PermissionDenied
    orders = selectors.approvals_for(user)
    waiting = orders.select_related("plan", "branch", "submitted_by").order_by("submitted_at", "pk")
    page = Paginator(waiting.annotate(listing_count=Count("listings")), PER_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    before = selectors.changes_of_all(rows)
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "title": "My approvals",
        "page": page,
        "count": page.paginator.count,
        "money": [format_money(amount, currency) for currency, amount in selectors.money_of(orders)],
        "rows": [{**_row(order, now), "again": _again(before.get(order.pk))} for order in rows],
    }
    return TemplateResponse(request, "admin/campaigns/approval_queue.html", context)


def _again(changes: Changes | None) -> str:
    """Return that the order was here before, and whether it is another one now; nothing of one that is new."""
    if changes is None:
        return ""
    if changes.fields:
        return f"Edited since it was {'sent back' if changes.refusal else 'submitted before'}"
    return "Sent back, and not edited since" if changes.refusal else ""


def _row(order: Any, now: datetime) -> dict[str, Any]:
    return {
        "order": order,
        "url": reverse("admin:campaigns_order_change", args=[order.pk]),
        "review_url": reverse("admin:campaigns_order_approve", args=[order.pk]),
        "money": format_money(order.amount, order.amount_currency),
        "age": look.badge(order.state, look.STATES, f" for {lasted(now - order.submitted_at)}"),
        "pairs": [
            ("Branch", str(order.branch)),
            ("Plan", str(order.plan)),
            ("Listings", str(order.listing_count)),
            ("Start", look.when(order.start_at, order.branch.zone) if order.start_at else "None is sent: Flow decides"),
            ("Submitted", f"{order.submitted_by.get_username()}, {look.when(order.submitted_at)}"),
        ],
    }
