"""Settle orders in doubt: two different people say the same, or one who may do it alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from campaigns import gateway, selectors
from campaigns.domain.states import Move, OrderState, Resolution
from campaigns.flow import FlowError, NotFound, TooManyRequests
from campaigns.models import Campaign, Order, Settlement
from campaigns.services import moves, pace
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import record, require
from campaigns.services.recording import make_campaigns

TARGET = {
    Resolution.LIVE: OrderState.PUBLISHED,
    Resolution.NOT_LIVE: OrderState.QUEUED,
    Resolution.ABANDON: OrderState.CANCELLED,
}
SAYS = {
    Resolution.LIVE: "says that the order is live at Flow",
    Resolution.NOT_LIVE: "says that the order is not live at Flow and is to be sent again",
    Resolution.ABANDON: "abandons the order",
}


@dataclass(frozen=True)
class SettleResult:
    """Whether the doubt is settled, or waits for a second person; in words for staff."""

    settled: bool
    words: str


def settle(
    order_id: int,
    resolution: Resolution,
    *,
    tracking_ids: Sequence[str] = (),
    evidence: str = "",
    user: User,
    now: datetime,
) -> SettleResult:
    """Settle an order in doubt, or propose it to a second person who must then say the same.

    Each tracking id is checked at Flow. Raises NotAllowed, Refused where the order is not in doubt or Flow can't be asked,
    Stale, and ValidationError by field.
    """
    require(user, "settle_order", "settle orders in doubt")
    order = moves.read(order_id)
    if order.state != OrderState.UNKNOWN:
        raise Refused(f"Order {order.order_ref} is not in doubt: there is nothing to settle.")
    if resolution is Resolution.NOT_LIVE and order.campaigns.exists():
        raise Refused(
            f"Order {order.order_ref} has campaigns at Flow already, from an earlier attempt: sending it again would spend "
            "the money twice. Settle it as live, with all the tracking ids that Flow shows for it."
        )
    word = Settlement(
        order=order,
        attempt=order.attempts.order_by("-number")[:1].get(),
        resolution=resolution.value,
        tracking_ids=list(tracking_ids),
        evidence=evidence.strip(),
        proposed_by=user,
        proposed_at=now,
    )
    statuses = _check(order, resolution, tracking_ids, word.evidence, now)
    try:
        with transaction.atomic():
            proposal = _same_by_another(word)
            if proposal is None and not user.has_perm("campaigns.settle_alone"):
                return _propose(word)
            _carry_out(order, proposal or word, word, statuses)
    except IntegrityError:
        raise Stale("Another order got one of these tracking ids just now. Nothing was settled. Look again.") from None
    return SettleResult(True, f"Order {order.order_ref} is settled: {user.get_username()} {SAYS[resolution]}.")


def _check(
    order: Order, resolution: Resolution, tracking_ids: Sequence[str], evidence: str, now: datetime
) -> dict[str, str]:
    """Raise unless what the person gave is complete and true; return Flow's status of each tracking id."""
    if resolution is not Resolution.LIVE:
        if not evidence:
            raise ValidationError({"evidence": "Say in words how you know, or why: it is kept as evidence."})
        return {}
    errors = [message for message in map(_wrong_id, tracking_ids) if message]
    if not tracking_ids:
        errors.append("Enter the tracking ids that Flow shows for this order.")
    if len(set(tracking_ids)) != len(tracking_ids):
        errors.append("A tracking id is there twice. Enter each once.")
    taken = Campaign.objects.filter(tracking_id__in=tracking_ids).exclude(order=order).select_related("order")
    errors += [f"{campaign.tracking_id} belongs to order {campaign.order.order_ref}." for campaign in taken]
    if errors:
        raise ValidationError({"tracking_ids": errors})
    if until := pace.held_until(now):
        raise Refused(f"Flow asked us to wait until {until:%H:%M:%S %Z}. Nothing was settled; try again then.")
    return {tracking_id: _status_at_flow(tracking_id, now) for tracking_id in tracking_ids}


def _wrong_id(tracking_id: str) -> str:
    if not tracking_id.strip():
        return "A tracking id is empty. Remove it."
    if any(character.isspace() for character in tracking_id):
        return f"“{tracking_id}” has spaces in it. Paste the tracking id alone."
    return ""


def _status_at_flow(tracking_id: str, now: datetime) -> str:
    try:
        return gateway.client().campaign_status(tracking_id).status
    except NotFound:
        message = f"Flow does not know the tracking id {tracking_id}. Copy it from Flow once more."
        raise ValidationError({"tracking_ids": message}) from None
    except FlowError as error:
        if isinstance(error, TooManyRequests):
            pace.hold(error, now=now)
        raise Refused(f"The tracking id {tracking_id} could not be checked: {error} Nothing was settled.") from None


def _same_by_another(word: Settlement) -> Settlement | None:
    """Return the last word of another person, if it says the same."""
    last = selectors.proposal_of_another(word.attempt, word.proposed_by)
    same = last and last.resolution == word.resolution and set(last.tracking_ids) == set(word.tracking_ids)
    return last if same else None


def _propose(word: Settlement) -> SettleResult:
    word.save()
    says = SAYS[Resolution(word.resolution)]
    words = f"{word.proposed_by.get_username()} {says}. A second person must say the same before anything happens."
    data = {"resolution": word.resolution, "tracking_ids": word.tracking_ids, "evidence": word.evidence}
    record("order.settlement_proposed", words, now=word.proposed_at, by=word.proposed_by, order=word.order, data=data)
    return SettleResult(False, words)


def _carry_out(order: Order, settlement: Settlement, word: Settlement, statuses: dict[str, str]) -> None:
    """Do what the settlement says, by the word of the person who confirms it: perhaps the one who proposed it."""
    resolution, user, now = Resolution(word.resolution), word.proposed_by, word.proposed_at
    settlement.confirmed_by, settlement.confirmed_at = user, now
    settlement.save()
    due = now if resolution is Resolution.NOT_LIVE else None
    moves.move(order, Move.SETTLE, TARGET[resolution], problem="", failures=0, next_attempt_at=due)
    there = set(order.campaigns.values_list("tracking_id", flat=True))
    for tracking_id, flow_status in statuses.items():
        if tracking_id not in there:
            make_campaigns(order, settlement.attempt, (tracking_id,), flow_status, now)
    first = settlement.proposed_by
    people = user.get_username() if first == user else f"{first.get_username()} and {user.get_username()}"
    evidence = list(dict.fromkeys(filter(None, [settlement.evidence, word.evidence])))
    words = f"{people} settled the doubt: {user.get_username()} {SAYS[resolution]}. {' '.join(evidence)}".strip()
    data = {"resolution": word.resolution, "tracking_ids": word.tracking_ids, "evidence": evidence}
    record("order.settled", words, now=now, by=user, order=order, data=data)
