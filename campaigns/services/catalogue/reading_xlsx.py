"""Read XLSX: the first sheet, values only, nothing that a spreadsheet has rounded or disguised."""

import io
import warnings
import zipfile
from collections.abc import Iterator

from campaigns.services.catalogue.reading import Row, Source, Unreadable

LARGEST_UNPACKED = 200 * 1024 * 1024

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
    # Here, for openpyxl is a tenth of what every process imports at its start.
    from openpyxl import load_workbook

    from campaigns.services.catalogue.reading_sheet import sheet_rows

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
    return Source("Row", notes, _rows(sheet_rows(sheet, dates=dates)))


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


def _rows(rows: Iterator[Row]) -> Iterator[Row]:
    line = 0
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Unreadable:
            raise
        except Exception as error:  # openpyxl raises whatever a damaged file makes it stumble over
            raise Unreadable(DAMAGED, line + 1) from error
        line = row.line
        yield row
