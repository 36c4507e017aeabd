"""What changed about an entry of the catalogue, in words and values that the history keeps."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from campaigns.models import Agent, Branch
from campaigns.services.catalogue.columns import Entry, table_of

Plain = str | int | bool | None
Changes = dict[str, list[Plain]]


def plain_values(entry: Entry, columns: Iterable[str]) -> dict[str, Plain]:
    """Return the values of the columns as JSON knows them: an amount as text, a branch or agent by its external id."""
    return {column: _plain(getattr(entry, column)) for column in columns}


def changes_between(old: Entry | None, new: Entry | None, columns: Iterable[str]) -> Changes:
    """Return `{column: [old, new]}` for the columns that differ; None stands for an entry that is not there."""
    columns = tuple(columns)
    empty: dict[str, Plain] = dict.fromkeys(columns)
    before = plain_values(old, columns) if old else empty
    after = plain_values(new, columns) if new else empty
    return {column: [before[column], after[column]] for column in columns if before[column] != after[column]}


def key_of(entry: Entry) -> str:
    """Return the external id or reference."""
    return str(getattr(entry, table_of(entry).key))


def subject_of(entry: Entry) -> str:
    """Return how the history names the entry, such as `branch:B1`."""
    return f"{table_of(entry).noun}:{key_of(entry)}"


def _plain(value: Any) -> Plain:
    if type(value) is str:
        return value
    if isinstance(value, Branch | Agent):
        return value.external_id
    return f"{value:.2f}" if isinstance(value, Decimal) else value
