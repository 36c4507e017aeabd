"""From the rows of a file of orders to what they ask for: the entries that they name, and the orders that are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from campaigns import selectors
from campaigns.domain.times import in_zone
from campaigns.models import Order, Plan
from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.linking import not_found
from campaigns.services.catalogue.reading import RowError
from campaigns.services.content import Content

RELATIONS = ("plan", "branch", "agent")
TIMES = {"start": "start_at", "end": "end_at"}


@dataclass(frozen=True)
class There:
    """What the database has of all that a file names, as far as the user may see it."""

    named: dict[str, dict[str, Any]]
    orders: dict[str, Order]
    taken: frozenset[str]
    """The order_refs that belong to orders which this user may not see."""


def look_up(drafts: Sequence[Draft], user: User, *, lock: bool) -> There:
    """Return everything that the rows name, in a fixed number of queries."""
    asked: dict[str, set[str]] = {column: set() for column in (*RELATIONS, "listings", "order_ref")}
    for draft in drafts:
        for column, names in asked.items():
            value = draft.values.get(column)
            names.update(value if isinstance(value, tuple) else [value] if value else [])
    return There(
        {
            "plan": Plan.objects.in_bulk(sorted(asked["plan"]), field_name="ref"),
            "branch": selectors.branches_for(user).in_bulk(sorted(asked["branch"]), field_name="external_id"),
            "agent": selectors.agents_for(user).in_bulk(sorted(asked["agent"]), field_name="external_id"),
            "listings": selectors.listings_for(user).in_bulk(sorted(asked["listings"]), field_name="external_id"),
        },
        *_orders(sorted(asked["order_ref"]), user, lock=lock),
    )


def _orders(refs: list[str], user: User, *, lock: bool) -> tuple[dict[str, Order], frozenset[str]]:
    rows = selectors.orders_for(user).order_by("pk").select_related("plan", "branch", "agent")
    if lock:
        rows = rows.select_for_update(of=("self",))
    there = rows.prefetch_related("listings").in_bulk(refs, field_name="order_ref")
    everybodys = Order.objects.only("order_ref").in_bulk(refs, field_name="order_ref")
    return there, frozenset(everybodys.keys() - there.keys())


def content_of(order: Order) -> Content:
    """Return the content of an order whose listings were read with it."""
    return Content(
        plan=order.plan,
        branch=order.branch,
        listings=tuple(order.listings.all()),
        agent=order.agent,
        start_at=order.start_at,
        end_at=order.end_at,
        budget_override=order.budget_override,
    )


def named_wrongly(draft: Draft, there: There, user: User) -> list[RowError]:
    """Return which of a row's names are of nothing that is there, among the cells that could be read."""
    names = [(column, column, draft.values.get(column)) for column in RELATIONS]
    names += [("listings", "listing", name) for name in draft.values.get("listings", ())]
    return [
        RowError(draft.line, column, not_found(noun, name, user))
        for column, noun, name in names
        if name and name not in there.named[column]
    ]


def read_content(draft: Draft, there: There, user: User) -> tuple[Content | None, list[RowError]]:
    """Return what a row asks for, or what it names wrongly. A column that the file lacks leaves an order as it is."""
    errors = named_wrongly(draft, there, user)
    values: dict[str, Any] = dict(draft.values)
    for column in RELATIONS:
        if name := values.get(column):
            values[column] = there.named[column].get(name)
    for column, field in TIMES.items():
        if column in values and values["branch"]:
            try:
                values[field] = _in_zone(values.pop(column), values["branch"])
            except ValueError as error:
                errors.append(RowError(draft.line, column, str(error)))
    if errors:
        return None, errors
    order = there.orders.get(values.pop("order_ref"))
    values["listings"] = tuple(there.named["listings"][name] for name in values["listings"])
    before = content_of(order).__dict__ if order else {}
    return Content(**before | values), []


def _in_zone(moment: Any, branch: Any) -> Any:
    return in_zone(moment, branch.zone) if moment is not None and moment.tzinfo is None else moment
