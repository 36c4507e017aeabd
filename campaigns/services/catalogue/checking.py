"""Check the headers and the cells of a file, without a look at the database."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol, TypeAlias

from django.core.exceptions import ValidationError

from campaigns.services.catalogue.reading import Cell, Row, RowError, Wrong

PROBLEM = "problem"
"""The column that the console itself adds to rejected rows; in a file that comes back it means nothing."""

MOST_JUDGED = 5_000
"""Of each column's texts so many are remembered: what repeats is among them, and a long file stays in bounds."""


class Columns(Protocol):
    """What a file may hold, the key first."""

    @property
    def key(self) -> str:
        """Return the column that says what a row means."""

    @property
    def required(self) -> tuple[str, ...]:
        """Return the columns that a file must have."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all columns."""

    def read(self, column: str, text: str) -> Any:
        """Return the value of a cell. Raises ValidationError with what to do."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A row whose cells were read: the values of those columns that hold no error; of one that is stored as it is, the key."""

    line: int
    values: dict[str, Any]
    is_stored: bool = False


Stored: TypeAlias = "Callable[[tuple[str, ...], list[Row]], dict[int, str]]"
"""Tells of a file's columns and rows which of them say just what is stored: by line the key."""


def nothing_stored(_columns: tuple[str, ...], _rows: list[Row]) -> dict[int, str]:
    """Let every row be judged."""
    return {}


def check_header(table: Columns, header: Row) -> tuple[tuple[str, ...], list[RowError]]:
    """Return the file's columns in their order, and what is wrong with them."""
    cells = list(header.cells)
    while cells[-1] == "":
        cells.pop()
    names = ["" if isinstance(cell, Wrong) else cell.strip().lower() for cell in cells]
    errors = []
    for number, (name, cell) in enumerate(zip(names, cells, strict=True), 1):
        problem = cell.message if isinstance(cell, Wrong) else _header_problem(table, name, names[: number - 1])
        if problem:
            errors.append(RowError(header.line, name[:50] or f"number {number}", problem))
    errors += [
        RowError(header.line, name, f"The column is missing. Add it; needed are: {', '.join(table.required)}.")
        for name in table.required
        if name not in names
    ]
    return tuple(names), errors


def _header_problem(table: Columns, name: str, before: list[str]) -> str:
    if not name:
        return "The column has no header. Name it, or delete the column."
    if name in before:
        return "The column stands twice. Delete one of the two."
    if name in table.columns or name == PROBLEM:
        return ""
    close = get_close_matches(name, table.columns, n=1)
    guess = f" Did you mean {close[0]}?" if close else ""
    return f"The column is not known.{guess} Rename or delete it; known are: {', '.join(table.columns)}."


class Checker:
    """Checks rows of one table; the same text in the same column is judged once."""

    def __init__(self, table: Columns, columns: tuple[str, ...], place: str) -> None:
        self.table = table
        self.columns = columns
        self.place = place.lower()
        self.errors: list[RowError] = []
        self._judged: dict[str, dict[str, tuple[Any, list[str]]]] = {column: {} for column in columns}
        self._lines: dict[str, int] = {}
        self._repeated: set[str] = set()

    def check_stored(self, row: Row, key: str) -> Draft:
        """Take a row that says of its entry what is stored: only its key can be wrong, where another row has it too."""
        values = {self.table.key: key}
        self._refuse_repetition(row, values)
        return Draft(row.line, values, is_stored=True)

    def check(self, row: Row) -> Draft:
        """Read a row, remembering what is wrong with it."""
        values: dict[str, Any] = {}
        if self._fits(row):
            for column, cell in zip(self.columns, row.cells, strict=False):
                value, messages = (None, []) if column == PROBLEM else self._judge(column, cell)
                self.errors += [RowError(row.line, column, message) for message in messages]
                if not messages and column != PROBLEM:
                    values[column] = value
            self._refuse_repetition(row, values)
        return Draft(row.line, values)

    def _fits(self, row: Row) -> bool:
        wanted, found = len(self.columns), len(row.cells)
        if found < wanted or any(row.cells[wanted:]):
            message = (
                f"The row has {found} cells, the headers have {wanted}. Look for a separator too many, one missing, "
            )
            message += "or a cell that needs quotation marks because it contains a separator."
            self.errors.append(RowError(row.line, "", message))
            return False
        return True

    def _judge(self, column: str, cell: Cell) -> tuple[Any, list[str]]:
        if isinstance(cell, Wrong):
            return None, [cell.message]
        known = self._judged[column]
        judged = known.get(cell)
        if judged is None:
            judged = self._read(column, cell)
            if len(known) < MOST_JUDGED:
                known[cell] = judged
        return judged

    def _read(self, column: str, text: str) -> tuple[Any, list[str]]:
        try:
            return self.table.read(column, text), []
        except ValidationError as error:
            return None, error.messages

    def _refuse_repetition(self, row: Row, values: dict[str, Any]) -> None:
        key = values.get(self.table.key)
        if key is None:
            return
        first = self._lines.setdefault(key, row.line)
        if first == row.line:
            return
        message = f"“{key}” stands in {self.place} {first} already. Keep one of the two rows."
        self.errors.append(RowError(row.line, self.table.key, message))
        if key not in self._repeated:  # nobody knows which of the two is right, so the first one is wrong as well
            self._repeated.add(key)
            message = f"“{key}” stands in {self.place} {row.line} again. Keep one of the two rows."
            self.errors.append(RowError(first, self.table.key, message))


def check_rows(
    table: Columns, rows: list[Row], place: str, stored: Stored
) -> tuple[tuple[str, ...], list[Draft], list[RowError]]:
    """Return the file's columns, its rows as far as their cells can be read, and what is wrong with headers and cells.

    The cells of rows that are `stored` as they are were judged when they were stored.
    """
    if not rows:
        return (), [], [RowError(None, "", "The file is empty. Give a row of headers and a row for each entry.")]
    header, *body = rows
    columns, errors = check_header(table, header)
    if errors:
        return (), [], errors
    if not body:
        return (), [], [RowError(header.line, "", "Below the headers there are no rows. Add a row for each entry.")]
    checker = Checker(table, columns, place)
    there = stored(columns, body)
    drafts = [checker.check_stored(row, there[row.line]) if row.line in there else checker.check(row) for row in body]
    return tuple(column for column in columns if column != PROBLEM), drafts, checker.errors
