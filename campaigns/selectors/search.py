"""Search of orders, campaigns and what hangs on them: by how a reference begins."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

MOST_FOUND = 10_001
"""So many rows of one reference are looked at: more are no longer counted nor paged through (see admin/pages.py)."""


def beginning(rows: QuerySet[Any], paths: Iterable[str], text: str) -> QuerySet[Any]:
    """Return the rows of which, for every word of the text, one of the references begins with it.

    `paths` lead to them, such as `tracking_id` or `order__order_ref`. No database answers “this column, or that of another
    table” from two indexes by itself: what each finds is put together here. Where a word finds more than 10,000 rows, these are
    some of them.
    """
    *longer, shortest = sorted(text.split(), key=len, reverse=True) or [""]
    for word in longer:
        rows = rows.filter(pk__in=_either([_found(rows, path, word) for path in paths]))
    found = [_found(rows, path, shortest)[:MOST_FOUND] for path in paths]
    # SQLite takes no limit within a union, but within what is in it.
    return rows.filter(
        pk__in=_either([rows.model._default_manager.filter(pk__in=some).order_by().values("pk") for some in found])
    )


def _either(found: list[QuerySet[Any, Any]]) -> QuerySet[Any, Any]:
    first, *rest = found
    return first.union(*rest, all=True) if rest else first


def _found(rows: QuerySet[Any], path: str, word: str) -> QuerySet[Any, Any]:
    """Return the ids of the rows; that the reference isn't empty lets an index serve which leaves such rows out."""
    relation, _, name = path.rpartition("__")
    if not relation:
        return rows.filter(**{f"{name}__begins": word}).exclude(**{name: ""}).order_by().values("pk")
    related: Any = rows.model._meta.get_field(relation).related_model
    having = related._default_manager.filter(**{f"{name}__begins": word}).order_by().values("pk")
    return rows.filter(**{f"{relation}__in": having}).order_by().values("pk")
