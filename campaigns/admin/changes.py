"""What changed in an order since it was submitted before, in words: from what to what, field by field."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from campaigns import selectors
from campaigns.admin import look
from campaigns.models import Order, Plan
from campaigns.selectors import Changes

Names = dict[str, str]

LABELS = {"start_at": "Start", "end_at": "End", "budget_override": "Budget override"}
NONE = {
    "start_at": "none, Flow decides",
    "end_at": "none, Flow decides",
    "budget_override": "none, the plan's default",
}
LONGEST = 300


def pairs(changes: Changes, order: Order, user: User) -> list[tuple[str, str]]:
    """Return each field that was changed, with what it was and what it is."""
    return [
        (LABELS.get(field, field.replace("_", " ").capitalize()), _change(field, old, new, order, user))
        for field, (old, new) in changes.fields.items()
    ]


def _change(field: str, old: Any, new: Any, order: Order, user: User) -> str:
    if isinstance(old, list) and isinstance(new, list):
        names = _names(field, [*old, *new], user)
        added, removed = ([names.get(ref, ref) for ref in refs] for refs in (_less(new, old), _less(old, new)))
        parts = [f"{did} {', '.join(refs)}" for did, refs in (("added", added), ("removed", removed)) if refs]
        return _cut("; ".join(parts))
    names = _names(field, [ref for ref in (old, new) if isinstance(ref, str)], user)
    first, then = (_cut(_value(field, value, order, names)) for value in (old, new))
    return f"from {first} to {then}"


def _less(refs: list[str], others: list[str]) -> list[str]:
    return [ref for ref in refs if ref not in set(others)]


def _value(field: str, value: Any, order: Order, names: Names) -> str:
    if value is None:
        return NONE.get(field, "none")
    if field in ("start_at", "end_at"):
        return look.when(datetime.fromisoformat(value), order.branch.zone)
    if field == "budget_override":
        return f"{Decimal(value):,.2f}"
    return names.get(value, str(value))


def _names(field: str, refs: list[str], user: User) -> Names:
    """Return the names of what history keeps by its id, as far as the person may see those rows."""
    found: dict[str, Callable[[], Any]] = {
        "plan": lambda: Plan.objects.filter(ref__in=refs),
        "branch": lambda: selectors.branches_for(user).filter(external_id__in=refs),
        "agent": lambda: selectors.agents_for(user).filter(external_id__in=refs),
        "listings": lambda: selectors.listings_for(user).filter(external_id__in=refs),
    }
    rows = found[field]() if field in found and refs else []
    return {row.ref if isinstance(row, Plan) else row.external_id: str(row) for row in rows}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
