"""Rows among many ids."""

from collections.abc import Collection

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL


def among(ids: Collection[int], field: str = "pk") -> Q:
    """Return the condition that a field, the key unless given, is one of the ids.

    PostgreSQL gets them as one array: thousands of parameters cost it, and the driver, more than the rows do.
    """
    if connection.vendor != "postgresql":
        return Q(**{f"{field}__in": ids})
    return Q(**{f"{field}__in": RawSQL("SELECT unnest(%s::bigint[])", [list(ids)])})
