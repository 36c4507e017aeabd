"""What people do to orders: each deed calls one service."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from campaigns import selectors, tasks
from campaigns.admin import review
from campaigns.admin.actions import Deed, Offer
from campaigns.admin.copy_deeds import COPY_DEEDS
from campaigns.admin.forms import CommentForm, OptionalReasonForm, ReasonForm, SubmitForm
from campaigns.admin.order_rules import can, only, only_in
from campaigns.admin.review import cost
from campaigns.admin.settle_deed import SETTLE
from campaigns.domain.states import Move, OrderState
from campaigns.models import Order
from campaigns.services import orders, publishing
from campaigns.services.errors import Refused

Values = dict[str, Any]

REVIEW = "admin/campaigns/review.html"


def _submit(order: Order, values: Values, user: User, now: datetime) -> str:
    moved = orders.submit(order.pk, values["version"], user=user, now=now, terms=values["terms"])
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
        raise Refused(f"Dry run: Flow would refuse this order. {result.told}")
    said = f" Flow said: {result.told}" if result.told else ""
    return f"Dry run: Flow would take this order. Nothing was published.{said}"


def _submit_says(order: Order) -> str:
    if selectors.terms_of(order).second_person:
        return (
            f"Send {cost(order)} to approval. This freezes the order; a second person must approve it before anything is "
            "published or spent."
        )
    return f"Publish {cost(order)}. This freezes the order; a worker sends it to Flow at once, and this money is spent."


EDIT: Offer[Order] = Offer(
    name="edit",
    label="Edit",
    icon="edit",
    permissions=("change_order",),
    fits=lambda order: order.state == OrderState.DRAFT,
    not_now=only_in({OrderState.DRAFT}),
)

ORDER_DEEDS: list[Deed[Order]] = [
    Deed(
        name="submit",
        label="Submit",
        icon="send",
        permissions=("submit_order",),
        fits=can(Move.SUBMIT),
        not_now=only(Move.SUBMIT),
        says=_submit_says,
        do=_submit,
        form=SubmitForm,
        first_values=lambda order, _user: {"terms": str(selectors.terms_of(order))},
        template=REVIEW,
        knows=review.knows,
    ),
    Deed(
        name="approve",
        label="Approve",
        icon="check",
        permissions=("approve_order",),
        fits=can(Move.APPROVE),
        not_now=only(Move.APPROVE),
        barred=selectors.writers,
        why_barred=review.NOT_YOURS,
        says=lambda order: (
            f"Publish {cost(order)}. A worker sends it to Flow at once, exactly as shown here, and this money is spent. To "
            "change anything it must go back to draft, which drops the approval."
        ),
        do=_approve,
        template=REVIEW,
        knows=review.knows,
    ),
    Deed(
        name="reject",
        label="Reject",
        icon="undo",
        permissions=("approve_order",),
        fits=can(Move.REJECT),
        not_now=only(Move.REJECT),
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
        not_now=only_in(publishing.DRY_RUN_STATES),
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
        fits=can(Move.RETURN),
        not_now=only(Move.RETURN),
        says=lambda order: f"Take {cost(order)} back, so that the order can be edited. An approval is dropped.",
        do=_return,
        form=OptionalReasonForm,
    ),
    Deed(
        name="cancel",
        label="Cancel order",
        icon="cancel",
        permissions=("submit_order",),
        fits=can(Move.CANCEL),
        not_now=only(Move.CANCEL),
        says=lambda order: f"End the order for {cost(order)}. Nothing is published; it can't be taken up again.",
        do=_cancel,
        form=ReasonForm,
        danger=True,
    ),
    *COPY_DEEDS,
]
