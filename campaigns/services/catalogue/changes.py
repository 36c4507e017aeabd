"""What changed about an entry of the catalogue, in words and values that the history keeps."""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from campaigns.models import Agent, Branch
from campaigns.services.catalogue.columns import Entry, table_of

Plain = str | int | bool | None
Changes = Mapping[str, list[Plain]]


class Added(Mapping[str, list[Plain]]):
    """What a new entry brings, as `changes_between` tells it, but told only when asked: a file may add many thousands."""

    __slots__ = ("_columns", "_entry")

    def __init__(self, entry: Callable[[], Entry], columns: tuple[str, ...]) -> None:
        self._entry, self._columns = entry, columns

    def __getitem__(self, column: str) -> list[Plain]:
        """Return nothing and the value; a column without one is not there."""
        return self._told()[column]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the columns that have a value."""
        return iter(self._told())

    def __len__(self) -> int:
        """Return how many columns have a value."""
        return len(self._told())

    def items(self) -> ItemsView[str, list[Plain]]:
        """Return the columns and their values, worked out once."""
        return self._told().items()

    def _told(self) -> dict[str, list[Plain]]:
        return changes_between(None, self._entry(), self._columns)


def plain_values(entry: Entry, columns: Iterable[str]) -> dict[str, Plain]:
    """Return the values of the columns as JSON knows them: an amount as text, a branch or agent by its external id."""
    return {column: _plain(getattr(entry, column)) for column in columns}


def changes_between(old: Entry | None, new: Entry | None, columns: Iterable[str]) -> dict[str, list[Plain]]:
    """Return `{column: [old, new]}` for the columns that differ; None stands for an entry that is not there."""
    columns = tuple(columns)
    after: dict[str, Plain] = plain_values(new, columns) if new else dict.fromkeys(columns)
    if not old:
        return {column: [None, value] for column, value in after.items() if value is not None}
    before = plain_values(old, columns)
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
