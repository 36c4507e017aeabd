"""Which orders of a list its table's indexes give."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model


def has_index(model: type[Model], ordering: Sequence[Any]) -> bool:
    """Say whether an index holds the rows in this order, from either end."""
    asked = [_part(model, part) for part in ordering]
    field, _ = asked[0]
    if field is None or field.is_relation:  # sorted by another table's order
        return False
    if field.unique and not field.null:
        return True
    wanted = [(part.name, is_down) if part else None for part, is_down in asked]
    turned = [(part.name, not is_down) if part else None for part, is_down in asked]
    held = [
        [(name, order == "DESC") for name, order in index.fields_orders]
        for index in model._meta.indexes
        if not index.condition and not index.expressions
    ]
    return any(columns[: len(asked)] in (wanted, turned) for columns in held)


def _part(model: type[Model], part: Any) -> tuple[Any, bool]:
    if not isinstance(part, str):
        return None, False
    name = part.removeprefix("-")
    try:
        field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None, False
    return field, part.startswith("-")
