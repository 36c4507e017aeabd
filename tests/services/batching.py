"""Batches for tests: seen, started and run as the pages and the workers do."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from campaigns.domain.batches import BatchKind
from campaigns.models import Batch, BatchRow, Campaign, Event, Order
from campaigns.services import batch_running, batches
from campaigns.services.batch_deeds import BatchDeed, deed_named
from campaigns.services.batch_running import BatchResult
from campaigns.services.batches import Foreseen, Seen
from tests.services.building import NOW, Clock


def deed_of(kind: BatchKind, name: str) -> BatchDeed[Any]:
    deed = deed_named(kind, name)
    assert deed is not None
    return deed


def kind_of(rows: Iterable[Order | Campaign]) -> BatchKind:
    return BatchKind.ORDER if isinstance(next(iter(rows)), Order) else BatchKind.CAMPAIGN


def look(
    name: str, *rows: Order | Campaign, user: User, seen: dict[int, Seen] | None = None, now: datetime = NOW
) -> list[Foreseen]:
    """Return what the page would tell of these rows, in their order."""
    found = type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    return batches.foresee(deed_of(kind_of(rows), name), found, user=user, now=now, seen=seen)


def seen_of(foreseen: list[Foreseen]) -> dict[int, Seen]:
    """Return what the page sends along when it is asked to do it."""
    return {
        each.subject.pk: Seen(each.seen.version, each.seen.amount, each.seen.currency, not each.why)
        for each in foreseen
    }


def start(
    name: str,
    *rows: Order | Campaign,
    user: User,
    reason: str = "",
    seen: dict[int, Seen] | None = None,
    token: str = "",
    now: datetime = NOW,
    again_of: Batch | None = None,
) -> Batch:
    """Start a batch of the rows, as they are unless `seen` says how they were."""
    kind = kind_of(rows)
    found = type(rows[0])._default_manager.filter(pk__in=[row.pk for row in rows])
    seen = seen or seen_of(look(name, *rows, user=user, now=now))
    token = token or uuid.uuid4().hex
    return batches.start(
        kind, deed_of(kind, name), found, seen, token=token, reason=reason, user=user, now=now, again_of=again_of
    )


def run(
    batch: Batch, *, clock: Clock | None = None, stop_after: float = 60, offer: Callable[[], None] | None = None
) -> BatchResult:
    return batch_running.run(batch.pk, clock=clock or Clock(), stop_after=stop_after, offer=offer)


def results(batch: Batch) -> list[tuple[str, str]]:
    """Return the state of each row, and the reason in short, in the order of the batch."""
    return list(BatchRow.objects.filter(batch=batch).values_list("state", "why"))


def told(batch: Batch) -> list[str]:
    """Return what history tells of the batch, the oldest first."""
    return list(Event.objects.filter(subject=f"batch:{batch.pk}").order_by("pk").values_list("text", flat=True))
