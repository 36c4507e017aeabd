"""Record what came of an attempt: the attempt, the order, its campaigns and the history, in one transaction."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import tenacity
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction

from campaigns import gateway
from campaigns.domain.late_answers import ALREADY_LIVE, IDS_OF_OTHERS, OTHER_IDS, TWICE
from campaigns.domain.schedule import NEW_INTERVAL, backoff
from campaigns.domain.states import ActorKind, Move, OrderState, Outcome, is_allowed
from campaigns.flow import FlowError, TokenRefused, TooManyRequests
from campaigns.models import Attempt, Campaign, Order
from campaigns.models.choices import label
from campaigns.services import moves, pace
from campaigns.services.errors import Stale
from campaigns.services.history import record

logger = logging.getLogger(__name__)

DOUBT = (
    "Nobody knows whether Flow published this order, so it is not sent again by itself: that could spend the money twice. "
    "Look for it at Flow, then settle it here."
)
PATIENCE = 20  # seconds that a database which is being restarted gets, well inside the lease


@dataclass(frozen=True)
class Answer:
    """How an attempt ended, in words for staff, with what Flow answered."""

    outcome: Outcome
    words: str
    http_status: int | None = None
    excerpt: str = ""
    tracking_ids: tuple[str, ...] = ()
    flow_status: str = ""
    error: FlowError | None = None


def record_answer(attempt: Attempt, answer: Answer, *, now: datetime) -> Outcome:
    """Record Flow's answer and return the outcome that was recorded.

    A tracking id that we know already makes it doubt. When the lease ran out first, a late acceptance still settles the
    doubt, unless people were faster. Raises what the database raises after 20 s of trying.
    """
    retrying = tenacity.Retrying(
        # Stale: people moved the order in the very moment in which a late answer was written.
        retry=tenacity.retry_if_exception_type((OperationalError, InterfaceError, Stale)),
        stop=tenacity.stop_after_delay(PATIENCE),
        wait=tenacity.wait_fixed(0.5),
        before_sleep=lambda _: connection.close(),
        reraise=True,
    )
    try:
        try:
            return retrying(_record, attempt, answer, now)
        except IntegrityError:
            # Another order may have got one of the tracking ids in this very moment: then it is found now.
            return retrying(_record, attempt, answer, now)
    except (IntegrityError, OperationalError, InterfaceError):
        ids = ", ".join(answer.tracking_ids)
        logger.critical("Flow's answer to %s (%s: %s) could not be written", attempt, answer.outcome.value, ids)
        raise
    except BaseException:
        # Celery's time limit or Ctrl-C, which come once: what Flow said must not be lost with them.
        connection.close()
        retrying(_record, attempt, answer, now)
        raise


def record_expired(attempt: Attempt, answer: Answer, *, now: datetime) -> bool:
    """Close an attempt whose lease is over, if it is still as it was read; say whether it was."""
    with transaction.atomic():
        if not close(attempt, answer, now):
            return False
        _move_on(attempt.order, attempt, answer, now)
    return True


def close(attempt: Attempt, answer: Answer, now: datetime) -> bool:
    """Give an open attempt its outcome, once; say whether this call did."""
    open_still = Attempt.objects.filter(pk=attempt.pk, outcome=Outcome.OPEN.value)
    if answer.outcome is Outcome.NOT_SENT and answer.error is None:
        open_still = open_still.filter(sent_at__isnull=True)  # the worker may have marked it in between
    fields = {
        "outcome": answer.outcome.value,
        "finished_at": now,
        "http_status": answer.http_status,
        "words": answer.words,
        "excerpt": answer.excerpt,
    }
    if open_still.update(**fields) != 1:
        return False
    attempt.outcome = answer.outcome.value
    return True


def is_taken(order: Order) -> bool:
    """Say whether Flow told that it took the order in an earlier attempt, so that it must not be sent again."""
    return order.campaigns.exists() or order.problem.endswith(IDS_OF_OTHERS)


def may_be_at_flow(order: Order) -> bool:
    """Say whether Flow took the order once, or may yet answer that it did although people said otherwise."""
    told = (Outcome.REJECTED.value, Outcome.NOT_SENT.value)
    return order.campaigns.exists() or order.attempts.filter(sent_at__isnull=False).exclude(outcome__in=told).exists()


def taken_words(order: Order) -> str:
    """Return what to tell of an order that is taken."""
    return IDS_OF_OTHERS if order.problem.endswith(IDS_OF_OTHERS) else ALREADY_LIVE


def make_campaigns(
    order: Order, attempt: Attempt, tracking_ids: tuple[str, ...], flow_status: str, now: datetime
) -> list[Campaign]:
    """Make the campaigns of the tracking ids that Flow gave; they are asked about soon."""
    return Campaign.objects.bulk_create(
        Campaign(
            tracking_id=tracking_id,
            order=order,
            attempt=attempt,
            branch=order.branch,
            starts_at=order.start_at,
            ends_at=order.end_at,
            flow_status=flow_status[:255],
            phase=gateway.phase_of(flow_status).value if flow_status else "queued",
            created_at=now,
            changed_at=now,
            check_interval=NEW_INTERVAL,
            next_check_at=now + NEW_INTERVAL * random.uniform(0.1, 0.3),  # noqa: S311 - spreads load, guards nothing
        )
        for tracking_id in tracking_ids
    )


def _record(attempt: Attempt, answer: Answer, now: datetime) -> Outcome:
    with transaction.atomic():
        order = moves.read(attempt.order_id)
        others = Campaign.objects.filter(tracking_id__in=answer.tracking_ids).exclude(attempt=attempt)
        known = tuple(others.values_list("tracking_id", flat=True))
        in_time = _repeated(answer, known) if known else answer
        if close(attempt, in_time, now):
            _move_on(order, attempt, in_time, now)
            return in_time.outcome
        if Attempt.objects.filter(pk=attempt.pk, outcome=in_time.outcome.value, finished_at=now).exists():
            return in_time.outcome  # our own, from a commit whose confirmation was lost
        return _record_late(order, attempt, answer, frozenset(known), now)


def _repeated(answer: Answer, tracking_ids: tuple[str, ...]) -> Answer:
    words = f"Flow answered with tracking ids that belong to other campaigns already: {', '.join(tracking_ids)}."
    return Answer(Outcome.UNKNOWN, words, http_status=answer.http_status, excerpt=answer.excerpt)


def _move_on(order: Order, attempt: Attempt, answer: Answer, now: datetime) -> None:
    """Take a publishing order to where the answer says."""
    by = ActorKind.FLOW if answer.http_status else ActorKind.SCHEDULER
    data: dict[str, Any] = {"attempt": attempt.number, "http_status": answer.http_status}
    if answer.outcome is Outcome.PUBLISHED:
        problem = TWICE if is_taken(order) else ""
        moves.move(order, Move.RECORD, OrderState.PUBLISHED, problem=problem, failures=0, next_attempt_at=None)
        make_campaigns(order, attempt, answer.tracking_ids, answer.flow_status, now)
        data["tracking_ids"] = list(answer.tracking_ids)
        record("order.published", answer.words, now=now, by=by, order=order, data=data)
    elif answer.outcome is Outcome.REJECTED:
        said = _said_no(answer)
        if is_taken(order):  # an earlier attempt turned out to be live while this one was under way
            text = problem = f"{said} {taken_words(order)}"
        else:
            text, problem = said, f"{said} Nothing was published. Return the order to draft, mend it, submit it again."
        moves.move(order, Move.RECORD, OrderState.REJECTED, problem=problem, next_attempt_at=None)
        record("order.rejected", text, now=now, by=by, order=order, data=data)
    elif answer.outcome is Outcome.NOT_SENT:
        _queue_again(order, answer, data, now)
    else:
        text = f"{answer.words} {DOUBT}"
        if order.problem.endswith(IDS_OF_OTHERS):
            text = f"{text} {IDS_OF_OTHERS}"
        moves.move(order, Move.RECORD, OrderState.UNKNOWN, problem=text, next_attempt_at=None)
        record("order.in_doubt", text, now=now, by=by, order=order, data=data)


def _said_no(answer: Answer) -> str:
    """Return Flow's own words as a sentence."""
    stop = "" if answer.words.endswith((".", "!", "?")) else "."
    return f"Flow said no: {answer.words}{stop}"


def _queue_again(order: Order, answer: Answer, data: dict[str, Any], now: datetime) -> None:
    failures = order.failures + 1
    if isinstance(answer.error, TooManyRequests):
        due = pace.hold(answer.error, now=now)
    elif answer.error is None or (isinstance(answer.error, TokenRefused) and order.failures == 0):
        due = now
    else:
        due = now + backoff(failures)
    again = taken_words(order) if is_taken(order) else "The order is queued again."
    problem = f"{answer.words} {again}"
    changes = {"problem": problem, "failures": failures, "next_attempt_at": due}
    moves.move(order, Move.RECORD, OrderState.QUEUED, **changes)
    data["next_attempt_at"] = due.isoformat()
    record("order.not_sent", problem, now=now, by=ActorKind.SCHEDULER, order=order, data=data)


def _record_late(order: Order, attempt: Attempt, answer: Answer, known: frozenset[str], now: datetime) -> Outcome:
    """Record an answer that came after the lease was over. Campaigns that exist at Flow are never dropped.

    `known` are those of its tracking ids that stand under another attempt, of this order or of another one.
    """
    data = {"attempt": attempt.number, "http_status": answer.http_status, "tracking_ids": list(answer.tracking_ids)}
    if answer.outcome is not Outcome.PUBLISHED:
        record("order.late_answer", f"Late answer: {answer.words}", now=now, by=ActorKind.FLOW, order=order, data=data)
        return Outcome.UNKNOWN
    own = dict(order.campaigns.values_list("tracking_id", "attempt"))
    missing = tuple(tracking_id for tracking_id in answer.tracking_ids if tracking_id not in own.keys() | known)
    make_campaigns(order, attempt, missing, answer.flow_status, now)
    if known - own.keys() or (known and order.state == OrderState.UNKNOWN):
        _record_ids_of_others(order, attempt, answer, known, data, now)
        return Outcome.UNKNOWN
    # Flow names all campaigns of an attempt: others under this one, or these under another, were told wrongly by people.
    of_this = {tracking_id for tracking_id, number in own.items() if number == attempt.pk}
    wrongly = bool(known) or not of_this <= set(answer.tracking_ids)
    text = f"Late answer: {answer.words} {_settle_late(order, attempt, now, OTHER_IDS if wrongly else '')}"
    record("order.late_answer", text, now=now, by=ActorKind.FLOW, order=order, data=data)
    return Outcome.PUBLISHED


def _record_ids_of_others(
    order: Order, attempt: Attempt, answer: Answer, known: frozenset[str], data: dict[str, Any], now: datetime
) -> None:
    """Keep an order that Flow took from being sent once more, although its tracking ids were given to others."""
    text = f"Late answer: {answer.words} {_repeated(answer, tuple(sorted(known))).words}"
    state = OrderState(order.state)
    if state is OrderState.UNKNOWN:  # people settle it, and are told of it as a doubt
        record("order.late_answer", text, now=now, by=ActorKind.FLOW, order=order, data=data)
        return
    newer = order.attempts.filter(number__gt=attempt.number).order_by("-number").first()
    problem = OTHER_IDS if state is OrderState.PUBLISHED else IDS_OF_OTHERS
    calls_off = state is OrderState.PUBLISHING and newer and close(newer, Answer(Outcome.NOT_SENT, problem), now)
    if is_allowed(Move.RETURN, state, OrderState.DRAFT):
        moves.move(order, Move.RETURN, OrderState.DRAFT, **{**moves.DRAFT_AGAIN, "problem": problem})
    elif calls_off:
        moves.move(order, Move.RECORD, OrderState.REJECTED, problem=problem, next_attempt_at=None)
    else:
        _tell(order, problem)
    record("order.late_answer", f"{text} {problem}", now=now, by=ActorKind.FLOW, order=order, data=data)
    if calls_off:
        record("order.rejected", problem, now=now, by=ActorKind.SCHEDULER, order=order, data=data)


def _settle_late(order: Order, attempt: Attempt, now: datetime, told_wrongly: str) -> str:
    """Keep an order that turned out to be live from being sent once more; say what that took."""
    state = OrderState(order.state)
    newer = order.attempts.filter(number__gt=attempt.number).order_by("-number").first()
    if state is OrderState.UNKNOWN and newer is None:
        _turned_out_live(attempt)
        twice = order.campaigns.exclude(attempt=attempt).exists()
        moves.move(order, Move.SETTLE, OrderState.PUBLISHED, problem=TWICE if twice else "", failures=0)
        return f"It settles the doubt. {TWICE if twice else ''}".strip()
    if is_allowed(Move.RETURN, state, OrderState.DRAFT):
        moves.move(order, Move.RETURN, OrderState.DRAFT, **{**moves.DRAFT_AGAIN, "problem": ALREADY_LIVE})
        return "The order is a draft again, so that it is not sent once more."
    if state is OrderState.PUBLISHING and newer and close(newer, Answer(Outcome.NOT_SENT, ALREADY_LIVE), now):
        _turned_out_live(attempt)
        moves.move(order, Move.RECORD, OrderState.PUBLISHED, problem="", failures=0, next_attempt_at=None)
        return f"Attempt {newer.number} had sent nothing yet; it is called off."
    return _warn(order, attempt, told_wrongly)


def _turned_out_live(attempt: Attempt) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(outcome=Outcome.PUBLISHED.value)


def _warn(order: Order, attempt: Attempt, told_wrongly: str) -> str:
    """Tell staff of money that they may not know of, where nothing can be stopped any more."""
    twice = TWICE if order.campaigns.exclude(attempt=attempt).exists() else ""
    not_taken = ALREADY_LIVE if order.state in {OrderState.DRAFT, OrderState.CANCELLED} else ""
    problem = told_wrongly or twice or not_taken
    if problem:
        _tell(order, problem)
    return f"{problem} The order is {label(order.state).lower()}; its campaigns are followed all the same.".strip()


def _tell(order: Order, problem: str) -> None:
    """Let staff know; whoever has had a draft open since before must look at it again."""
    version = order.version + (order.state == OrderState.DRAFT)
    there = Order.objects.filter(pk=order.pk, state=order.state, version=order.version)
    if there.update(problem=problem, not_approved_at=None, version=version) != 1:
        raise Stale(f"Somebody else has just moved order {order.order_ref}.")
    order.problem, order.version = problem, version
