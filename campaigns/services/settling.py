"""Settle orders in doubt: two different people say the same, or one who may do it alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from campaigns import gateway, selectors
from campaigns.domain.late_answers import ALREADY_LIVE, TWICE
from campaigns.domain.states import Move, OrderState, Resolution
from campaigns.domain.texts import clean
from campaigns.domain.times import in_utc
from campaigns.flow import BadTrackingId, FlowError, NotFound, TooManyRequests
from campaigns.models import Campaign, Order, Settlement
from campaigns.services import moves, pace
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import record, require, require_branch
from campaigns.services.recording import is_taken, make_campaigns
from campaigns.services.wording import when

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
FOUND = {
    Resolution.LIVE: "it is live",
    Resolution.NOT_LIVE: "it is not live and is to be sent again",
    Resolution.ABANDON: "it is to be abandoned",
}
SECOND_PERSON = "A second person must say the same before anything happens."
LONGEST_EVIDENCE = 10_000
MOST_IDS = 500
MOST_UNKNOWN = 10  # after so many ids that Flow does not know, something else was pasted: Flow is spared the rest


@dataclass(frozen=True)
class SettleResult:
    """Whether the doubt is settled, or waits for a second person; in words for staff."""

    settled: bool
    words: str
    is_contradiction: bool = False
    """Say whether somebody else has said something else before."""


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

    Each tracking id is checked at Flow by one GET. The same answer of the same person once more is no second one: nothing is
    written but new evidence. Raises NotAllowed, Refused where the order is not in doubt, Stale, and ValidationError by field:
    for all tracking ids that are wrong at once, and where Flow can't be asked.
    """
    require(user, "settle_order", "settle orders in doubt")
    if len(evidence) > LONGEST_EVIDENCE:
        raise ValidationError(
            {"evidence": f"This is longer than {LONGEST_EVIDENCE} characters. Keep to what shows it."}
        )
    order = moves.read(order_id)
    require_branch(user, order.branch)
    if order.state != OrderState.UNKNOWN:
        raise Refused(f"Order {order.order_ref} is not in doubt: there is nothing to settle.")
    if resolution is Resolution.NOT_LIVE and is_taken(order):
        raise Refused(
            f"Order {order.order_ref} has campaigns at Flow already, from an earlier attempt: sending it again would spend "
            "the money twice. Settle it as live, with all the tracking ids that Flow shows for it."
        )
    word = Settlement(
        order=order,
        attempt=order.attempts.order_by("-number")[:1].get(),
        resolution=resolution.value,
        tracking_ids=list(tracking_ids),
        evidence=clean(evidence),
        proposed_by=user,
        proposed_at=now,
    )
    statuses = _check(word, now)
    try:
        with transaction.atomic():
            _lock(order)
            proposal = _same_by_another(word)
            if proposal is None and not user.has_perm("campaigns.settle_alone"):
                return _propose(word)
            _carry_out(order, proposal or word, word, statuses)
    except IntegrityError:
        raise Stale("Another order got one of these tracking ids just now. Nothing was settled. Look again.") from None
    return SettleResult(True, f"Order {order.order_ref} is settled: {user.get_username()} {SAYS[resolution]}.")


def _lock(order: Order) -> None:
    """Keep others from answering at the same time, who would not see each other's word. Raises Stale if it has moved on."""
    same = Order.objects.select_for_update(no_key=True).filter(pk=order.pk, state=order.state, version=order.version)
    if same.first() is None:
        raise Stale(f"Somebody else has just settled order {order.order_ref}. Nothing was done. Look at it again.")


def _check(word: Settlement, now: datetime) -> dict[str, str]:
    """Raise unless what the person gave is complete and true; return Flow's status of each tracking id."""
    errors: dict[str, list[str]] = {}
    statuses: dict[str, str] = {}
    if word.resolution == Resolution.LIVE:
        statuses, errors["tracking_ids"] = _check_ids(word, now)
    else:
        if word.tracking_ids:
            errors["tracking_ids"] = [
                "Tracking ids are only for an order that is live. Remove them, or say that it is."
            ]
        if not word.evidence:
            errors["evidence"] = ["Say in words how you know, or why: it is kept as evidence."]
    if any(errors.values()):
        raise ValidationError({field: messages for field, messages in errors.items() if messages})
    return statuses


def _check_ids(word: Settlement, now: datetime) -> tuple[dict[str, str], list[str]]:
    """Return Flow's status of each tracking id, and all that is wrong; Flow is asked about those that may be right."""
    if not word.tracking_ids:
        return {}, ["Enter the tracking ids that Flow shows for this order."]
    if len(word.tracking_ids) > MOST_IDS:
        return {}, [f"These are more than {MOST_IDS} tracking ids: too many for one order. Paste its own alone."]
    wrong = _wrong_ids(word)
    likely = [tracking_id for tracking_id in dict.fromkeys(word.tracking_ids) if tracking_id not in wrong]
    statuses, errors = _ask_flow(likely, now) if likely else ({}, [])
    return statuses, [*dict.fromkeys(wrong.values()), *errors]


def _wrong_ids(word: Settlement) -> dict[str, str]:
    """Return what is wrong with the tracking ids, as far as we can tell ourselves."""
    wrong: dict[str, str] = {}
    for tracking_id, times in Counter(word.tracking_ids).items():
        if not tracking_id.strip():
            wrong[tracking_id] = "A tracking id is empty. Remove it."
        elif any(character.isspace() for character in tracking_id):
            wrong[tracking_id] = f"“{tracking_id}” has spaces in it. Paste the tracking id alone."
        elif times > 1:
            wrong[tracking_id] = f"“{tracking_id}” is there more than once. Enter it once."
    seen = selectors.orders_for(word.proposed_by)
    taken = Campaign.objects.filter(tracking_id__in=word.tracking_ids).exclude(order=word.order)
    for campaign in taken.select_related("order"):
        is_seen = seen.filter(pk=campaign.order_id).exists()
        named = f"{campaign.tracking_id} belongs to order {campaign.order.order_ref}."
        wrong[campaign.tracking_id] = named if is_seen else _of_an_order_elsewhere(campaign.tracking_id)
    for other in selectors.words_on_other_doubts(word.order):
        for tracking_id in set(other.tracking_ids) & set(word.tracking_ids):
            named = (
                f"{other.proposed_by.get_username()} said that {tracking_id} belongs to order {other.order.order_ref}, which "
                "is in doubt, too. Look at Flow once more which is right, and settle that order first."
            )
            is_seen = seen.filter(pk=other.order_id).exists()
            wrong[tracking_id] = named if is_seen else _of_an_order_elsewhere(tracking_id)
    return wrong


def _of_an_order_elsewhere(tracking_id: str) -> str:
    """Refuse a tracking id without a word of the order, of whoever said so, or whether it is more than said."""
    return (
        f"{tracking_id} belongs to another order, which you can't see. Copy this order's own tracking ids from Flow. If Flow "
        "shows this one for it, ask somebody who works for every branch: nothing is settled until then."
    )


def _ask_flow(tracking_ids: Sequence[str], now: datetime) -> tuple[dict[str, str], list[str]]:
    """Return Flow's status of each tracking id that it knows, and what is wrong with the others."""
    if until := pace.held_until(now):
        return {}, [f"Flow asked us to wait until {when(until)}. Nothing was settled; try again then."]
    statuses: dict[str, str] = {}
    errors: list[str] = []
    for tracking_id in tracking_ids:
        try:
            statuses[tracking_id] = gateway.client().campaign_status(tracking_id).status
        except NotFound:
            errors.append(f"Flow does not know the tracking id {tracking_id}. Copy it from Flow once more.")
        except BadTrackingId:
            errors.append(f"“{tracking_id[:60]}” can't be a tracking id. Copy it from Flow once more.")
        except FlowError as error:
            if isinstance(error, TooManyRequests):
                pace.hold(error, now=now)
            errors.append(f"The tracking id {tracking_id} could not be checked: {error} Nothing was settled.")
            break
        if len(errors) == MOST_UNKNOWN:
            errors.append("Flow was not asked about more.")
            break
    return statuses, errors


def _same_by_another(word: Settlement) -> Settlement | None:
    """Return the last word of another person that says the same, if there is one."""
    others = selectors.proposals_of_others(word.attempt, word.proposed_by)
    return next((other for other in others if _says_the_same(other, word)), None)


def _propose(word: Settlement) -> SettleResult:
    name = word.proposed_by.get_username()
    said = selectors.own_proposal(word.attempt, word.proposed_by)
    contradiction = _contradiction(word)
    if said and _says_the_same(said, word):
        if word.evidence in ("", said.evidence):
            again = f"{name} said so already, at {in_utc(said.proposed_at)}."
            return SettleResult(False, f"{again} {contradiction or SECOND_PERSON}", bool(contradiction))
        said.evidence, said.proposed_at = word.evidence, word.proposed_at
        word = said
    word.save()
    words = f"{name} {SAYS[Resolution(word.resolution)]}. {SECOND_PERSON}"
    data = {"resolution": word.resolution, "tracking_ids": word.tracking_ids, "evidence": word.evidence}
    record("order.settlement_proposed", words, now=word.proposed_at, by=word.proposed_by, order=word.order, data=data)
    return SettleResult(False, contradiction or words, bool(contradiction))


def _contradiction(word: Settlement) -> str:
    """Return who says something else than this word, which nobody shares, and what; empty where nobody else has spoken."""
    others = list(reversed(selectors.proposals_of_others(word.attempt, word.proposed_by)))
    if not others:
        return ""
    said = [f"{other.proposed_by.get_username()} says {FOUND[Resolution(other.resolution)]}" for other in others]
    own = f"you say {FOUND[Resolution(word.resolution)]}"
    if word.resolution in {other.resolution for other in others}:
        own += ", with other tracking ids"
    return f"{'; '.join([*said, own])}. Nothing happens until two people say the same."


def _says_the_same(one: Settlement, other: Settlement) -> bool:
    return one.resolution == other.resolution and set(one.tracking_ids) == set(other.tracking_ids)


def _carry_out(order: Order, settlement: Settlement, word: Settlement, statuses: dict[str, str]) -> None:
    """Do what the settlement says, by the word of the person who confirms it: perhaps the one who proposed it."""
    resolution, user, now = Resolution(word.resolution), word.proposed_by, word.proposed_at
    settlement.confirmed_by, settlement.confirmed_at = user, now
    settlement.save()
    due = now if resolution is Resolution.NOT_LIVE else None
    there = dict(order.campaigns.values_list("tracking_id", "attempt"))
    new = {tracking_id: status for tracking_id, status in statuses.items() if tracking_id not in there}
    problem = _problem_left(resolution, {*there.values(), *([settlement.attempt_id] if new else [])})
    moves.move(order, Move.SETTLE, TARGET[resolution], problem=problem, failures=0, next_attempt_at=due)
    for tracking_id, flow_status in new.items():
        make_campaigns(order, settlement.attempt, (tracking_id,), flow_status, now)
    first = settlement.proposed_by
    people = user.get_username() if first == user else f"{first.get_username()} and {user.get_username()}"
    evidence = list(dict.fromkeys(filter(None, [settlement.evidence, word.evidence])))
    told = [f"{people} settled the doubt: {user.get_username()} {SAYS[resolution]}.", *evidence, problem]
    words = " ".join(filter(None, told))
    data = {"resolution": word.resolution, "tracking_ids": word.tracking_ids, "evidence": evidence}
    record("order.settled", words, now=now, by=user, order=order, data=data)


def _problem_left(resolution: Resolution, attempts_with_campaigns: set[int]) -> str:
    """Return what staff must know of the money although the doubt is settled: of an earlier attempt that Flow took late."""
    if resolution is Resolution.ABANDON:
        return ALREADY_LIVE if attempts_with_campaigns else ""
    return TWICE if len(attempts_with_campaigns) > 1 else ""
