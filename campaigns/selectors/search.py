"""Search of orders, campaigns and what hangs on them: by how a reference begins."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet

MOST_FOUND = 10_001
"""So many rows of one reference are looked at: more are no longer counted nor paged through (see admin/pages.py)."""
FEW = 500
"""So few rows are named one by one: else the database looks for them anew with each question, or begins with the others."""


def beginning(rows: QuerySet[Any], paths: Sequence[str], text: str) -> QuerySet[Any]:
    """Return the rows of which, for every word of the text, one of the references begins with it.

    `paths` lead to them, such as `tracking_id` or `order__order_ref`. No database answers “this column, or that of another
    table” from two indexes by itself: what each finds of the longest word is put together here. Where that is more than 10,000
    rows, these are some of them.
    """
    if not (words := sorted(text.split(), key=len, reverse=True)):
        return rows
    found = _either(rows.model._default_manager.order_by(), paths, words)
    ids = [each["pk"] for each in found[:MOST_FOUND]]
    if len(ids) <= FEW:
        return rows.filter(pk__in=ids)
    if len(ids) == MOST_FOUND:  # cut off: only what is among the rows may count
        found = _either(rows, paths, words)
    return rows.filter(pk__in=found)


def _either(rows: QuerySet[Any], paths: Sequence[str], words: list[str]) -> QuerySet[Any, Any]:
    longest, *others = words
    found = [_found(rows, path, longest) for path in paths]
    for word in others:
        either = reduce(or_, (Q(**{f"{path}__begins": word}) for path in paths))
        found = [some.filter(either) for some in found]
    first, *rest = (_limited(some) for some in found)
    return first.union(*rest, all=True) if rest else first


def _limited(found: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """Return some of the rows, for a union: SQLite takes a limit only further inside."""
    ids = found.order_by().values("pk")
    if connections[found.db].features.supports_slicing_ordering_in_compound:
        return ids[:MOST_FOUND]
    rows: QuerySet[Any] = found.model._default_manager.order_by()
    return rows.filter(pk__in=ids[:MOST_FOUND]).values("pk")


def _found(rows: QuerySet[Any], path: str, word: str) -> QuerySet[Any]:
    """Return the rows; that the reference isn't empty lets an index serve which leaves such rows out."""
    relation, _, name = path.rpartition("__")
    if not relation:
        return rows.filter(**{f"{name}__begins": word}).exclude(**{name: ""})
    related: Any = rows.model._meta.get_field(relation).related_model
    having = related._default_manager.filter(**{f"{name}__begins": word}).order_by().values("pk")
    return rows.filter(**{f"{relation}__in": having})
