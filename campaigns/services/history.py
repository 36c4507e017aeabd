"""Write history, and ask who may do what: the two things that every service does."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.domain.states import ActorKind
from campaigns.models import Branch, Campaign, Event, HistoryHead, Order
from campaigns.services.errors import NotAllowed
from campaigns.services.inserting import insert

BATCH = 2000
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True)


def record(
    kind: str,
    text: str,
    *,
    now: datetime,
    by: User | ActorKind,
    order: Order | None = None,
    campaign: Campaign | None = None,
    subject: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """Write one line of history in the transaction of the change it tells. A campaign's line is its order's too."""
    person = None if isinstance(by, ActorKind) else by
    event = Event(
        at=now,
        kind=kind,
        text=text,
        data=data or {},
        actor_kind=by.value if isinstance(by, ActorKind) else ActorKind.PERSON.value,
        actor=person,
        order_id=order.pk if order else campaign.order_id if campaign else None,
        campaign=campaign,
        subject=subject,
    )
    append([event])
    return event


def append(events: Iterable[Event], count: int | None = None) -> None:
    """Write lines of history at the end of the chain: each carries the hash of the one before.

    With their `count` they are made one after the other, never all of them in memory: an import writes as many as it has rows.

    Everybody else who writes history waits until this transaction ends. So it comes after the locks on the rows that the
    lines tell of, never before them.
    """
    if count is None:
        events = list(events)
        count = len(events)
    if not count:
        return
    with transaction.atomic():
        head, _ = HistoryHead.objects.select_for_update().get_or_create(pk=HistoryHead.SINGLETON)
        insert(Event, _chained(events, head), count)
        HistoryHead.objects.filter(pk=head.pk).update(event=head.event, sha256=head.sha256)


def _chained(events: Iterable[Event], head: HistoryHead) -> Iterator[Event]:
    """Yield each line with the hash of the one before, and keep the last of them."""
    for event in events:
        event.previous_sha256 = head.sha256
        head.event, head.sha256 = event, sha256_of(event)
        yield event


def sha256_of(event: Event) -> str:
    """Return the hash of a line: of all that it says, and of the hash that it carries."""
    said = [
        event.previous_sha256,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.kind,
        event.text,
        event.data,
        event.actor_kind,
        event.actor_id,
        event.order_id,
        event.campaign_id,
        event.subject,
    ]
    return hashlib.sha256(CANONICAL.encode(said).encode()).hexdigest()


class _UnreadableError(Exception):
    """A line of history can't be read; its number is the argument."""


def broken_link() -> str:
    """Return where the chain of history breaks, in words for operators; empty where it holds from first to last.

    Lines that are written meanwhile are left for the next time.
    """
    head = _head()
    if not str(head.event_id or 0).isdigit():  # SQLite keeps anything
        return "History was changed: the number of its last line can't be read."
    try:
        return _break(head)
    except _UnreadableError as error:
        return f"History was changed: line {error} can't be read."


def _break(head: HistoryHead) -> str:
    sha256, last = "", None
    for event, its_sha256 in _lines(head.event_id or 0):
        if event.previous_sha256 != sha256:
            before = f"line {last}" if last else "the beginning"
            return f"History was changed: line {event.pk} does not follow {before} as it was written."
        sha256, last = its_sha256, event.pk
    if last != head.event_id:
        return f"History was changed: its last line was {head.event_id}; now it is {last or 'none'}."
    if sha256 != head.sha256:
        return f"History was changed: its last line, {last}, is not as it was written."
    stranger = Event.objects.filter(pk__gt=head.event_id or 0).order_by("pk").values_list("pk", flat=True).first()
    if stranger and _head().event_id == head.event_id:
        return f"History was changed: line {stranger} was added by something else than the console."
    # An order comes with its first line: who sees the order sees the line, so the order is looked for first.
    if last is None and Order.objects.exists() and not Event.objects.exists():
        return "History was changed: there are orders, and not one line tells of them."
    return ""


def _lines(until: int) -> Iterator[tuple[Event, str]]:
    """Yield each line with its hash; raise _UnreadableError at one that somebody made unreadable."""
    lines, last = Event.objects.filter(pk__lte=until).order_by("pk"), None
    try:
        for event in lines.iterator(chunk_size=BATCH):
            yield event, sha256_of(event)
            last = event.pk
    except Exception as error:
        unreadable = _first_unreadable(lines if last is None else lines.filter(pk__gt=last))
        if unreadable is None:
            raise
        raise _UnreadableError(unreadable) from error


def _first_unreadable(lines: QuerySet[Event]) -> int | None:
    """Return the number of the first line that can't be read; raise DatabaseError when none can, as without a server."""
    for number in lines.values_list("pk", flat=True).iterator(chunk_size=BATCH):
        try:
            sha256_of(lines.get(pk=number))
        except Exception:  # noqa: BLE001 - a damaged line may make anything fail
            if lines.filter(pk=number).exists():
                return number
    return None


def _head() -> HistoryHead:
    return HistoryHead.objects.filter(pk=HistoryHead.SINGLETON).first() or HistoryHead()


def require_one_of(user: User, permissions: tuple[str, ...], deed: str) -> None:
    """Raise NotAllowed unless the user has at least one of the permissions; `deed` completes “may not …”."""
    if not any(user.has_perm(f"campaigns.{permission}") for permission in permissions):
        require(user, permissions[0], deed)


def require(user: User, permission: str, deed: str) -> None:
    """Raise NotAllowed unless the user has the permission, such as `submit_order`; `deed` completes “may not …”."""
    if not user.has_perm(f"campaigns.{permission}"):
        raise NotAllowed(
            f"{user.get_username()} may not {deed}. Ask an administrator for the permission “{permission}”."
        )


def require_branch(user: User, branch: Branch) -> None:
    """Raise NotAllowed unless the user works for the branch."""
    if not selectors.works_for(user, branch.pk):
        raise NotAllowed(
            f"{user.get_username()} does not work for branch {branch}. Ask an administrator to add them to it."
        )
