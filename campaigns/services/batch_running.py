"""Run batches: row by row, each in one transaction of its own that takes the row, does the deed and writes what came of it.

The deeds only write to the database, so a worker that dies leaves a row either done or as it was, never half way.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns import selectors
from campaigns.domain.batches import BatchKind, RowState, Sweep
from campaigns.domain.states import ActorKind
from campaigns.models import Batch, BatchRow, Campaign, Order
from campaigns.services.batch_deeds import BatchDeed, deed_named
from campaigns.services.batches import in_words, reason_in_short, version_of
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import record

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
SLICE = 100  # rows that are looked up at once
GOES_ON = (
    20.0  # seconds for which a batch is worked on that was offered to other processes; some may be busy for so long
)

Clock = Callable[[], datetime]


@dataclass
class BatchResult:
    """What one turn at a batch did: how many rows it closed, which sweeps have work now, and whether rows are left."""

    closed: int = 0
    sweeps: set[Sweep] = field(default_factory=set)
    left: bool = False


def unfinished(now: datetime, limit: int) -> list[int]:
    """Return the ids of batches on which nobody works, the longest waiting first."""
    free = Batch.objects.filter(_is_free(now), ended_at__isnull=True)
    return list(free.order_by("started_at").values_list("pk", flat=True)[:limit])


def run(
    batch_id: int, *, clock: Clock = timezone.now, stop_after: float, offer: Callable[[], object] | None = None
) -> BatchResult:
    """Do the waiting rows of a batch; nothing where somebody else works on it.

    After `stop_after` seconds the batch is offered to other processes, if there is a way to tell them, and goes on here until
    one of them takes it, an order waits to be published, or GOES_ON seconds are over. Without an offer it stops there.
    """
    until = clock() + LEASE
    mine = Batch.objects.filter(_is_free(clock()), pk=batch_id, ended_at__isnull=True)
    if mine.update(lease_until=until) != 1:
        return BatchResult()
    batch = Batch.objects.select_related("started_by").get(pk=batch_id)
    batch.lease_until = until
    result = BatchResult()
    turn = _Turn(batch, clock, time.monotonic() + min(stop_after, LEASE.total_seconds() / 2), offer)
    try:
        result.left = not _do_rows(batch, clock, turn, result)
        if not result.left:
            _end(batch, clock())
    finally:
        turn.give_free()
    return result


class _Turn:
    """The time that one process has for a batch."""

    def __init__(self, batch: Batch, clock: Clock, deadline: float, offer: Callable[[], object] | None) -> None:
        self._batch, self._clock, self._offer = batch, clock, offer
        self._deadline = deadline
        self._is_offered = False

    def is_over(self) -> bool:
        """Say whether no other row is to be begun; offer the batch when it is time."""
        now = time.monotonic()
        if not self._is_offered:
            if now <= self._deadline:
                return False
            if self._offer is None:
                return True
            # Rows are taken one by one, so nothing is done twice while somebody else begins and this process ends.
            self.give_free()
            self._offer()
            self._is_offered = True
        return now > self._deadline + GOES_ON or self._is_taken() or selectors.due_orders(self._clock()).exists()

    def give_free(self) -> None:
        """Let others take the batch."""
        Batch.objects.filter(pk=self._batch.pk, lease_until=self._batch.lease_until).update(lease_until=None)

    def _is_taken(self) -> bool:
        return Batch.objects.filter(pk=self._batch.pk, lease_until__isnull=False).exists()


def _is_free(now: datetime) -> Q:
    # A lease that is longer than any can be was written by a clock that was ahead.
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now) | Q(lease_until__gt=now + LEASE)


def _do_rows(batch: Batch, clock: Clock, turn: _Turn, result: BatchResult) -> bool:
    """Do rows until none waits, or the turn is over; say whether none waits."""
    deed = deed_named(BatchKind(batch.kind), batch.deed)
    waiting = BatchRow.objects.filter(batch=batch, state=RowState.WAITING.value).order_by("pk")
    while rows := list(waiting[:SLICE]):
        for row in rows:
            if turn.is_over():
                return False
            row.batch = batch
            if _do_row(deed, row, clock()):
                result.closed += 1
                if deed and deed.sweep and row.state == RowState.DONE:
                    result.sweeps.add(deed.sweep)
    return True


def _do_row(deed: BatchDeed[Any] | None, row: BatchRow, now: datetime) -> bool:
    """Take the row, unless somebody else did, do the deed, and write what came of it: all of it or nothing."""
    with transaction.atomic():
        mine = BatchRow.objects.filter(pk=row.pk, state=RowState.WAITING.value)
        if mine.update(state=RowState.DONE.value, done_at=now) != 1:
            return False
        row.state, row.why, row.words = _outcome(deed, row, now)
        BatchRow.objects.filter(pk=row.pk).update(state=row.state, why=row.why, words=row.words)
    return True


def _outcome(deed: BatchDeed[Any] | None, row: BatchRow, now: datetime) -> tuple[str, str, str]:
    """Do the deed; return the row's state, its reason in short, and in words."""
    if deed is None:
        return RowState.FAILED.value, "Unknown deed", f"“{row.batch.deed}” is not done in batches. Nothing was done."
    subject = _read(row)
    user = User.objects.get(pk=row.batch.started_by_id)  # anew for each row: rights may be taken away meanwhile
    try:
        with transaction.atomic():  # what a service had begun to write goes, this row's outcome stays
            if version_of(subject) != row.version:
                raise Stale(f"{subject} has changed since you looked. Nothing was done to it. Look at it again.")
            return RowState.DONE.value, "", deed.do(subject, row, user, now)
    except (Refused, ValidationError) as refusal:
        return RowState.SKIPPED.value, reason_in_short(refusal, subject, user), in_words(refusal)
    except (OperationalError, InterfaceError):
        raise  # the database is busy or gone: the row waits, and the sweep comes back to it
    except Exception as error:
        logger.exception("Row %s of %s failed", row.pk, row.batch)
        words = f"The console itself failed ({type(error).__name__}). Nothing was done. Operators find more in the log."
        return RowState.FAILED.value, "Fault of the console", words


def _read(row: BatchRow) -> Order | Campaign:
    if row.order_id:
        return Order.objects.select_related("plan", "branch", "agent").get(pk=row.subject_id)
    campaigns = Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related("order__plan", "branch")
    return campaigns.get(pk=row.subject_id)


def _end(batch: Batch, now: datetime) -> None:
    """Close the batch, once, with its counts and its line of history."""
    counts = selectors.batch_counts(batch)
    done, skipped, failed = (counts[state] for state in (RowState.DONE, RowState.SKIPPED, RowState.FAILED))
    with transaction.atomic():
        still_open = Batch.objects.filter(pk=batch.pk, ended_at__isnull=True)
        if still_open.update(ended_at=now, done=done, skipped=skipped, failed=failed) != 1:
            return
        text = f"The batch of {batch.started_by.get_username()} ended: {done} done, {skipped} skipped, {failed} failed."
        data = {"done": done, "skipped": skipped, "failed": failed}
        record("batch.ended", text, now=now, by=ActorKind.SCHEDULER, subject=f"batch:{batch.pk}", data=data)
