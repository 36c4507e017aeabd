"""The queue of orders in doubt: all that a person may see, the oldest first, with what is known of each. It only shows."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from campaigns import selectors
from campaigns.admin import doubts
from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.settle_deed import SETTLE
from campaigns.domain.money import format_money
from campaigns.models import Attempt, Order

PER_PAGE = 25


@require_safe
def view(request: HttpRequest, rooms: ModelAdmin[Order]) -> HttpResponse:
    """Show a page of the queue, in the rooms of the orders."""
    user, now = person(request), timezone.now()
    if not user.has_perm("campaigns.view_order"):
        raise PermissionDenied
    orders = selectors.orders_for(user)
    page = Paginator(selectors.doubt_queue(orders), PER_PAGE).get_page(request.GET.get("page"))
    may_settle = SETTLE.is_allowed(user)
    context = {
        **rooms.admin_site.each_context(request),
        "opts": rooms.opts,
        "title": "In doubt",
        "page": page,
        "count": page.paginator.count,
        "money": [format_money(amount, currency) for currency, amount in selectors.money_in_doubt(orders)],
        "rows": [_row(attempt, now, may_settle=may_settle) for attempt in page],
    }
    return TemplateResponse(request, "admin/campaigns/doubt_queue.html", context)


def _row(attempt: Attempt, now: datetime, *, may_settle: bool) -> dict[str, Any]:
    order = attempt.order
    return {
        "order": order,
        "url": reverse("admin:campaigns_order_change", args=[order.pk]),
        "settle_url": reverse("admin:campaigns_order_settle", args=[order.pk]) if may_settle else "",
        "age": doubts.age(attempt, now),
        "money": doubts.money(order),
        "sending": [("Branch", str(order.branch)), *doubts.sending(attempt)],
        "answer": doubts.answer(attempt),
        "reminders": doubts.reminders(attempt, now),
        "excerpt": doubts.excerpt(attempt),
        "said": [doubts.said(settlement) for settlement in selectors.last_words(attempt.settlements.all())],
    }
