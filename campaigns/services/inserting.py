"""Write many new rows at once."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from psycopg.types.json import Jsonb

BATCH = 1000
MANY = 100


def insert(rows: Sequence[models.Model]) -> None:
    """Write new rows of one model, numbered in their order. Raises IntegrityError where one is there already.

    On PostgreSQL many are copied, which is ten times faster than to insert them; fields keep no defaults of the database.
    """
    if not rows:
        return
    model = type(rows[0])
    if connection.vendor != "postgresql" or len(rows) < MANY:
        model._default_manager.bulk_create(rows, batch_size=BATCH)
        return
    quoted, fields = connection.ops.quote_name, model._meta.concrete_fields
    table, names = model._meta.db_table, [field.attname for field in fields]
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)", [table, "id", len(rows)]
        )
        for row, (pk,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = pk
        with cursor.copy(f"COPY {quoted(table)} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([_ready(getattr(row, name)) for name in names])


def _ready(value: Any) -> Any:
    return Jsonb(value) if type(value) is dict or type(value) is list else value
