"""Copy orders: a new draft that asks for the same."""

from datetime import datetime

from django.contrib.auth.models import User

from campaigns.models import Order
from campaigns.services import moves, orders
from campaigns.services.content import Content
from campaigns.services.history import require_branch


def duplicate(order_id: int, *, user: User, now: datetime) -> Order:
    """Write a new draft with the order's content: with an order_ref of its own, submitted and approved by nobody.

    Raises NotAllowed, or ValidationError where a rule no longer allows the content.
    """
    order = moves.read(order_id)
    require_branch(user, order.branch)
    return orders.create_order(Content.of(order), user=user, now=now)
