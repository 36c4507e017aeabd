"""What can be done to many rows at once: each deed calls the service that the single deed calls, and can foresee it.

To foresee is to ask the same rules without writing anything, of rows that were read a thousand at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet

from campaigns import selectors
from campaigns.domain.batches import BatchKind, Sweep
from campaigns.domain.money import format_money
from campaigns.domain.states import FINAL_PHASES, Action, Move, OrderState, Phase
from campaigns.models import BatchRow, Campaign, Command, Listing, Order
from campaigns.models.choices import label
from campaigns.models.commands import OPEN
from campaigns.services import commands, copying, moves, orders, reviewing, syncing
from campaigns.services.content import Content
from campaigns.services.errors import Refused, Stale
from campaigns.services.fitting import fit
from campaigns.services.history import require, require_branch
from campaigns.services.recording import is_taken

RowT = TypeVar("RowT", Order, Campaign)

# The columns of a campaign and of its order that `foresee` and the page that asks look at.
LOOKED_AT = ("tracking_id", "phase", "command_number", "branch_id", "order_id")
LOOKED_AT_OF_ORDERS = ("branch_id", "plan_id", "budget", "budget_override", "currency")


@dataclass(frozen=True)
class BatchDeed(Generic[RowT]):
    """One thing that people do to many rows: whom it is for, what it says, how it is foreseen and what it calls."""

    name: str
    label: str
    permission: str
    says: str
    """What it does to each row that can be done, for the page that asks."""
    money: str
    """What the amounts of these rows together mean."""
    foresee: Callable[[RowT, datetime], str]
    """Return what will happen. Raises what the service would raise; writes nothing, and asks the database nothing."""
    do: Callable[[RowT, BatchRow, User, datetime], str]
    """Call the service; return what was done. Raises whatever services raise."""
    load: Callable[[QuerySet[RowT]], QuerySet[RowT]]
    """Read along with the rows what `foresee` looks at."""
    sweep: Sweep | None = None
    needs_reason: bool = False
    spends: bool = False
    danger: bool = False


def deeds_for(kind: BatchKind, user: User) -> list[BatchDeed[Any]]:
    """Return the deeds for rows of this kind that the person has the permission for."""
    return [deed for deed in DEEDS[kind] if user.has_perm(f"campaigns.{deed.permission}")]


def deed_named(kind: BatchKind, name: str) -> BatchDeed[Any] | None:
    """Return the deed of this name, None where there is none."""
    return next((deed for deed in DEEDS[kind] if deed.name == name), None)


def _orders(rows: QuerySet[Order]) -> QuerySet[Order]:
    return rows.select_related("plan", "branch", "agent")


def _with_content(rows: QuerySet[Order]) -> QuerySet[Order]:
    return _orders(rows).prefetch_related("listings", "campaigns")


def _with_campaigns(rows: QuerySet[Order]) -> QuerySet[Order]:
    return _orders(rows).prefetch_related("campaigns")


def _campaigns_alone(rows: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Read what a batch and its page look at and no more: ten thousand whole rows of four tables take seconds.

    Campaigns share orders, plans and branches, so these are not joined, which would make one of each for each row.
    """
    orders = Order.objects.select_related(None).only(*LOOKED_AT_OF_ORDERS)
    rows = rows.select_related(None).prefetch_related(None)  # lists bring their own
    return rows.only(*LOOKED_AT).prefetch_related("branch", Prefetch("order", orders), "order__plan")


def _with_open_command(rows: QuerySet[Campaign]) -> QuerySet[Campaign]:
    is_open = Command.objects.filter(state__in=OPEN).select_related("asked_by")
    return _campaigns_alone(rows).prefetch_related(Prefetch("commands", is_open, to_attr="open_commands"))


def _with_what_is_gone(rows: QuerySet[Order]) -> QuerySet[Order]:
    return _orders(rows).prefetch_related("listings", selectors.reading_gone_listings())


def _content(order: Order) -> Content:
    return Content(
        plan=order.plan,
        branch=order.branch,
        listings=tuple(order.listings.all()),
        agent=order.agent,
        start_at=order.start_at,
        end_at=order.end_at,
        budget_override=order.budget_override,
    )


def _foresee_publish(order: Order, now: datetime) -> str:
    moves.check(order, Move.SUBMIT)
    reviewing.check_leaving(order, _content(order), now=now)
    if selectors.terms_of(order).second_person:
        return "Submitted; waits for a second person's approval"
    return "Submitted and published at once"


def _publish(order: Order, row: BatchRow, user: User, now: datetime) -> str:
    moved = orders.submit(order.pk, row.version, user=user, now=now)
    if (moved.amount, moved.amount_currency) != (row.amount, row.currency):
        raise Stale(
            f"Order {order} costs {format_money(moved.amount, moved.amount_currency)} now; when you looked it was "
            f"{format_money(row.amount, row.currency)}. Nothing was done. Look at it again and decide anew."
        )
    if moved.state == OrderState.AWAITING_APPROVAL:
        return "Submitted. A second person must approve it before anything is published."
    return "Submitted and queued: a worker publishes it."


def _foresee_cancel(order: Order, _now: datetime) -> str:
    moves.check(order, Move.CANCEL)
    if running := len(_running(order)):
        return f"Cancelled here; {_campaigns(running)} at Flow run on"
    return "Cancelled here; Flow took it already" if is_taken(order) else "Cancelled; nothing is published"


def _cancel(order: Order, row: BatchRow, user: User, now: datetime) -> str:
    orders.cancel(order.pk, row.version, reason=row.batch.reason, user=user, now=now)
    return "Cancelled."


def _foresee_duplicate(order: Order, now: datetime) -> str:
    gone: list[Listing] = vars(order)["gone"]  # `load` has put it there
    fitted = fit(_content(order), now, gone={listing.pk for listing in gone})
    return "Copied into a new draft" if not fitted.left_out else "Copied into a new draft, which says what is left out"


def _duplicate(order: Order, _row: BatchRow, user: User, now: datetime) -> str:
    return f"The new draft is {copying.duplicate(order.pk, user=user, now=now)}."


def _followed(order: Order) -> list[Campaign]:
    """Return the order's campaigns of which Flow may tell news. Raises Refused where there are none."""
    followed = _running(order)
    if not followed:
        raise Refused(f"Order {order} has no campaign that is still followed: there is nothing to ask Flow about.")
    return followed


def _running(order: Order) -> list[Campaign]:
    return [campaign for campaign in order.campaigns.all() if Phase(campaign.phase) not in FINAL_PHASES]


def _foresee_order_check(order: Order, _now: datetime) -> str:
    return f"Flow is asked about {_campaigns(len(_followed(order)))}"


def _check_order(order: Order, _row: BatchRow, user: User, now: datetime) -> str:
    require(user, "command_campaign", "have campaigns checked")
    require_branch(user, order.branch)
    marked = syncing.mark_due([campaign.pk for campaign in _followed(order)], now=now)
    return f"Flow is asked about {_campaigns(marked)}."


def _campaigns(count: int) -> str:
    return f"{count} campaign{'' if count == 1 else 's'}"


def _check_is_followed(campaign: Campaign) -> None:
    if Phase(campaign.phase) in FINAL_PHASES:
        phase = label(campaign.phase).lower()
        raise Refused(f"Campaign {campaign} is {phase}: Flow has no more news of it. It was not asked.")


def _foresee_check(campaign: Campaign, _now: datetime) -> str:
    _check_is_followed(campaign)
    return "Flow is asked for its status"


def _check(campaign: Campaign, _row: BatchRow, user: User, now: datetime) -> str:
    require(user, "command_campaign", "have campaigns checked")
    require_branch(user, campaign.branch)
    _check_is_followed(campaign)
    syncing.mark_due([campaign.pk], now=now)
    return "Flow is asked for its status."


def _command(action: Action, says: str, money: str) -> BatchDeed[Campaign]:
    def foresee(campaign: Campaign, _now: datetime) -> str:
        is_open: list[Command] = vars(campaign)["open_commands"]  # `load` has put it there
        commands.check_fits(campaign, action, is_open[0] if is_open else None)
        return f"Flow is asked to {action.value} it"

    def do(campaign: Campaign, row: BatchRow, user: User, now: datetime) -> str:
        commands.ask(campaign.pk, action, reason=row.batch.reason, user=user, now=now)
        return f"Flow is asked to {action.value} it; not confirmed until Flow's own status says so."

    return BatchDeed(
        name=action.value,
        label=action.value.capitalize(),
        permission="command_campaign",
        says=says,
        money=money,
        foresee=foresee,
        do=do,
        load=_with_open_command,
        sweep=Sweep.COMMANDS,
        needs_reason=True,
        danger=action is Action.CANCEL,
    )


ORDER_DEEDS: tuple[BatchDeed[Order], ...] = (
    BatchDeed(
        name="publish",
        label="Publish",
        permission="submit_order",
        says="Each draft is submitted, which freezes it. Where its budget asks for a second person, it waits for their "
        "approval; every other one is published at once and spends its money.",
        money="may be spent",
        foresee=_foresee_publish,
        do=_publish,
        load=_with_content,
        sweep=Sweep.PUBLISH,
        spends=True,
    ),
    BatchDeed(
        name="cancel",
        label="Cancel",
        permission="submit_order",
        says="Each order ends without being sent to Flow any more. A cancelled order can't be taken up again.",
        money="will not be spent, but for what runs at Flow already",
        foresee=_foresee_cancel,
        do=_cancel,
        load=_with_campaigns,
        needs_reason=True,
        danger=True,
    ),
    BatchDeed(
        name="check",
        label="Check now",
        permission="command_campaign",
        says="Flow is asked for the status of each order's campaigns. Nothing is changed at Flow.",
        money="is what these orders cost; nothing more is spent",
        foresee=_foresee_order_check,
        do=_check_order,
        load=_with_campaigns,
        sweep=Sweep.SYNC,
    ),
    BatchDeed(
        name="duplicate",
        label="Duplicate",
        permission="add_order",
        says="Each order is copied into a new draft with the same content. Nothing is published until a draft is submitted.",
        money="is what the copies would cost once they are submitted",
        foresee=_foresee_duplicate,
        do=_duplicate,
        load=_with_what_is_gone,
    ),
)
CAMPAIGN_DEEDS: tuple[BatchDeed[Campaign], ...] = (
    _command(
        Action.PAUSE,
        "Flow is asked to pause each campaign. It counts as paused only when Flow's own status says so.",
        "is what their orders cost",
    ),
    _command(
        Action.RESUME,
        "Flow is asked to run each campaign again, which spends money again.",
        "is what their orders cost, and is spent further",
    ),
    _command(
        Action.CANCEL,
        "Flow is asked to cancel each campaign for good. None of them can be resumed afterwards.",
        "is what their orders cost; what Flow has spent of it is gone",
    ),
    BatchDeed(
        name="check",
        label="Check now",
        permission="command_campaign",
        says="Flow is asked for the status of each campaign. Nothing is changed at Flow.",
        money="is what their orders cost; nothing more is spent",
        foresee=_foresee_check,
        do=_check,
        load=_campaigns_alone,
        sweep=Sweep.SYNC,
    ),
)
DEEDS: dict[BatchKind, tuple[BatchDeed[Any], ...]] = {
    BatchKind.ORDER: ORDER_DEEDS,
    BatchKind.CAMPAIGN: CAMPAIGN_DEEDS,
}
