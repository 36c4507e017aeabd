"""Search of orders, campaigns and what hangs on them: by how a reference begins."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, QuerySet

BROAD = 20_000
"""So many rows are found through the indexes of the references; beyond it, it is quicker to look at one row after the other."""


def beginning(rows: QuerySet[Any], paths: Iterable[str], text: str) -> QuerySet[Any]:
    """Return the rows of which, for every word of the text, one of the references begins with it.

    `paths` lead to them, such as `tracking_id` or `order__order_ref`. No database answers “this column or that of another
    table” from two indexes by itself: what each finds is put together here.
    """
    for word in text.split():
        rows = rows.filter(_condition(rows.model, list(paths), word))
    return rows


def _condition(model: type[Model], paths: list[str], word: str) -> Q:
    either = reduce(or_, (Q(**{f"{path}__begins": word}) for path in paths))
    if len(paths) == 1 and "__" not in paths[0]:
        return either
    first, *rest = (_found(model, path, word) for path in paths)
    found = first.union(*rest, all=True) if rest else first
    return either if len(found[BROAD : BROAD + 1]) else Q(pk__in=found)


def _found(model: type[Model], path: str, word: str) -> QuerySet[Any, Any]:
    relation, _, name = path.rpartition("__")
    rows: QuerySet[Any] = model._default_manager.order_by()
    if relation:
        related: Any = model._meta.get_field(relation).related_model
        return rows.filter(**{f"{relation}__in": _having(related._default_manager.order_by(), name, word)}).values("pk")
    return _having(rows, name, word)


def _having(rows: QuerySet[Any], name: str, word: str) -> QuerySet[Any, Any]:
    """Return the ids of the rows; that the reference isn't empty lets an index serve which leaves such rows out."""
    return rows.filter(**{f"{name}__begins": word}).exclude(**{name: ""}).values("pk")
