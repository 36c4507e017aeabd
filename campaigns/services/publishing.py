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
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.utils import timezone

from campaigns import gateway, selectors
from campaigns.domain import answers
from campaigns.domain.heartbeats import Part
from campaigns.domain.schedule import backoff
from campaigns.domain.states import ActorKind, Move, OrderState, Outcome
from campaigns.flow import (
    FlowError,
    NotSent,
    PublishRequest,
    Rejected,
    TokenRefused,
    TooManyRequests,
)
from campaigns.models import Attempt, Order
from campaigns.models.choices import label
from campaigns.services import heartbeats, moves, pace, recording
from campaigns.services.content import Content, check_content, check_price
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import record, require_branch, require_one_of
from campaigns.services.recording import Answer
from campaigns.services.wording import when

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

DRY_RUN_STATES = frozenset({OrderState.DRAFT, OrderState.AWAITING_APPROVAL, OrderState.QUEUED, OrderState.REJECTED})
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


@dataclass(frozen=True)
class DryRunResult:
    """What Flow said when it was asked to validate an order; nothing was published."""

    ok: bool
    words: str
    """Flow's message, empty where it gave none."""
    http_status: int | None
    facts: tuple[tuple[str, str], ...] = ()
    """The other fields of Flow's answer, by name."""
    answer: str = ""
    """The beginning of Flow's answer, as it came."""

    @property
    def told(self) -> str:
        """Return Flow's message and the other fields in one line."""
        return " ".join(filter(None, [self.words, *(f"{name}: {value}." for name, value in self.facts)]))


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
    expired = Attempt.objects.filter(outcome=Outcome.OPEN.value, lease_until__lt=now).select_related("order")
    recovered = []
    for attempt in expired.order_by("lease_until"):
        try:
            if _recover(attempt, now):
                recovered.append(attempt.order.order_ref)
        except (Refused, DatabaseError):
            logger.exception("Attempt %s of order %s could not be closed", attempt.number, attempt.order.order_ref)
    return recovered


def dry_run(order_id: int, *, user: User | None, now: datetime) -> DryRunResult:
    """Ask Flow to validate an order; nothing is published. What Flow says is kept in the history.

    Raises NotAllowed, and Refused where Flow gave no usable answer.
    """
    order = moves.read(order_id)
    if user is not None:
        require_one_of(user, ("change_order", "submit_order", "approve_order"), "ask Flow to validate orders")
        require_branch(user, order.branch)
    if order.state not in DRY_RUN_STATES:
        state = label(order.state).lower()
        raise Refused(f"Order {order.order_ref} is {state}: a dry run would tell nothing. Nothing was sent.")
    if until := pace.held_until(now):
        raise Refused(f"Flow asked us to wait until {when(until)}. Nothing was sent; try again then.")
    request = _request(order)
    try:
        answer = gateway.client().dry_run(request)
    except Rejected as error:
        said = answers.read(error.excerpt)
        result = DryRunResult(False, error.words, error.http_status, said.facts, error.excerpt)
    except TooManyRequests as error:
        pace.hold(error, now=now)
        raise Refused(f"{error} Nothing was published.") from None
    except FlowError as error:
        raise Refused(f"The dry run gave no answer: {error} A dry run publishes nothing and spends nothing.") from None
    else:
        said = answers.read(answer.excerpt)
        result = DryRunResult(True, said.message, answer.http_status, said.facts, answer.excerpt)
    verdict = "would take it" if result.ok else "would refuse it"
    text = f"Dry run: Flow {verdict}. {result.words}".strip()
    data = {
        "ok": result.ok,
        "http_status": result.http_status,
        "version": order.version,
        "payload_sha256": gateway.sha256(request.canonical_json()),
        "facts": [list(fact) for fact in result.facts],
        "answer": result.answer,
    }
    record("order.dry_run", text, now=now, by=user or ActorKind.SCHEDULER, order=order, data=data)
    return result


def sha256_of_request(order: Order) -> str:
    """Return the hash of what Flow would be sent: the same as a dry run's where Flow was asked about exactly this."""
    return gateway.sha256(_request(order).canonical_json())


def _waits(order: Order, now: datetime) -> bool:
    """Say whether the order's turn is still to come; one too far ahead to be true has come."""
    return order.next_attempt_at is not None and now < order.next_attempt_at <= now + selectors.LONGEST_WAIT


def _request(order: Order) -> PublishRequest:
    if order.payload:
        return PublishRequest.from_json(order.payload)
    return gateway.publish_request(order, order.listings.all())


def _claim(order: Order, now: datetime) -> Attempt:
    """Take the order, with an open attempt; or with a closed one where a rule no longer holds and nothing may be sent."""
    refusal = _refusal(order, now)
    with transaction.atomic(durable=True):
        moves.move(order, Move.CLAIM, OrderState.PUBLISHING)
        attempt = Attempt.objects.create(
            order=order,
            number=order.attempts.count() + 1,
            order_version=order.version,
            payload_sha256=order.payload_sha256,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            claimed_at=now,
            lease_until=now + timedelta(seconds=settings.PUBLISH_LEASE),
        )
        data = {"attempt": attempt.number, "worker": attempt.worker}
        text = f"A worker took the order for attempt {attempt.number}."
        record("order.claimed", text, now=now, by=ActorKind.SCHEDULER, order=order, data=data)
        if refusal:
            problem = refusal if refusal == recording.ALREADY_LIVE else f"{refusal} {REMEDY}"
            recording.close(attempt, Answer(Outcome.NOT_SENT, refusal), now)
            moves.move(order, Move.RECORD, OrderState.REJECTED, problem=problem, next_attempt_at=None)
            record("order.rejected", problem, now=now, by=ActorKind.SCHEDULER, order=order, data=data)
    return attempt


def _refusal(order: Order, now: datetime) -> str:
    """Return why the order must not be sent any more, in words for staff; empty where it may."""
    if gateway.sha256(order.payload) != order.payload_sha256:
        return "What was approved is not what is stored: the payload's SHA-256 differs."
    if order.campaigns.exists():
        return recording.ALREADY_LIVE
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
    return Answer(
        Outcome.PUBLISHED,
        f"Flow accepted the order: {', '.join(published.tracking_ids)}.",
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
