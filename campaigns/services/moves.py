"""Move an order from one state to the next: compare and swap, in one place."""

from typing import Any

from django.db.models import F

from campaigns.domain.states import Move, OrderState, is_allowed, moves_from
from campaigns.models import Order
from campaigns.models.choices import label
from campaigns.services.errors import Refused, Stale

# What a draft has not: it was submitted by nobody, approved by nobody and freezes nothing.
DRAFT_AGAIN: dict[str, Any] = {
    "payload": "",
    "payload_sha256": "",
    "budget": None,
    "currency": "",
    "rehearsal": False,
    "submitted_by": None,
    "submitted_at": None,
    "approved_by": None,
    "approved_at": None,
    "not_approved_at": None,
    "next_attempt_at": None,
    "failures": 0,
}


def read(order_id: int, version: int | None = None) -> Order:
    """Return the order as it is now. Raises Stale where `version` is given and is no longer its version."""
    order = Order.objects.select_related("plan", "branch", "agent").get(pk=order_id)
    if version is not None and order.version != version:
        raise Stale(
            f"Order {order.order_ref} has changed since you opened it; it is now: {label(order.state)}. "
            "Nothing was done. Look at it again and decide anew."
        )
    return order


def check(order: Order, deed: Move) -> None:
    """Raise Refused where the order's state does not allow the deed."""
    state = OrderState(order.state)
    if deed not in moves_from(state):
        raise Refused(
            f"Order {order.order_ref} is {label(state).lower()}: it can't {deed.value} from there. Nothing was done."
        )


def move(order: Order, deed: Move, new: OrderState, **changes: Any) -> None:
    """Take the order to `new`, with the changes given, if it is still as it was read.

    Raises Refused where the move is not allowed from its state, Stale where somebody else was faster.
    """
    check(order, deed)
    old = OrderState(order.state)
    if not is_allowed(deed, old, new):
        raise Refused(f"Order {order.order_ref} can't become {label(new).lower()} by that. Nothing was done.")
    unchanged = Order.objects.filter(pk=order.pk, state=old.value, version=order.version)
    if unchanged.update(state=new.value, version=F("version") + 1, **changes) != 1:
        raise Stale(f"Somebody else has just moved order {order.order_ref}. Nothing was done. Look at it again.")
    order.state, order.version = new.value, order.version + 1
    for name, value in changes.items():
        setattr(order, name, value)
