"""Read XLSX: the first sheet, values only, nothing that a spreadsheet has rounded or disguised."""

import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from campaigns.services.catalogue.reading import Cell, Row, Source, Unreadable, Wrong

LARGEST_UNPACKED = 200 * 1024 * 1024
LAST_ROW = 1_048_576  # Excel's own limit; a made-up row number must not keep us counting
MOST_COLUMNS = 100
EXACT = 10**15
"""Spreadsheets keep 15 digits of a number; from here on what was typed may not be what is stored."""

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
SAVE_AS = "Open it in Excel or LibreOffice and save it as an Excel workbook (.xlsx) or as CSV."
DAMAGED = f"The file is no Excel workbook (.xlsx), or is damaged. {SAVE_AS}"


def refuse_old_excel(content: bytes) -> None:
    """Raise Unreadable for the format that Excel had before 2007, in which encrypted workbooks are wrapped too."""
    if content.startswith(OLD_EXCEL):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise Unreadable("The workbook is protected by a password. Save it without one.")
        raise Unreadable(f"The file is in the old Excel format (.xls) or of another program. {SAVE_AS}")


def open_xlsx(content: bytes, *, dates: bool = False) -> Source:
    """Return the rows of the first sheet, dates only where they are wanted. Raises Unreadable, also while they are read."""
    from openpyxl import load_workbook  # here, for it is a tenth of what every process imports at its start

    _refuse_bombs(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl tells of pictures and drop-downs that it drops
            book = load_workbook(io.BytesIO(content), read_only=True)
        sheet = book.worksheets[0]
        names = [sheet.title for sheet in book.worksheets]
    except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble over
        raise Unreadable(DAMAGED) from error
    notes = (
        () if len(names) == 1 else (f"The workbook has {len(names)} sheets; only the first, “{names[0]}”, is read.",)
    )
    return Source("Row", notes, _rows(sheet, dates=dates))


def _refuse_bombs(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # zipfile has a dozen ways to stumble over a damaged file
        raise Unreadable(DAMAGED) from error
    if unpacked > LARGEST_UNPACKED:
        raise Unreadable(
            f"The workbook unpacks to {unpacked // 1024**2:,} MiB, more than the {LARGEST_UNPACKED // 1024**2} MiB allowed. "
            "Copy the table alone into a new workbook, or split it."
        )


def _rows(sheet: Any, *, dates: bool) -> Iterator[Row]:
    sheet.reset_dimensions()  # what a workbook says about its own size is often wrong
    width, line, rows = 0, 0, sheet.iter_rows()
    while True:
        line += 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble over
            raise Unreadable(DAMAGED, line) from error
        if line > LAST_ROW:
            raise Unreadable(DAMAGED, line)
        if len(cells) > MOST_COLUMNS:
            raise Unreadable(
                f"This row has {len(cells):,} columns. Delete all columns to the right of the table.", line
            )
        texts = tuple(_text(cell, dates=dates) for cell in cells)
        width = width or len(texts)
        yield Row(line, texts + ("",) * (width - len(texts)))


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
