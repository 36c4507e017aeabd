"""The next step of an order, in words: what it is, and who can take it."""

from datetime import datetime

from django.contrib.auth.models import User

from campaigns import selectors
from campaigns.admin import look
from campaigns.admin.order_rules import is_over
from campaigns.admin.people import deeds, names
from campaigns.domain.states import Move, OrderState, is_allowed
from campaigns.models import Order
from campaigns.services.recording import is_taken


def next_step(order: Order, user: User, now: datetime) -> str:
    """Return what happens next to the order and who can make it happen."""
    if order.state == OrderState.PUBLISHED and is_over(order):
        return "nothing to do: its campaigns are over."
    if is_allowed(Move.CANCEL, OrderState(order.state), OrderState.CANCELLED) and is_taken(order):
        cancel = (
            "cancel it. Flow took it already, so it is never sent again; what runs there is to be kept or cancelled. "
        )
        return cancel + _who_may("submit_order", order, user)
    if order.problem and order.state in {OrderState.PUBLISHED, OrderState.CANCELLED} and not is_over(order):
        surplus = "look at its campaigns, and cancel those that are not wanted, each on its own page. "
        return surplus + _who_may("command_campaign", order, user)
    words = {
        OrderState.DRAFT: "submit it. Until then nothing is sent and it can be edited. ",
        OrderState.AWAITING_APPROVAL: "somebody who neither wrote nor submitted it approves or rejects it. ",
        OrderState.QUEUED: _queued(order, now),
        OrderState.PUBLISHING: "a worker is sending it to Flow now. Load this page again in a few seconds.",
        OrderState.PUBLISHED: "nothing to do. Flow took the order, and its campaigns are followed below.",
        OrderState.REJECTED: "return it to draft, mend it and submit it again. It was refused, and nothing was published. ",
        OrderState.UNKNOWN: (
            f"look for {order.order_ref} at Flow, then settle the doubt here: two people must say the same, or one who may do "
            "it alone. "
        ),
        OrderState.CANCELLED: "nothing, it is over. To publish the same, duplicate it.",
    }
    return words[OrderState(order.state)] + _who(order, user)


def _queued(order: Order, now: datetime) -> str:
    held = selectors.held_until(now)
    if held:
        return f"it waits: Flow asked us to wait until {look.when(held)}. Then a worker sends it."
    if order.next_attempt_at and now < order.next_attempt_at <= now + selectors.LONGEST_WAIT:
        return f"it waits: a worker tries again at {look.when(order.next_attempt_at)}."
    return "a worker sends it to Flow within half a minute. Load this page again."


def _who(order: Order, user: User) -> str:
    permission = {
        OrderState.DRAFT: "submit_order",
        OrderState.REJECTED: "submit_order",
        OrderState.AWAITING_APPROVAL: "approve_order",
        OrderState.UNKNOWN: "settle_order",
    }.get(OrderState(order.state))
    if permission is None:
        return ""
    return _who_may(permission, order, user)


def _who_may(permission: str, order: Order, user: User) -> str:
    barred = selectors.writers(order) if permission == "approve_order" else ()
    who = names([permission], order.branch_id, user, without=barred)
    if not who:
        return f"Nobody can yet: ask an administrator to let somebody {deeds([permission])}."
    return f"Who can: {who}."
