"""Read a file of the catalogue into rows of text, whatever its format. What it means is judged elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO

LARGEST_FILE = 20 * 1024 * 1024
PART = 64 * 1024
MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in a file, where, and what to do. `line` is None where the whole file is meant."""

    line: int | None
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell that has no text to take, and why."""

    message: str


Cell = str | Wrong


@dataclass(frozen=True, slots=True)
class Row:
    """A row with the number that the person's program shows: in a CSV file its first line."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Source:
    """An opened file: what people call a row's number, what to tell them, and the rows, headers first."""

    place: str
    notes: tuple[str, ...]
    rows: Iterator[Row]


class Unreadable(Exception):
    """The file, or its rest, can't be read."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.error = RowError(line, "", message)


def read_content(file: IO[bytes]) -> bytes:
    """Return all bytes of the file. Raises Unreadable where it is empty or too large."""
    gathered = BytesIO()
    while part := file.read(PART):  # read at once, it would be in memory twice for a moment
        gathered.write(part)
        if gathered.tell() > LARGEST_FILE:
            raise Unreadable(f"The file is larger than {LARGEST_FILE // 1024**2} MiB. Split it into several files.")
    content = gathered.getvalue()
    if not content or content.isspace():
        raise Unreadable("The file is empty. Give a file with a line of headers and a line for each entry.")
    return content


def read_rows(source: Source, most: int | None = None) -> Iterator[Row]:
    """Yield the rows that hold anything, headers first. Raises Unreadable where there are more than `most` below them."""
    most, count = MOST_ROWS if most is None else most, 0
    for row in source.rows:
        if not any(isinstance(cell, Wrong) or cell.strip() for cell in row.cells):
            continue
        if count > most:
            raise Unreadable(f"The file has more than {most:,} rows. Split it into several files.", row.line)
        count += 1
        yield row
