"""Write CSV and XLSX that are safe to open: no text in them is ever taken for a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import IO, Any

from campaigns.domain.texts import without_hidden

Value = str | int | Decimal | datetime | None

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula; the full-width ones in some languages' programs."""

GUARD = "'"
LONGEST = 32_767 - len(GUARD)
"""The longest text of a cell, of which a spreadsheet would lose the rest or refuse the file."""

AMOUNTS = "#,##0.00"

BOM = b"\xef\xbb\xbf"  # without it Excel takes the file for the machine's own old character set


def guarded(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula."""
    return f"{GUARD}{text}" if text.startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """Return what `guarded` was given, so that a file of the console can come back as it is."""
    return text[1:] if text.startswith(GUARD) and text[1:].startswith(FORMULA) else text


def csv_lines(rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """Yield the lines of a CSV file in UTF-8: texts in quotation marks, times in ISO 8601 with their offset."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    yield BOM
    for row in rows:
        writer.writerow([_csv_value(value) for value in row])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def write_xlsx(sheets: Iterable[tuple[str, Iterable[Sequence[Value]]]], file: IO[bytes]) -> None:
    """Write a workbook: of each sheet its title and its rows, which are not kept in memory. Times are without their zone.

    The first row stays in sight, and amounts have two decimals and separators, whatever the program makes of numbers.
    """
    from openpyxl import Workbook  # here, for it is a tenth of what every process imports at its start
    from openpyxl.cell import WriteOnlyCell

    def cell(sheet: Any, value: Value) -> Any:
        if isinstance(value, datetime):
            value = value.replace(tzinfo=None)
        if isinstance(value, Decimal):
            amount = WriteOnlyCell(sheet)
            amount.value = value
            amount.number_format = AMOUNTS
            return amount
        if not isinstance(value, str):
            return value
        text = WriteOnlyCell(sheet, _clean(value))
        text.data_type = "s"  # a text, whatever it begins with
        if value.startswith(FORMULA):
            text.quotePrefix = True  # and it stays one when somebody edits the cell
        return text

    book = Workbook(write_only=True)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([cell(sheet, value) for value in row])
    book.save(file)


def _csv_value(value: Value) -> str | int | Decimal:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return guarded(_clean(value)) if isinstance(value, str) else value


def _clean(text: str) -> str:
    """Return the text without what no screen shows as it is, and no longer than a cell can hold."""
    shown = without_hidden(text)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
