"""What people changed, field by field, in one set of words for the timeline, the review and both conflict guards."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.admin import look
from campaigns.domain.money import format_money
from campaigns.domain.texts import one_line
from campaigns.models import Event, Order, Plan

Edits = Mapping[str, Sequence[Any]]
"""[old, new] by field, as history keeps them."""
Names = dict[str, dict[str, str]]

FIELDS = {
    "plan": "Plan",
    "branch": "Branch",
    "agent": "Agent",
    "listings": "Listings",
    "start_at": "Start",
    "end_at": "End",
    "budget_override": "Budget override",
}
EMPTY = {"budget_override": "the plan's default"}
NONE = "none"
TIMES = ("start_at", "end_at")
MONEY = ("budget_override", "default_budget", "monthly_budget", "approval_threshold", "price")
LONGEST = 300
# How the kinds of lines end whose details are [old, new] by field.
CHANGES = (".created", ".edited", ".changed", ".renamed", ".deleted")


def edits_of(event: Event) -> Edits:
    """Return what the line of history tells of an edit; nothing for other lines, and of what is not as edits are."""
    if event.kind != "order.edited":
        return {}
    return {field: pair for field, pair in event.data.items() if isinstance(pair, list) and len(pair) == 2}


def told(event: Event, known: Names) -> str:
    """Return what the line of history says; of an edit what was changed from what to what, as the timeline does."""
    edits = edits_of(event)
    if not (edits and event.order and event.actor):
        return event.text
    said = "; ".join(f"{field} {words}" for field, words in changes(edits, event.order, known))
    return f"{event.actor.get_username()} edited the order: {said}"


def details(event: Event) -> list[tuple[str, str]]:
    """Return (name, words) of what the line of history keeps besides its text."""
    zone = event.order.branch.zone if event.order else None
    currency = event.order.amount_currency if event.order else None

    def words(name: str, value: Any) -> str:
        return shown(name, value, {}, zone, currency)

    of_a_change = event.kind.endswith(CHANGES) or event.kind in ("campaign.status", "user.branches")
    return [
        (_title(name), " → ".join(words(name, each) for each in value))
        if of_a_change and isinstance(value, list) and len(value) == 2
        else (_title(name), words(name, value))
        for name, value in event.data.items()
    ]


def names(edits: Iterable[Edits], user: User) -> Names:
    """Return, by field, the names of the rows that edits tell of by their ids: of those that this person may see."""
    rows: dict[str, tuple[QuerySet[Any], str, str]] = {
        "plan": (Plan.objects.all(), "ref", "name"),
        "branch": (selectors.branches_for(user), "external_id", "name"),
        "agent": (selectors.agents_for(user), "external_id", "name"),
        "listings": (selectors.listings_for(user), "external_id", "title"),
    }
    wanted: dict[str, set[str]] = defaultdict(set)
    for each in edits:
        for field, pair in each.items():
            if field in rows:
                wanted[field].update(ref for value in pair for ref in _listed(value))
    return {
        field: dict(found.filter(**{f"{key}__in": wanted[field]}).values_list(key, name))
        for field, (found, key, name) in rows.items()
        if wanted[field]
    }


def changes(edits: Edits, order: Order, known: Names) -> list[tuple[str, str]]:
    """Return (field, old → new), in the form's order."""
    places = {field: place for place, field in enumerate(FIELDS)}
    return [
        (_title(field), _change(field, old, new, order, known))
        for field, (old, new) in sorted(edits.items(), key=lambda each: places.get(each[0], len(places)))
    ]


def shown(field: str, value: Any, known: Names, zone: ZoneInfo | None = None, currency: str | None = None) -> str:
    """Return a field's value as pages show it: names, the zone's clock, amounts with their currency (the site's unless given).

    A value that is not as history keeps it comes back as it is, for what a form claims is not believed.
    """
    if value is None or value == "" or value == []:
        return EMPTY.get(field, NONE)
    if isinstance(value, bool):
        return "yes" if value else "no"
    try:
        if field in TIMES:
            return look.when(datetime.fromisoformat(value), zone)
        if field in MONEY:
            return format_money(Decimal(value), currency or settings.CURRENCY)
    except (TypeError, ValueError, OverflowError, InvalidOperation):
        return one_line(str(value), LONGEST)
    return ", ".join(one_line(known.get(field, {}).get(ref, ref), LONGEST) for ref in _listed(value))


def _title(field: str) -> str:
    return FIELDS.get(field, field.replace("_", " ").capitalize())


def _change(field: str, old: Any, new: Any, order: Order, known: Names) -> str:
    if field == "listings":
        return _listings(_listed(old), _listed(new), known)
    before, after = (shown(field, value, known, order.branch.zone, order.amount_currency) for value in (old, new))
    return f"{before} → {after}"


def _listings(old: list[str], new: list[str], known: Names) -> str:
    """Return how many listings there were and are, and which came and went."""
    came, went = [ref for ref in new if ref not in old], [ref for ref in old if ref not in new]
    changed = [
        f"{word}: {shown('listings', refs, known)}" for word, refs in (("added", came), ("removed", went)) if refs
    ]
    return f"{len(old)} → {len(new)}; {'; '.join(changed)}"


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
