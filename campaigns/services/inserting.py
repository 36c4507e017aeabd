"""Write many new rows at once."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec
from django.db import connection, models
from psycopg.types.json import Jsonb

BATCH = 500
MANY = 100


def insert(model: type[models.Model], rows: Iterable[models.Model], count: int) -> None:
    """Write that many new rows, numbered in their order. Raises IntegrityError where one is there already.

    Rows are asked for one after the other, so that they need not all be in memory. On PostgreSQL many are copied, which is ten
    times faster than to insert them, and it takes some while others are made; fields keep no defaults of the database.
    """
    if connection.vendor == "postgresql" and count >= MANY:
        _copy(model, rows, count)
        return
    left = iter(rows)
    while some := list(islice(left, BATCH)):
        model._default_manager.bulk_create(some)


def _copy(model: type[models.Model], rows: Iterable[models.Model], count: int) -> None:
    quoted, fields = connection.ops.quote_name, model._meta.concrete_fields
    table, names = model._meta.db_table, [field.attname for field in fields]
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    with connection.wrap_database_errors, connection.cursor() as cursor:
        keys = _keys(cursor, table, count)
        with cursor.copy(f"COPY {quoted(table)} ({columns}) FROM STDIN") as copy:
            for row, pk in zip(rows, keys, strict=True):
                row.pk = pk
                copy.write_row([_ready(getattr(row, name)) for name in names])


def _keys(cursor: Any, table: str, count: int) -> list[int]:
    made = "SELECT array_agg(nextval(pg_get_serial_sequence(%s, %s))) FROM generate_series(1, %s)"
    cursor.execute(made, [table, "id", count])
    keys: list[int] = cursor.fetchone()[0]
    return keys


def _ready(value: Any) -> Any:
    return Jsonb(value, msgspec.json.encode) if type(value) is dict or type(value) is list else value
