"""Publish orders: never twice, never lost, doubt never hidden.

The steps and their order are the promise. The token is fetched and the turn awaited; the order is claimed by compare and
swap; `sent_at` is committed; then one POST leaves; then what came of it is recorded. Wherever a process dies,
`recover_expired_leases` finds the open attempt: without `sent_at` the order goes back to the queue, with it the order is in
doubt and waits for people.
"""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns import gateway, selectors
from campaigns.domain.heartbeats import CLOCKS_MAY_DIFFER, Part
from campaigns.domain.schedule import backoff
from campaigns.domain.states import ActorKind, Move, OrderState, Outcome
from campaigns.domain.texts import sentence
from campaigns.flow import (
    FlowError,
    NotSent,
    PublishRequest,
    Rejected,
    TokenRefused,
    TooManyRequests,
)
from campaigns.models import Attempt, Order
from campaigns.services import heartbeats, moves, pace, recording
from campaigns.services.content import Content, check_content, check_price
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import record
from campaigns.services.recording import Answer
from campaigns.services.wording import when

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

REMEDY = "Nothing was sent and no money was spent. Return the order to draft, mend it and submit it again."
REHEARSAL = "The order was submitted as a rehearsal, with a stand-in in Flow's place, and now money would be spent."
REAL = "The order was submitted for Flow itself, and now a stand-in is in its place, which would publish nothing."


@dataclass(frozen=True)
class PublishResult:
    """What came of trying to publish an order.

    `outcome` is an attempt's outcome, or `waiting` (nothing was tried, the order stays queued), or `skipped` (not queued,
    or somebody else has it). `again` asks the caller to try once more at once.
    """

    order_ref: str
    outcome: str
    words: str
    again: bool = False


def publish_order(order_id: int, *, clock: Clock = timezone.now, due_only: bool = True) -> PublishResult:
    """Publish one queued order with at most one POST, and record what came of it.

    `due_only=False` tries an order whose back-off is not over yet. Raises what the database raises; after `sent_at` that
    leaves the attempt open, and its lease turns it into doubt.
    """
    now = clock()
    order = moves.read(order_id)
    if order.state != OrderState.QUEUED or (due_only and _waits(order, now)):
        return PublishResult(order.order_ref, "skipped", "The order is not waiting to be published.")
    if until := pace.held_until(now):
        return _wait(order, until, f"Flow asked us to wait until {when(until)}. The order stays queued.")
    try:
        token = gateway.client().token()
        gateway.client().wait_for_turn()
    except NotSent as error:
        return _wait_for_token(order, error, clock())
    try:
        attempt = _claim(order, clock())
    except Stale:
        return PublishResult(order.order_ref, "skipped", "Another worker has the order.")
    if attempt.outcome:
        return PublishResult(order.order_ref, OrderState.REJECTED.value, order.problem)
    ends = gateway.client().ends()
    if not _mark_sent(attempt, clock()):
        return PublishResult(
            order.order_ref, "skipped", "The attempt was over before anything was sent; nothing was sent."
        )
    answer = _post(order, attempt, token, ends, clock)
    recorded_at = clock()
    outcome = recording.record_answer(attempt, answer, now=recorded_at)
    if answer.outcome is not Outcome.NOT_SENT:
        heartbeats.note(Part.PUBLISH, recorded_at)
    return _result(order, attempt, outcome, answer)


def due_orders(now: datetime, limit: int) -> list[int]:
    """Return the ids of queued orders whose turn it is, the longest waiting first."""
    return list(selectors.due_orders(now).order_by("next_attempt_at").values_list("pk", flat=True)[:limit])


def recover_expired_leases(now: datetime) -> list[str]:
    """Close the attempts whose worker did not come back: not sent → queued again, sent → in doubt. Return the order_refs.

    One that can't be closed is logged and does not keep the others waiting.
    """
    # A lease that is longer than any can be was written by a clock that was ahead.
    longest = now + timedelta(seconds=settings.PUBLISH_LEASE) + CLOCKS_MAY_DIFFER
    is_over = Q(lease_until__lt=now) | Q(lease_until__gt=longest)
    expired = Attempt.objects.filter(is_over, outcome=Outcome.OPEN.value).select_related("order")
    recovered = []
    for attempt in expired.order_by("lease_until"):
        try:
            if _recover(attempt, now):
                recovered.append(attempt.order.order_ref)
        except (Refused, DatabaseError):
            logger.exception("Attempt %s of order %s could not be closed", attempt.number, attempt.order.order_ref)
    return recovered


def _waits(order: Order, now: datetime) -> bool:
    """Say whether the order's turn is still to come; one too far ahead to be true has come."""
    return order.next_attempt_at is not None and now < order.next_attempt_at <= now + selectors.LONGEST_WAIT


def _claim(order: Order, now: datetime) -> Attempt:
    """Take the order, with an open attempt; or with a closed one where a rule no longer holds and nothing may be sent.

    The attempt is written first: the database lets no order be claimed without one. Raises Stale where another worker has it.
    """
    refusal = _refusal(order, now)
    attempt = Attempt(
        order=order,
        number=order.attempts.count() + 1,
        order_version=order.version + 1,
        payload_sha256=order.payload_sha256,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        claimed_at=now,
        lease_until=now + timedelta(seconds=settings.PUBLISH_LEASE),
    )
    with transaction.atomic(durable=True):
        _begin(attempt)
        moves.move(order, Move.CLAIM, OrderState.PUBLISHING)
        data = {"attempt": attempt.number, "worker": attempt.worker}
        text = f"A worker took the order for attempt {attempt.number}."
        record("order.claimed", text, now=now, by=ActorKind.SCHEDULER, order=order, data=data)
        if refusal:
            problem = refusal if recording.is_taken(order) else f"{refusal} {REMEDY}"
            recording.close(attempt, Answer(Outcome.NOT_SENT, refusal), now)
            moves.move(order, Move.RECORD, OrderState.REJECTED, problem=problem, next_attempt_at=None)
            record("order.rejected", problem, now=now, by=ActorKind.SCHEDULER, order=order, data=data)
    return attempt


def _begin(attempt: Attempt) -> None:
    """Write an open attempt. Raises Stale where another worker has taken the order: there is one open attempt at a time."""
    try:
        with transaction.atomic():
            attempt.save(force_insert=True)
    except IntegrityError:
        moves.read(attempt.order.pk, attempt.order.version)
        raise


def _refusal(order: Order, now: datetime) -> str:
    """Return why the order must not be sent any more, in words for staff; empty where it may."""
    if gateway.sha256(order.payload) != order.payload_sha256:
        return "What was approved is not what is stored: the payload's SHA-256 differs."
    if recording.is_taken(order):
        return recording.taken_words(order)
    if order.rehearsal != settings.FLOW_IS_LOCAL:
        return REHEARSAL if order.rehearsal else REAL
    if withdrawn := _withdrawn(order):
        return withdrawn
    try:
        check_content(Content.of(order), now=now)
        check_price(order)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _withdrawn(order: Order) -> str:
    """Return why nobody lets the order go any more: whoever approved it, else submitted it, has lost the right to."""
    person, right, did = order.approved_by, "approve_order", "approved"
    if person is None:
        person, right, did = order.submitted_by, "submit_order", "submitted"
    if person and person.has_perm(f"campaigns.{right}") and selectors.works_for(person, order.branch_id):
        return ""
    return f"{person.get_username() if person else 'Nobody'} {did} the order, but may not do so any more."


def _mark_sent(attempt: Attempt, now: datetime) -> bool:
    """Commit `sent_at`, unless somebody closed the attempt or the lease could be over before the POST: then do not send."""
    latest = now + timedelta(seconds=settings.FLOW_DEADLINE)
    with transaction.atomic(durable=True):
        mine = Attempt.objects.filter(
            pk=attempt.pk, outcome=Outcome.OPEN.value, sent_at__isnull=True, lease_until__gt=latest
        )
        return mine.update(sent_at=now) == 1


def _post(order: Order, attempt: Attempt, token: str, ends: float, clock: Clock) -> Answer:
    """Send the frozen payload, once. Whatever is not a clear answer is doubt; an interruption is recorded and goes on."""
    try:
        published = gateway.client().publish(PublishRequest.from_json(order.payload), token, ends)
    except FlowError as error:
        return _answer_of(error)
    except BaseException as error:
        # Celery's time limit or Ctrl-C: the bytes may be out.
        words = f"The worker was interrupted ({type(error).__name__}) while it waited for Flow's answer."
        recording.record_answer(attempt, Answer(Outcome.UNKNOWN, words), now=clock())
        raise
    logger.info("Flow accepted order %s: %s", order.order_ref, ", ".join(published.tracking_ids))
    but = f" Flow also says: {sentence(published.error)}" if published.error else ""
    return Answer(
        Outcome.PUBLISHED,
        f"Flow accepted the order: {', '.join(published.tracking_ids)}.{but}",
        http_status=published.http_status,
        excerpt=published.excerpt,
        tracking_ids=published.tracking_ids,
        flow_status=published.status,
    )


def _answer_of(error: FlowError) -> Answer:
    known: dict[str, Any] = {"http_status": error.http_status, "excerpt": error.excerpt, "error": error}
    if isinstance(error, Rejected):
        return Answer(Outcome.REJECTED, error.words, **known)
    if isinstance(error, NotSent):
        return Answer(Outcome.NOT_SENT, str(error), **known)
    return Answer(Outcome.UNKNOWN, str(error), **known)


def _result(order: Order, attempt: Attempt, outcome: Outcome, answer: Answer) -> PublishResult:
    if outcome is not answer.outcome:  # tracking ids that are known already, or a lease that was over
        attempt.refresh_from_db(fields=["words"])
        return PublishResult(order.order_ref, outcome.value, attempt.words)
    # A refused token is worth one try at once with a fresh one; a second refusal in a row waits like any other failure.
    again = outcome is Outcome.NOT_SENT and isinstance(answer.error, TokenRefused) and order.failures == 0
    return PublishResult(order.order_ref, outcome.value, answer.words, again=again)


def _wait(order: Order, until: datetime, words: str, **changes: Any) -> PublishResult:
    queued = Order.objects.filter(pk=order.pk, state=OrderState.QUEUED.value, version=order.version)
    queued.update(next_attempt_at=until, problem=words, **changes)
    return PublishResult(order.order_ref, "waiting", words)


def _wait_for_token(order: Order, error: NotSent, now: datetime) -> PublishResult:
    failures = order.failures + 1
    until = pace.hold(error, now=now) if isinstance(error, TooManyRequests) else now + backoff(failures)
    words = f"{error} The order stays queued and is tried again at {when(until)}."
    return _wait(order, until, words, failures=failures)


def _recover(attempt: Attempt, now: datetime) -> bool:
    if attempt.sent_at is None:
        words = "The worker did not come back before it sent anything. Nothing was sent; the order is queued again."
        return recording.record_expired(attempt, Answer(Outcome.NOT_SENT, words), now=now)
    words = "The worker did not come back after it had begun to send, so nobody knows whether Flow published the order."
    return recording.record_expired(attempt, Answer(Outcome.UNKNOWN, words), now=now)
