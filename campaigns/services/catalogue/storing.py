"""Which rows of a file say just what is stored: they need no judgement, no lock and no write."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F, Q

from campaigns import selectors
from campaigns.models import Listing, Plan
from campaigns.models.among import named
from campaigns.services.catalogue.checking import PROBLEM, Stored, nothing_stored
from campaigns.services.catalogue.columns import Table
from campaigns.services.catalogue.reading import Row

AT_ONCE = 10_000
WORDS = {None: "", True: "yes", False: "no"}
CENTS = ".00"  # a spreadsheet leaves them out


def stored_in(table: Table, user: User | None) -> Stored:
    """Return what tells the rows of a file that say just what is stored; none, where the user works for some branches only."""
    if not (user is None or table.model is Plan or selectors.works_everywhere(user)):
        return nothing_stored

    def stored(columns: tuple[str, ...], rows: list[Row]) -> dict[int, str]:
        if PROBLEM in columns or table.key not in columns:
            return {}
        place, found = columns.index(table.key), {}
        for some in _in_parts(rows):
            keys = [key for row in some if len(row.cells) > place and isinstance(key := row.cells[place], str)]
            texts = _texts(table, columns, place, keys)
            found.update(
                {row.line: text[place] for row in some if (text := texts.get(row.cells[place])) and _says(row, text)}
            )
        return found

    return stored


def _in_parts(rows: list[Row]) -> Iterator[list[Row]]:
    left, size = iter(rows), connection.features.max_query_params or AT_ONCE
    while some := list(islice(left, size)):
        yield some


def _texts(table: Table, columns: tuple[str, ...], place: int, keys: list[str]) -> dict[Any, tuple[str, ...]]:
    """Return, by key, the cells that say what is stored of those entries that the model still lets through."""
    paths = [f"{column}__external_id" if table.field(column).is_relation else column for column in columns]
    entries = table.entries().order_by().filter(named(keys, table.key))
    if table.model is Listing:  # an agent may have moved to another branch since
        entries = entries.filter(Q(agent__isnull=True) | Q(agent__branch=F("branch")))
    return {
        values[place]: tuple(
            [
                value
                if type(value) is str
                else WORDS[value]
                if value is None or value is True or value is False
                else str(value)
                for value in values
            ]
        )
        for values in entries.values_list(*paths).iterator(chunk_size=AT_ONCE)
    }


def _says(row: Row, texts: tuple[str, ...]) -> bool:
    if row.cells == texts:
        return True
    return len(row.cells) == len(texts) and all(
        cell == text or (text.endswith(CENTS) and cell == text.removesuffix(CENTS))
        for cell, text in zip(row.cells, texts, strict=True)
    )
