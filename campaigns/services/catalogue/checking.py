"""Check the headers and the cells of a file, without a look at the database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Protocol, TypeAlias

from django.core.exceptions import ValidationError

from campaigns.services.catalogue.reading import Cell, Row, RowError, Wrong

PROBLEM = "problem"
"""The column that the console itself adds to rejected rows; in a file that comes back it means nothing."""

MOST_JUDGED = 2_000
"""Of each column's texts so many are remembered: what repeats is among them, and a long file stays in bounds."""

AT_ONCE = 4_000
"""So many rows are kept as they were written; of those before them only what was read stays."""

NOTHING = object()
"""Stands in the place of a value that could not be read."""


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

    def reader(self, column: str) -> Callable[[str], Any]:
        """Return what makes a column's values of texts. It raises ValidationError with what to do."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A row whose cells were read; of one that is stored as it is, the key alone.

    What was read is kept without the columns' names, which would take as much memory again: a file has many rows.
    """

    line: int
    key: str | None
    columns: tuple[str, ...] = ()
    read: tuple[Any, ...] = ()
    is_stored: bool = False

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of those columns that hold no error, made anew each time."""
        return {column: value for column, value in zip(self.columns, self.read, strict=True) if value is not NOTHING}


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


class Column:
    """Reads the cells of one column; of texts that repeat, most once."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read
        self._known: dict[Cell, Any] = {}

    def take(self, cell: Cell, line: int, errors: list[RowError]) -> Any:
        """Return the value of a cell; NOTHING where it has none, with what is wrong among the errors."""
        value = self._known.get(cell, NOTHING)
        if value is not NOTHING:
            return value
        if isinstance(cell, Wrong):
            errors.append(RowError(line, self.name, cell.message))
            return NOTHING
        try:
            value = self._read(cell)
        except ValidationError as error:
            errors += [RowError(line, self.name, message) for message in error.messages]
            return NOTHING
        if len(self._known) < MOST_JUDGED:
            self._known[cell] = value
        return value


class Checker:
    """Checks rows of one table."""

    def __init__(self, table: Columns, columns: tuple[str, ...], place: str) -> None:
        self.table = table
        self.columns = tuple(column for column in columns if column != PROBLEM)
        self.place = place.lower()
        self.errors: list[RowError] = []
        self._width = len(columns)
        self._readers = [
            (number, Column(column, table.reader(column))) for number, column in enumerate(columns) if column != PROBLEM
        ]
        self._key_at = self.columns.index(table.key)
        self._lines: dict[str, int] = {}
        self._repeated: set[str] = set()

    def check_stored(self, row: Row, key: str) -> Draft:
        """Take a row that says of its entry what is stored: only its key can be wrong, where another row has it too."""
        self._refuse_repetition(row, key)
        return Draft(row.line, key, is_stored=True)

    def check(self, row: Row) -> Draft:
        """Read a row, remembering what is wrong with it."""
        if not self._fits(row):
            return Draft(row.line, None)
        line, cells, errors = row.line, row.cells, self.errors
        read = tuple([column.take(cells[number], line, errors) for number, column in self._readers])
        key = read[self._key_at]
        if key is NOTHING:
            return Draft(line, None, self.columns, read)
        self._refuse_repetition(row, key)
        return Draft(line, key, self.columns, read)

    def _fits(self, row: Row) -> bool:
        wanted, found = self._width, len(row.cells)
        if found < wanted or any(row.cells[wanted:]):
            message = (
                f"The row has {found} cells, the headers have {wanted}. Look for a separator too many, one missing, "
            )
            message += "or a cell that needs quotation marks because it contains a separator."
            self.errors.append(RowError(row.line, "", message))
            return False
        return True

    def _refuse_repetition(self, row: Row, key: str) -> None:
        first = self._lines.setdefault(key, row.line)
        if first == row.line:
            return
        message = f"“{key}” stands in {self.place} {first} already. Keep one of the two rows."
        self.errors.append(RowError(row.line, self.table.key, message))
        if key not in self._repeated:  # nobody knows which of the two is right, so the first one is wrong as well
            self._repeated.add(key)
            message = f"“{key}” stands in {self.place} {row.line} again. Keep one of the two rows."
            self.errors.append(RowError(first, self.table.key, message))


@dataclass(frozen=True)
class Checked:
    """A file's headers, its columns, its rows as far as their cells can be read, and what is wrong with headers and cells."""

    header: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    drafts: tuple[Draft, ...] = ()
    errors: tuple[RowError, ...] = ()


def check_rows(table: Columns, rows: Iterator[Row], place: str, stored: Stored) -> Checked:
    """Return what a file says.

    The cells of rows that are `stored` as they are were judged when they were stored.
    """
    header = next(rows, None)
    if header is None:
        words = "The file is empty. Give a row of headers and a row for each entry."
        return Checked(errors=(RowError(None, "", words),))
    columns, errors = check_header(table, header)
    if errors:
        return Checked(errors=tuple(errors))
    checker, drafts = Checker(table, columns, place), []
    while some := list(islice(rows, AT_ONCE)):
        there = stored(columns, some)
        drafts += [
            checker.check_stored(row, there[row.line]) if row.line in there else checker.check(row) for row in some
        ]
    if not drafts:
        words = "Below the headers there are no rows. Add a row for each entry."
        return Checked(errors=(RowError(header.line, "", words),))
    names = tuple(cell if isinstance(cell, str) else "" for cell in header.cells)
    return Checked(names, checker.columns, tuple(drafts), tuple(checker.errors))
