"""Read CSV: UTF-8, with commas, semicolons or tabs."""

import codecs
import csv
import io
from collections.abc import Iterator

from campaigns.services.catalogue.reading import Row, Source, Unreadable
from campaigns.services.spreadsheets import unguarded

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
BEGINNING = 100_000  # bytes, in which the headers are
AS_UTF8 = "Save it again as UTF-8: in Excel “CSV UTF-8 (comma delimited)”, in LibreOffice the character set “Unicode (UTF-8)”."


def open_csv(content: bytes) -> Source:
    """Return the rows of a CSV file. Raises Unreadable where it is no CSV in UTF-8."""
    _refuse_other_encodings(content)
    beginning = content[:BEGINNING].decode("utf-8-sig", errors="ignore")
    if beginning.lstrip().startswith("<"):
        raise Unreadable("The file is a web page or XML, whatever its name says. Save it as CSV or as .xlsx.", 1)
    delimiter = _delimiter(beginning)
    notes = () if delimiter == "," else (f"The columns are read as separated by {DELIMITERS[delimiter]}.",)
    return Source("Line", notes, _rows(content, delimiter))


def _refuse_other_encodings(content: bytes) -> None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(f"The file is written in UTF-16 (“Unicode text”). {AS_UTF8}", 1)
    parts = (content[first : first + BEGINNING] for first in range(0, len(content), BEGINNING))
    try:
        for _ in codecs.iterdecode(parts, "utf-8"):
            pass  # a part at a time: the text of a large file would be as large again
    except UnicodeDecodeError:
        raise _encoding_error(content) from None


def _encoding_error(content: bytes) -> Unreadable:
    wrong = [
        (number, line) for number, line in enumerate(content.splitlines(), 1) if _first_wrong_byte(line) is not None
    ]
    number, line = wrong[0]
    at = _first_wrong_byte(line) or 0
    more = f" It is the first of {len(wrong)} such lines." if len(wrong) > 1 else ""
    return Unreadable(f"This line is not UTF-8: its byte {at + 1} is 0x{line[at]:02X}.{more} {AS_UTF8}", number)


def _first_wrong_byte(line: bytes) -> int | None:
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def _delimiter(text: str) -> str:
    header = next(iter(text.lstrip("\r\n").splitlines()), "")
    return max(DELIMITERS, key=header.count)


def _rows(content: bytes, delimiter: str) -> Iterator[Row]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            yield Row(line, tuple(map(unguarded, next(reader))))
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(_words(str(error)), line) from None


def _words(error: str) -> str:
    if "field larger" in error:
        most = f"a cell has more than {csv.field_size_limit():,} characters"
        return f"A quotation mark opens in this row and never closes, or {most}. Close it, or shorten the cell."
    if "unexpected end" in error:
        return "A quotation mark opens in this row and never closes. Close it, or delete it."
    return (
        f"The quotation marks of this row don't fit together ({error}). "
        "Put the whole cell in quotation marks, and write each quotation mark inside it twice."
    )
