"""What people do to orders: each deed calls one service."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from campaigns import selectors, tasks
from campaigns.admin.actions import Deed
from campaigns.admin.copy_deeds import COPY_DEEDS
from campaigns.admin.forms import CommentForm, OptionalReasonForm, ReasonForm
from campaigns.admin.settle_deed import SETTLE
from campaigns.domain.money import format_money
from campaigns.domain.states import Move, OrderState, moves_from
from campaigns.models import Order
from campaigns.services import orders, publishing
from campaigns.services.errors import Refused

Values = dict[str, Any]


def cost(order: Order) -> str:
    """Return what an order buys and for how much, such as `3 listings, 2,928.00 ZAR`."""
    count = order.listings.count()
    return f"{count} listing{'' if count == 1 else 's'}, {format_money(order.amount, order.amount_currency)}"


def _submit(order: Order, values: Values, user: User, now: datetime) -> str:
    moved = orders.submit(order.pk, values["version"], user=user, now=now)
    if moved.state == OrderState.AWAITING_APPROVAL:
        return f"Order {order} is submitted. A second person must approve it before anything is published."
    tasks.nudge_publish(order.pk)
    return f"Order {order} is submitted and queued: a worker publishes it now."


def _approve(order: Order, values: Values, user: User, now: datetime) -> str:
    orders.approve(order.pk, values["version"], user=user, now=now)
    tasks.nudge_publish(order.pk)
    return f"Order {order} is approved and queued: a worker publishes it now."


def _reject(order: Order, values: Values, user: User, now: datetime) -> str:
    orders.reject(order.pk, values["version"], comment=values["comment"], user=user, now=now)
    return f"Order {order} is a draft again; its author sees your comment."


def _return(order: Order, values: Values, user: User, now: datetime) -> str:
    orders.return_to_draft(order.pk, values["version"], reason=values["reason"], user=user, now=now)
    return f"Order {order} is a draft again and can be edited."


def _cancel(order: Order, values: Values, user: User, now: datetime) -> str:
    orders.cancel(order.pk, values["version"], reason=values["reason"], user=user, now=now)
    return f"Order {order} is cancelled."


def _dry_run(order: Order, _values: Values, user: User, now: datetime) -> str:
    result = publishing.dry_run(order.pk, user=user, now=now)
    if not result.ok:
        raise Refused(f"Dry run: Flow would refuse this order. {result.words}")
    return f"Dry run: Flow would take this order. Nothing was published. Flow said: {result.words}"


def _can(move: Move) -> Any:
    return lambda order: move in moves_from(OrderState(order.state))


ORDER_DEEDS: list[Deed[Order]] = [
    Deed(
        name="submit",
        label="Submit",
        icon="send",
        permissions=("submit_order",),
        fits=_can(Move.SUBMIT),
        says=lambda order: (
            f"Publish {cost(order)}. This freezes the order; where its budget asks for a second person, it waits for "
            "their approval, else it is published at once and spends this money."
        ),
        do=_submit,
    ),
    Deed(
        name="approve",
        label="Approve",
        icon="check",
        permissions=("approve_order",),
        fits=_can(Move.APPROVE),
        suits=lambda order, user: user.pk not in selectors.writers(order),
        says=lambda order: f"Publish {cost(order)}. A worker sends it to Flow at once, and this money is spent.",
        do=_approve,
    ),
    Deed(
        name="reject",
        label="Reject",
        icon="undo",
        permissions=("approve_order",),
        fits=_can(Move.REJECT),
        says=lambda order: f"Do not publish {cost(order)}. The order goes back to its author with your comment.",
        do=_reject,
        form=CommentForm,
    ),
    SETTLE,
    Deed(
        name="dry_run",
        label="Dry run",
        icon="science",
        permissions=("change_order", "submit_order", "approve_order"),
        fits=lambda order: OrderState(order.state) in publishing.DRY_RUN_STATES,
        says=lambda order: (
            f"Ask Flow whether it would publish {cost(order)}. Nothing is published and nothing is spent."
        ),
        do=_dry_run,
    ),
    Deed(
        name="return",
        label="Return to draft",
        icon="edit_note",
        permissions=("submit_order",),
        fits=_can(Move.RETURN),
        says=lambda order: f"Take {cost(order)} back, so that the order can be edited. An approval is dropped.",
        do=_return,
        form=OptionalReasonForm,
    ),
    Deed(
        name="cancel",
        label="Cancel order",
        icon="cancel",
        permissions=("submit_order",),
        fits=_can(Move.CANCEL),
        says=lambda order: f"End the order for {cost(order)}. Nothing is published; it can't be taken up again.",
        do=_cancel,
        form=ReasonForm,
        danger=True,
    ),
    *COPY_DEEDS,
]
