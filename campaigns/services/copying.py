"""Make new drafts of orders that are there. Content alone is copied: never refs, tracking ids, payloads or approvals."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns import selectors
from campaigns.domain.copies import CopyHow, next_period
from campaigns.domain.money import format_money
from campaigns.domain.states import FINAL_PHASES, Action, OrderState
from campaigns.domain.texts import clean
from campaigns.models import Campaign, Command, Order
from campaigns.services import commands, moves
from campaigns.services.content import Content
from campaigns.services.errors import NothingToCopy, Refused
from campaigns.services.fitting import fit
from campaigns.services.history import record, require, require_branch
from campaigns.services.orders import Origin, create_order

NOUNS = {CopyHow.DUPLICATE: "a copy", CopyHow.RENEWAL: "the renewal", CopyHow.REPLACEMENT: "the replacement"}


@dataclass(frozen=True)
class Replacement:
    """The draft that is to take an order's place, and the cancellations that were asked of its campaigns."""

    order: Order
    commands: tuple[Command, ...]


def nothing_to_copy(order: Order, now: datetime) -> str:
    """Return why no draft can be made of the order's content any more; empty where one can."""
    try:
        fit(Content.of(order), now)
    except NothingToCopy as refusal:
        return refusal.why
    return ""


def duplicate(order_id: int, *, user: User, now: datetime) -> Order:
    """Write a new draft with the content of an order; its `problem` says what had to be left out.

    Raises NotAllowed, or Refused where nothing can be copied.
    """
    source = _read(order_id, user)
    return _copy(source, Content.of(source), CopyHow.DUPLICATE, user, now)


def renew(order_id: int, *, user: User, now: datetime) -> Order:
    """Write a new draft for the period after a published order's: the same content and length.

    Raises NotAllowed, or Refused where the order is not published, or nothing can be copied.
    """
    source = _read(order_id, user)
    if source.state != OrderState.PUBLISHED:
        raise Refused(f"Order {source} is not published, so there is nothing to renew. Duplicate it instead.")
    start, end = next_dates(source, now)
    return _copy(source, replace(Content.of(source), start_at=start, end_at=end), CopyHow.RENEWAL, user, now)


def next_dates(order: Order, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end of the period after a published order's.

    Where it has no start it began when it was sent, and where it has no end the plan's days count: nobody but Flow knows
    more.
    """
    sent = order.attempts.order_by("-number").values_list("sent_at", flat=True).first()
    began = order.start_at or sent or order.created_at
    ended = order.end_at or began + timedelta(days=order.plan.duration_days)
    return next_period(ended, ended - began, now)


def replace_order(order_id: int, *, reason: str, user: User, now: datetime) -> Replacement:
    """Ask to cancel all running campaigns of an order, and write the draft that replaces it: both, or neither.

    The draft is not submitted, and the caller tells the workers of the commands once all is committed. Raises NotAllowed,
    ValidationError without a reason, or Refused where nothing runs, all is cancelled already, or nothing can be copied.
    """
    require(user, "command_campaign", "cancel campaigns")
    if not clean(reason):
        raise ValidationError({"reason": "Give a reason: Flow is told, and it stays in the history."})
    source = _read(order_id, user)
    with transaction.atomic():
        running = _lock_running(source)
        asked = tuple(commands.ask(each.pk, Action.CANCEL, reason=reason, user=user, now=now) for each in running)
        order = _copy(source, Content.of(source), CopyHow.REPLACEMENT, user, now)
    return Replacement(order, asked)


def _lock_running(order: Order) -> list[Campaign]:
    """Return the campaigns that are neither over nor asked to be cancelled, all locked before any history is written."""
    locked = list(Campaign.objects.select_for_update(no_key=True).filter(order=order).order_by("pk"))
    on_its_way = selectors.being_cancelled(order, commands.MOST_SENDS)
    running = [each for each in locked if each.phase not in FINAL_PHASES and each.pk not in on_its_way]
    if not running:
        raise Refused(
            f"Order {order} has no campaign left to cancel: each is over, or was asked to be cancelled already. Nothing was "
            "done, and no draft was made. Duplicate the order instead, or look for the draft that replaces it."
        )
    return running


def _read(order_id: int, user: User) -> Order:
    order = moves.read(order_id)
    require(user, "add_order", "create orders")
    require_branch(user, order.branch)
    return order


def _copy(source: Order, content: Content, how: CopyHow, user: User, now: datetime) -> Order:
    fitted = fit(content, now)
    origin = Origin(f"created the order as {NOUNS[how]} of {source}", source, how.value, fitted.words)
    with transaction.atomic():
        order = create_order(fitted.content, user=user, now=now, origin=origin)
        money = format_money(order.amount, order.amount_currency)
        text = f"{user.get_username()} made {NOUNS[how]} of the order: draft {order}, for {money}."
        record(
            "order.copied", text, now=now, by=user, order=source, data={"order_ref": order.order_ref, "how": how.value}
        )
    return order
