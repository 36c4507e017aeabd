"""Files that are safe to open: a text is never taken for a formula, and numbers and times stay what they are."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from campaigns.services.spreadsheets import Value, csv_lines, guarded, unguarded, write_xlsx

NINE = datetime(2030, 3, 1, 9, tzinfo=timezone(timedelta(hours=2)))
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x")']


def opened(rows: list[list[Value]]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(csv_lines(rows)).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_in_a_csv_file_begins_like_a_formula(text: str) -> None:
    assert opened([[text]]) == [[f"'{text}"]]


@pytest.mark.parametrize("text", [*DANGEROUS, "House", "'quoted'", ""])
def test_what_was_guarded_comes_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text


def test_a_csv_file_is_utf_8_that_excel_recognises_and_quotes_every_text() -> None:
    lines = b"".join(csv_lines([["Fläche; =1+1", 3, Decimal("1500.00"), NINE, None]]))
    assert lines == '\ufeff"Fläche; =1+1",3,1500.00,"2030-03-01T09:00:00+02:00",""\r\n'.encode()


def test_a_csv_file_is_written_a_row_at_a_time() -> None:
    read: list[int] = []

    def rows() -> Iterator[list[Value]]:
        for number in range(3):
            read.append(number)
            yield [number]

    lines = csv_lines(rows())
    next(lines)
    assert next(lines) == b"0\r\n"
    assert read == [0]


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_in_a_workbook_is_a_formula(text: str) -> None:
    file = io.BytesIO()
    write_xlsx([("Orders", [[text]])], file)
    cell = load_workbook(file).worksheets[0]["A1"]
    assert cell.data_type == "s"
    assert cell.value == text.replace("\r", "\n")  # XML knows one end of a line
    assert cell.quotePrefix


def test_the_first_row_stays_in_sight_and_amounts_have_their_separators() -> None:
    file = io.BytesIO()
    write_xlsx([("Orders", [["amount", "text"], [Decimal("1500.5"), "a-1"]]), ("Help", [["b"]])], file)
    book = load_workbook(file)
    assert [each.freeze_panes for each in book.worksheets] == ["A2", "A2"]
    amount, text = book.worksheets[0][2]
    assert (amount.value, amount.number_format) == (1500.5, "#,##0.00")
    assert (text.number_format, bool(text.quotePrefix)) == ("General", False)


def test_numbers_amounts_and_times_in_a_workbook_can_be_counted_with() -> None:
    file = io.BytesIO()
    write_xlsx([("Orders", [["a", 3, Decimal("1500.50"), NINE, None, "z"]]), ("Help", [["b"]])], file)
    book = load_workbook(file)
    assert book.sheetnames == ["Orders", "Help"]
    cells = next(book.worksheets[0].iter_rows(values_only=True))
    assert cells == ("a", 3, 1500.5, datetime(2030, 3, 1, 9), None, "z")  # noqa: DTZ001 - workbooks know no zones


def test_control_characters_that_no_workbook_holds_are_left_out() -> None:
    file = io.BytesIO()
    write_xlsx([("Orders", [["a\x00b\x1bc"]])], file)
    assert load_workbook(file).worksheets[0]["A1"].value == "abc"
    assert opened([["a\x00b\x1bc"]]) == [["abc"]]
