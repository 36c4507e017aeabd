"""The words of the catalogue, for search: an index that the database itself keeps, whatever door writes.

Words from their beginning rather than any part of a text: a tenth of the entries to write in an import, no extension that
needs rights, and no lower limit to what is typed. Made anew after each `migrate`, as guards.py does, because a rebuilt table of
SQLite loses its triggers.
"""

import re
import string
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Model, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Concat

TEXTS = {
    "campaigns_branch": ("name", "external_id"),
    "campaigns_agent": ("name", "external_id", "email"),
    "campaigns_plan": ("name", "ref"),
    "campaigns_listing": ("title", "external_id", "address"),
}
WORD = re.compile(r"[^\W_]+")
BEFORE, AFTER = r"(^|\W|_)", r"(\W|_|$)"  # a word, in what both databases understand
MARKS = string.punctuation.replace("'", "''").replace("%", "%%")


def with_words(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the rows that have every word of the text, or one that begins so; none where it has no word.

    Of `A-000007` only the last part may be the beginning of a word: whoever typed the dash was through with the first.
    """
    words = _typed(text)
    return rows.filter(pk__in=_found(rows.model, rows.db, words)) if words else rows.none()


def few_with_words(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """Return the same of rows that something else has made few, by a look at each of them.

    The index would find a word in all rows of the table that have it, before it is asked which of them count.
    """
    if not (words := _typed(text)):
        return rows.none()
    parts = [part for column in TEXTS[rows.model._meta.db_table] for part in (F(column), Value(" "))]
    found: QuerySet[Any] = rows.alias(words=Concat(*parts, output_field=TextField()))
    for word, begins in words:
        end = "" if begins else AFTER
        found = found.filter(words__iregex=f"{BEFORE}{word}{end}")
    return found


def _typed(text: str) -> list[tuple[str, bool]]:
    """Return the words, and of each whether it may be the beginning of one."""
    typed = [parts for each in text.lower().split() if (parts := WORD.findall(each))]
    return [(part, False) for parts in typed for part in parts[:-1]] + [(parts[-1], True) for parts in typed]


def _found(model: type[Model], using: str, words: list[tuple[str, bool]]) -> RawSQL:
    table = model._meta.db_table
    # A word is letters and digits alone, so nothing in it could end the quotes.
    if connections[using].vendor == "postgresql":
        asked = " & ".join(f"'{word}'{':*' if begins else ''}" for word, begins in words)
        # OFFSET keeps the planner from reading row after row in the order of the list, and their words anew.
        words_of_a_row = _vector(TEXTS[table])
        return RawSQL(f"SELECT id FROM {table} WHERE {words_of_a_row} @@ %s::tsquery OFFSET 0", [asked])  # noqa: S608, S611
    asked = " ".join(f'"{word}"{"*" if begins else ""}' for word, begins in words)
    return RawSQL(f"SELECT rowid FROM {table}_words WHERE {table}_words MATCH %s", [asked])  # noqa: S608, S611


def _vector(columns: tuple[str, ...]) -> str:
    """Return the words of a row on PostgreSQL, whose own parser would take `L-7` for a number and an address for one word."""
    text = " || ' ' || ".join(columns)
    return f"to_tsvector('simple'::regconfig, translate({text}, '{MARKS}', repeat(' ', {len(string.punctuation)})))"


def install(connection: BaseDatabaseWrapper) -> None:
    """Make what is missing, and on SQLite read all words anew."""
    make = _postgresql if connection.vendor == "postgresql" else _sqlite
    with connection.cursor() as cursor:
        for table, columns in TEXTS.items():
            for statement in make(cursor, table, columns):
                cursor.execute(statement)


def _postgresql(cursor: Any, table: str, columns: tuple[str, ...]) -> list[str]:
    cursor.execute("SELECT to_regclass(%s)", [f"{table}_words"])
    if cursor.fetchone()[
        0
    ]:  # IF NOT EXISTS asks for a table that nobody is writing to, even where there is nothing to do
        return []
    vector = _vector(columns).replace("%%", "%")  # without values nothing is replaced in a statement
    return [f"CREATE INDEX {table}_words ON {table} USING gin ({vector})"]


def _sqlite(_: Any, table: str, columns: tuple[str, ...]) -> list[str]:
    words, names = f"{table}_words", ", ".join(columns)
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    forget = f"INSERT INTO {words} ({words}, rowid, {names}) VALUES ('delete', old.id, {old});"  # noqa: S608 - constants
    learn = f"INSERT INTO {words} (rowid, {names}) VALUES (new.id, {new});"  # noqa: S608 - constants
    deeds = {"INSERT": learn, "DELETE": forget, f"UPDATE OF {names}": f"{forget} {learn}"}
    return [
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {words} USING fts5({names}, content='{table}', content_rowid='id', "
        "tokenize='unicode61 remove_diacritics 0')",
        *(
            statement
            for deed, steps in deeds.items()
            for name in [f"{words}_{deed.split()[0].lower()}"]
            for statement in (
                f"DROP TRIGGER IF EXISTS {name}",
                f"CREATE TRIGGER {name} AFTER {deed} ON {table} FOR EACH ROW BEGIN {steps} END",
            )
        ),
        f"INSERT INTO {words} ({words}) VALUES ('rebuild')",  # noqa: S608 - constants
    ]


def install_after_migrate(*, using: str, **_: Any) -> None:
    """Make the index once the tables are there."""
    connection = connections[using]
    if set(TEXTS) <= set(connection.introspection.table_names()):
        install(connection)
