"""Read the rows of a sheet: texts as they are, of all else what a person sees, and nothing that was rounded or disguised."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet._reader import INLINE_STRING, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHEET_MAIN_NS

from campaigns.services.catalogue.reading import Cell, Row, Unreadable, Wrong

LAST_ROW = 1_048_576  # Excel's own limit
MOST_COLUMNS = 100
EXACT = 10**15
"""Spreadsheets keep 15 digits of a number; from here on what was typed may not be what is stored."""

TEXT_TAG = f"{{{SHEET_MAIN_NS}}}t"
DIGITS = "0123456789"


def sheet_rows(sheet: Any, *, dates: bool) -> Iterator[Row]:
    """Yield the rows that the sheet holds, dates only where they are wanted. Raises Unreadable, and whatever openpyxl does."""
    width, last = 0, 0
    with sheet._get_source() as source:
        for line, cells in cast(
            "Iterator[tuple[int, list[tuple[int, Cell]]]]", _Parser(sheet, source, dates=dates).parse()
        ):
            if not last < line <= LAST_ROW:  # a row that is out of turn must not be passed over without a word
                raise ValueError(line)
            found = max((column for column, _ in cells), default=0)
            if found > MOST_COLUMNS:
                words = f"This row has {found:,} columns. Delete all columns to the right of the table."
                raise Unreadable(words, line)
            width, last = width or found, line
            texts: list[Cell] = [""] * max(width, found)
            for column, text in cells:
                texts[column - 1] = text
            yield Row(line, tuple(texts))


class _Parser(WorkSheetParser):
    """openpyxl's own, but a cell becomes its column and its text, and plain texts go a short way of a tenth of the time."""

    def __init__(self, sheet: Any, source: Any, *, dates: bool) -> None:
        book = sheet.parent
        super().__init__(
            source,
            sheet._shared_strings,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        self._sheet, self._dates = sheet, dates
        self._columns: dict[str, int] = {}

    def parse_cell(self, element: Any) -> Any:
        """Return the column of a cell, and what it holds."""
        text = self._plain_text(element)
        if text is None:
            cell = super().parse_cell(element)
            return cell["column"], _text(ReadOnlyCell(self._sheet, **cell), dates=self._dates)
        if name := element.get("r"):
            self.col_counter = self._column(name.rstrip(DIGITS))
        else:
            self.col_counter += 1
        return self.col_counter, text

    def _plain_text(self, element: Any) -> str | None:
        """Return the text of a cell that holds one and nothing besides."""
        if len(element) != 1:
            return None
        kind, inner = element.get("t"), element[0]
        if kind == "s" and inner.tag == VALUE_TAG and inner.text:
            return self.shared_strings[int(inner.text)]
        if kind == "inlineStr" and inner.tag == INLINE_STRING and len(inner) == 1 and inner[0].tag == TEXT_TAG:
            return inner[0].text or ""
        return None

    def _column(self, letters: str) -> int:
        if letters not in self._columns:
            self._columns[letters] = column_index_from_string(letters)
        return self._columns[letters]


def _text(cell: Any, *, dates: bool) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return Wrong(
            f"Cell {cell.coordinate} holds a formula, whose result can't be trusted here. "
            "Copy the column, paste it as values only, and save."
        )
    if cell.data_type == "e":
        return Wrong(f"Cell {cell.coordinate} holds the error {value}. Write the value.")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(cell)
    if isinstance(value, str):
        return value
    if dates and isinstance(value, datetime):
        rounded = value + timedelta(milliseconds=500)  # a spreadsheet keeps days as fractions, not quite exactly
        return rounded.isoformat(sep=" ", timespec="seconds" if rounded.second else "minutes")
    return Wrong(
        f"Cell {cell.coordinate} holds a date or time, and no column here takes one. "
        "Format the cell as text, then type the value again."
    )


def _number(cell: Any) -> Cell:
    """Return the number as the spreadsheet shows it: 15 digits at most, with the leading zeros of its format."""
    number = cell.value
    if not math.isfinite(number) or abs(number) >= EXACT:
        return Wrong(
            f"Cell {cell.coordinate} holds a number of more than 15 digits, and spreadsheets lose the rest. "
            "Format the cell as text, then type the value again."
        )
    text = str(number) if isinstance(number, int) else f"{number:.15g}"
    shown = str(cell.number_format)
    return text.zfill(len(shown)) if set(shown) == {"0"} else text
