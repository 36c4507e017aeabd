"""What people do to orders: each deed calls one service."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import selectors, tasks
from campaigns.admin import review
from campaigns.admin.actions import Deed, Offer
from campaigns.admin.copy_deeds import COPY_DEEDS
from campaigns.admin.forms import CommentForm, OptionalReasonForm, ReasonForm, SubmitForm
from campaigns.admin.order_rules import can, only, only_in
from campaigns.admin.review import cost
from campaigns.admin.settle_deed import SETTLE
from campaigns.domain.late_answers import IDS_OF_OTHERS
from campaigns.domain.states import FINAL_PHASES, Move, OrderState
from campaigns.models import Order
from campaigns.services import dry_runs, orders
from campaigns.services.errors import Refused
from campaigns.services.recording import is_taken

Values = dict[str, Any]

TAKEN = "Flow took it already: submitting it again would spend the money twice. For more campaigns build a new order."
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
    return f"Order {order} is cancelled. {_run_on(order)}".strip()


def _dry_run(order: Order, _values: Values, user: User, now: datetime) -> str:
    result = dry_runs.dry_run(order.pk, user=user, now=now)
    if not result.ok:
        raise Refused(f"Dry run: Flow would refuse this order. {result.told}")
    said = f" Flow said: {result.told}" if result.told else ""
    return f"Dry run: Flow would take this order. Nothing was published.{said}"


def _cancel_says(order: Order) -> str:
    over = "it can't be taken up again."
    if words := _run_on(order):
        return f"End the order here; {over} {words}"
    return f"End the order for {cost(order)}. Nothing is published; {over}"


def _run_on(order: Order) -> str:
    """Say what the order's end does not end; empty where nothing of it runs."""
    running = order.campaigns.exclude(phase__in=sorted(FINAL_PHASES)).count()
    if not running:
        return "What Flow took of it runs on: look at Flow." if order.problem.endswith(IDS_OF_OTHERS) else ""
    campaigns = "1 campaign at Flow runs" if running == 1 else f"{running} campaigns at Flow run"
    return f"Its {campaigns} on. To stop the spending, cancel each campaign on its own page."


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
        fits=lambda order: can(Move.SUBMIT)(order) and not is_taken(order),
        not_now=lambda order: TAKEN if can(Move.SUBMIT)(order) else only(Move.SUBMIT)(order),
        says=_submit_says,
        do=_submit,
        is_next=lambda order: order.start_at is None or order.start_at > timezone.now(),
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
        is_next=lambda _order: True,
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
        fits=lambda order: OrderState(order.state) in dry_runs.STATES,
        not_now=only_in(dry_runs.STATES),
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
        is_next=lambda order: order.state == OrderState.REJECTED,
        form=OptionalReasonForm,
    ),
    Deed(
        name="cancel",
        label="Cancel order",
        icon="cancel",
        permissions=("submit_order",),
        fits=can(Move.CANCEL),
        not_now=only(Move.CANCEL),
        says=_cancel_says,
        do=_cancel,
        form=ReasonForm,
        danger=True,
    ),
    *COPY_DEEDS,
]
