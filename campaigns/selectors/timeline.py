"""The timeline of an order or a campaign: its lines of history, a page at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from campaigns.domain.states import Action, CommandState
from campaigns.models import Attempt, Campaign, Event, Order

PER_PAGE = 50

EDITS = (
    *("order.created", "order.edited", "order.submitted", "order.approved", "order.not_approved"),
    *("order.returned", "order.cancelled", "order.settlement_proposed", "order.settled"),
)
ATTEMPTS = (
    *("order.claimed", "order.published", "order.rejected", "order.in_doubt", "order.not_sent"),
    *("order.late_answer", "order.dry_run", "order.stuck", "order.reminded"),
)
COMMANDS = [
    "campaign.pause_proposed",
    *(f"campaign.{action.value}_{state.value}" for action in Action for state in CommandState),
]

# What a page may be limited to, by the word in its address.
SORTS: dict[str, tuple[str, Q]] = {
    "edits": ("Edits and approvals", Q(kind__in=EDITS)),
    "attempts": ("Attempts", Q(kind__in=ATTEMPTS)),
    "commands": ("Commands", Q(kind__in=COMMANDS)),
    "flow": ("Flow", Q(kind="campaign.status")),
    "comments": ("Comments", Q(kind="order.commented")),
}


@dataclass(frozen=True)
class TimelinePage:
    """Lines of history, the newest first; `older` is the id before which the next page begins, None at the end."""

    events: list[Event]
    older: int | None


def timeline(subject: Order | Campaign, sort: str = "", before: int | None = None) -> TimelinePage:
    """Return a page of the subject's lines: those of one sort where it is given, before an id where that is given."""
    lines = subject.events.select_related("actor", "campaign").order_by("-pk")
    if sort in SORTS:
        lines = lines.filter(SORTS[sort][1])
    if before is not None:
        lines = lines.filter(pk__lt=before)
    events = list(lines[: PER_PAGE + 1])
    more = len(events) > PER_PAGE
    return TimelinePage(events[:PER_PAGE], events[PER_PAGE - 1].pk if more else None)


def attempts_told_of(order_id: int, events: Iterable[Event]) -> dict[int, Attempt]:
    """Return, by number, the attempts that the lines tell of."""
    numbers = [event.data["attempt"] for event in events if "attempt" in event.data]
    told = Attempt.objects.filter(
        order=order_id, number__gte=min(numbers, default=0), number__lte=max(numbers, default=0)
    )
    return {attempt.number: attempt for attempt in told.defer("excerpt")}
