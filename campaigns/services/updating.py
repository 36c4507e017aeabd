"""Write new values into many rows at once."""

from collections.abc import Sequence

from django.db import connection, models


def update(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields of rows of one model that are all there.

    PostgreSQL takes them as one array a field, at half the cost of the upsert; that one is seven times as fast as bulk_update.
    """
    if not rows:
        return
    model, quoted = type(rows[0]), connection.ops.quote_name
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=fields)
        return
    by_name = {field.name: field for field in model._meta.concrete_fields}
    columns = [by_name[name] for name in ("id", *fields)]
    names = [quoted(str(column.column)) for column in columns]
    # A serial key has a type of its own only where its table is made.
    arrays = [
        f"%s::{column.rel_db_type(connection) if column.primary_key else column.db_type(connection)}[]"
        for column in columns
    ]
    news = ", ".join(f"{name} = new.{name}" for name in names[1:])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {quoted(model._meta.db_table)} AS old SET {news} "  # noqa: S608 - names of the model's alone
            f"FROM unnest({', '.join(arrays)}) AS new ({', '.join(names)}) WHERE old.id = new.id",
            [[getattr(row, column.attname) for row in rows] for column in columns],
        )
