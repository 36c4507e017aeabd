"""Batches: foresee what a deed would do to many rows, and write down what a person then asked for.

Nothing is done here: batch_running.py does it in the background, row by row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.domain.batches import MOST_ROWS, BatchKind, RowState
from campaigns.domain.texts import clean
from campaigns.models import Batch, BatchRow, Campaign, Order
from campaigns.models.choices import label
from campaigns.services.batch_deeds import BatchDeed
from campaigns.services.errors import NotAllowed, NothingToCopy, Refused, Stale
from campaigns.services.history import record, require
from campaigns.services.inserting import insert

SLICE = 500  # Django reads what rows belong to with one OR a key, of which SQLite takes fewer than a thousand


@dataclass(frozen=True)
class Seen:
    """A row as the page showed it: its version, what it costs, and whether it was to be done."""

    version: int
    amount: Decimal
    currency: str
    to_do: bool


@dataclass(frozen=True)
class Foreseen:
    """What will happen to a row: `why` is empty where it will be done, else the reason in short."""

    subject: Order | Campaign
    seen: Seen
    why: str
    words: str

    @property
    def order(self) -> Order:
        """Return the order whose money it is about."""
        return order_of(self.subject)


def version_of(row: Order | Campaign) -> int:
    """Return the number that goes up with each move of an order, and with each command of a campaign."""
    return row.version if isinstance(row, Order) else row.command_number


def order_of(row: Order | Campaign) -> Order:
    """Return the order itself, or the campaign's."""
    return row if isinstance(row, Order) else row.order


def reason_in_short(refusal: Refused | ValidationError, subject: Order | Campaign, user: User) -> str:
    """Return the reason of a refusal without the row's name, so that equal ones can be counted together."""
    if isinstance(refusal, ValidationError):
        fields = refusal.error_dict if hasattr(refusal, "error_dict") else {}
        return f"Rule: {', '.join(sorted(fields)).replace('_', ' ')}"[:100] if fields else "Rule"
    if isinstance(refusal, Stale):
        return "Changed meanwhile"
    if isinstance(refusal, NothingToCopy):
        return "Nothing to copy"
    if isinstance(refusal, NotAllowed):
        return "Permission" if selectors.works_for(user, order_of(subject).branch_id) else "Branch"
    word = subject.state if isinstance(subject, Order) else subject.phase
    return f"{'State' if isinstance(subject, Order) else 'Phase'}: {label(word).lower()}"


def in_words(refusal: Refused | ValidationError) -> str:
    """Return what a refusal says to people."""
    return " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)


def foresee(
    deed: BatchDeed[Any], rows: QuerySet[Any], *, user: User, now: datetime, seen: Mapping[int, Seen] | None = None
) -> list[Foreseen]:
    """Return what the deed would do to each of the rows now; nothing is written.

    Where `seen` is given, a row that was shown otherwise is not done. The rows are the person's own already.
    """
    loaded = deed.load(rows).iterator(chunk_size=SLICE)
    foreseen = [_foresee(deed, subject, user, now, seen[subject.pk] if seen else None) for subject in loaded]
    if seen:
        place = {pk: index for index, pk in enumerate(seen)}
        foreseen.sort(key=lambda each: place[each.subject.pk])
    return foreseen


def _foresee(
    deed: BatchDeed[Any], subject: Order | Campaign, user: User, now: datetime, before: Seen | None
) -> Foreseen:
    order = order_of(subject)
    is_now = Seen(version_of(subject), order.amount, order.amount_currency, True)
    try:
        require(user, deed.permission, f"{deed.name} {subject._meta.verbose_name_plural}")
        if before and (before.version, before.amount, before.currency) != (
            is_now.version,
            is_now.amount,
            is_now.currency,
        ):
            raise Stale(f"{subject} has changed since you looked. Nothing is done to it. Look at it again.")
        words = deed.foresee(subject, now)
        if before and not before.to_do:
            raise Stale(f"{subject} could not be done when you looked, and was left out. Start anew if you want it.")
    except (Refused, ValidationError) as refusal:
        return Foreseen(subject, before or is_now, reason_in_short(refusal, subject, user), in_words(refusal))
    return Foreseen(subject, is_now, "", words)


def money(foreseen: list[Foreseen]) -> list[tuple[str, Decimal]]:
    """Return (currency, amount) of the rows that will be done; the order of several campaigns counts once."""
    orders = {each.order.pk: each.seen for each in foreseen if not each.why}
    totals: dict[str, Decimal] = {}
    for seen in orders.values():
        totals[seen.currency] = totals.get(seen.currency, Decimal(0)) + seen.amount
    return sorted(totals.items())


def start(
    kind: BatchKind,
    deed: BatchDeed[Any],
    rows: QuerySet[Any],
    seen: Mapping[int, Seen],
    *,
    token: str,
    reason: str,
    user: User,
    now: datetime,
    again_of: Batch | None = None,
) -> Batch:
    """Write a batch of the rows as they were seen; the same token again answers the batch that is there.

    `again_of` is the batch whose failed rows these are, which one other batch may try again. Raises NotAllowed,
    ValidationError without a reason where the deed needs one, and Refused where there are too many rows, or none that
    can be done, or where they are tried again already.
    """
    require(user, deed.permission, f"{deed.name} {kind.value}s")
    if there := Batch.objects.filter(token=token, started_by=user).first():
        return there
    words = clean(reason)
    if deed.needs_reason and not words:
        raise ValidationError({"reason": "Say why: it stays in the history, and Flow is told where it is asked."})
    if len(seen) > MOST_ROWS:
        raise Refused(f"One batch takes at most {MOST_ROWS:,} rows, not {len(seen):,}. Nothing was done.")
    foreseen = foresee(deed, rows, user=user, now=now, seen=seen)
    if all(each.why for each in foreseen):
        raise Refused("None of these rows can be done any more. Nothing was done. The list says why.")
    batch = Batch(
        token=token,
        kind=kind.value,
        deed=deed.name,
        reason=words,
        total=len(foreseen),
        started_by=user,
        started_at=now,
        again_of=again_of,
    )
    return _write(batch, (_row(kind, batch, each) for each in foreseen))


def _write(batch: Batch, rows: Iterator[BatchRow]) -> Batch:
    """Write the batch with its rows and its line of history; answer the one that somebody wrote at the same moment."""
    try:
        with transaction.atomic():
            batch.save(force_insert=True)
            while part := list(islice(rows, SLICE)):
                insert(BatchRow, part, len(part))
            _record_start(batch)
    except IntegrityError:
        if there := Batch.objects.filter(token=batch.token, started_by=batch.started_by).first():
            return there
        if batch.again_of and (there := Batch.objects.filter(again_of=batch.again_of).first()):
            words = f"The failed rows of {batch.again_of} are tried again already, by {there}. Nothing was done."
            raise Refused(words) from None
        raise
    return batch


def _row(kind: BatchKind, batch: Batch, each: Foreseen) -> BatchRow:
    row = BatchRow(
        batch_id=batch.pk, version=each.seen.version, amount=each.seen.amount, currency=each.seen.currency, why=each.why
    )
    setattr(row, f"{kind.value}_id", each.subject.pk)
    if each.why:
        row.state, row.words, row.done_at = RowState.SKIPPED.value, each.words, batch.started_at
    return row


def _record_start(batch: Batch) -> None:
    text = f"{batch.started_by.get_username()} started a batch: {batch.deed} {batch.total:,} {batch.kind}"
    text += f"{'' if batch.total == 1 else 's'}{f': {batch.reason}' if batch.reason else '.'}"
    data = {"deed": batch.deed, "kind": batch.kind, "rows": batch.total, "again_of": batch.again_of_id}
    record("batch.started", text, now=batch.started_at, by=batch.started_by, subject=f"batch:{batch.pk}", data=data)
