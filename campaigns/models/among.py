"""Rows among many ids or names."""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL


def among(ids: Collection[int], field: str = "pk") -> Q:
    """Return the condition that a field, the key unless given, is one of the ids."""
    return _among(ids, field, "bigint")


def named(names: Collection[str], field: str) -> Q:
    """Return the condition that a field is one of the names."""
    return _among(names, field, "text")


def by_name(rows: QuerySet[Any], names: Collection[str], field: str) -> dict[str, Any]:
    """Return those of the rows whose unique field is one of the names, by it; SQLite is asked in several statements."""
    if connection.vendor != "postgresql" or not names:
        return rows.in_bulk(sorted(names), field_name=field)
    return {getattr(row, field): row for row in rows.filter(named(names, field))}


def _among(values: Collection[Any], field: str, kind: str) -> Q:
    """Give PostgreSQL the values as one array: thousands of parameters cost it, and the driver, more than the rows do."""
    if connection.vendor != "postgresql":
        return Q(**{f"{field}__in": values})
    return Q(**{f"{field}__in": RawSQL(f"SELECT unnest(%s::{kind}[])", [list(values)])})  # noqa: S611 - one of two words
