"""What edits of an order changed, field by field, in the words of the order's page."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.admin import look
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


def edits_of(event: Event) -> Edits:
    """Return what the line of history tells of an edit; nothing for other lines, and of what is not as edits are."""
    if event.kind != "order.edited":
        return {}
    return {field: pair for field, pair in event.data.items() if isinstance(pair, list) and len(pair) == 2}


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
        (FIELDS.get(field, field.replace("_", " ").capitalize()), _change(field, old, new, order, known.get(field, {})))
        for field, (old, new) in sorted(edits.items(), key=lambda each: places.get(each[0], len(places)))
    ]


def _change(field: str, old: Any, new: Any, order: Order, known: dict[str, str]) -> str:
    if field == "listings":
        return _listings(old, new, known)
    return f"{_shown(field, old, order, known)} → {_shown(field, new, order, known)}"


def _listings(old: list[str], new: list[str], known: dict[str, str]) -> str:
    """Return how many listings there were and are, and which came and went."""
    came = [known.get(ref, ref) for ref in new if ref not in old]
    went = [known.get(ref, ref) for ref in old if ref not in new]
    changed = [f"{word}: {', '.join(refs)}" for word, refs in (("added", came), ("removed", went)) if refs]
    return f"{len(old)} → {len(new)}; {'; '.join(changed)}"


def _shown(field: str, value: Any, order: Order, known: dict[str, str]) -> str:
    """Return a value of a field as the order's page shows it: names, the branch's clock, amounts with their currency."""
    if value is None or value == "":
        return EMPTY.get(field, "none")
    try:
        if field in ("start_at", "end_at"):
            return look.when(datetime.fromisoformat(value), order.branch.zone)
        if field == "budget_override":
            return look.amount(value, order.amount_currency)
    except ValueError:
        return str(value)
    return ", ".join(known.get(ref, ref) for ref in _listed(value))


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
