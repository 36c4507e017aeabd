"""Move an order whose start comes too late: start and end together, back to a draft where it was submitted."""

from dataclasses import replace
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from campaigns.domain.copies import is_too_close
from campaigns.domain.states import OrderState
from campaigns.models import Order
from campaigns.services import moves, orders
from campaigns.services.content import Content
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import require, require_branch
from campaigns.services.wording import when

RESCUED = frozenset({OrderState.DRAFT, OrderState.AWAITING_APPROVAL, OrderState.QUEUED, OrderState.REJECTED})


def moved_end(order: Order, start: datetime) -> datetime | None:
    """Return the end that keeps the order's length with this start; None where it has no end."""
    if order.start_at is None or order.end_at is None:
        return None
    return order.end_at + (start - order.start_at)


def rescue_start(order_id: int, version: int, start: datetime, *, user: User, now: datetime) -> Order:
    """Give an order whose start is past, or nearly, this start, and an end that keeps its length: by the usual moves.

    A submitted order becomes a draft, which drops its approval, and is not submitted again. Raises NotAllowed, Stale where
    the order or the clock has moved on, Refused, or ValidationError where a rule of the content no longer holds.
    """
    require(user, "change_order", "edit orders")
    order = moves.read(order_id, version)
    require_branch(user, order.branch)
    if OrderState(order.state) not in RESCUED or not is_too_close(order.start_at, now):
        raise Refused(f"Order {order} does not start too late, or can't be edited any more. Nothing was changed.")
    if is_too_close(start, now):
        raise Stale(
            f"The start that you were shown, {when(start)}, is too close now. Nothing was changed. Open it again."
        )
    with transaction.atomic():
        if order.state != OrderState.DRAFT:
            reason = f"Its start, {when(order.start_at)}, comes too late." if order.start_at else ""
            order = orders.return_to_draft(order_id, version, user=user, now=now, reason=reason)
        moved = replace(Content.of(order), start_at=start, end_at=moved_end(order, start))
        return orders.edit_order(order_id, order.version, moved, user=user, now=now)
