"""XLSX files: what spreadsheets do to ids and numbers, and files that are something else."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest
from openpyxl import Workbook

from campaigns.models import Branch
from campaigns.services.catalogue import ImportResult, Kind
from tests.services.catalogue_files import import_bytes, said, workbook

pytestmark = pytest.mark.django_db

HEADER = ("external_id", "name", "monthly_budget", "active")
DAMAGED = (
    "The file is no Excel workbook (.xlsx), or is damaged. "
    "Open it in Excel or LibreOffice and save it as an Excel workbook (.xlsx) or as CSV."
)


def import_sheet(*rows: tuple[Any, ...]) -> ImportResult:
    return import_bytes(Kind.BRANCHES, workbook([HEADER, *rows]))


def test_numbers_and_booleans_arrive_as_they_are_shown() -> None:
    result = import_sheet((12585873, "Sandton", 1500.5, False), (12585874.0, 2025, 0.1 + 0.2, True))

    assert result == ImportResult(created=2, place="Row")
    assert [
        (branch.external_id, branch.name, str(branch.monthly_budget), branch.active)
        for branch in Branch.objects.order_by("external_id")
    ] == [("12585873", "Sandton", "1500.50", False), ("12585874", "2025", "0.30", True)]


def test_leading_zeros_that_the_format_shows_belong_to_the_id() -> None:
    def pad(book: Workbook) -> None:
        book.worksheets[0]["A2"].number_format = "00000"

    import_bytes(Kind.BRANCHES, workbook([HEADER, (123, "Sandton", None, None)], pad))

    assert Branch.objects.get().external_id == "00123"


@pytest.mark.parametrize("number", [1e22, 6449184391234567800, 1e300])
def test_a_number_that_spreadsheets_round_is_refused_with_the_remedy(number: float) -> None:
    message = (
        "Cell A2 holds a number of more than 15 digits, and spreadsheets lose the rest. "
        "Format the cell as text, then type the value again."
    )
    assert said(import_sheet((number, "Sandton", None, None))) == [(2, "external_id", message)]
    assert not Branch.objects.exists()


def test_formulas_are_told_one_by_one_by_cell() -> None:
    result = import_sheet(("B1", "=A2", "=100*2", None), ("B2", "Menlyn", 5, None), ("B3", "Hill", "=C3", None))

    words = "holds a formula, whose result can't be trusted here. Copy the column, paste it as values only, and save."
    assert said(result) == [
        (2, "name", f"Cell B2 {words}"),
        (2, "monthly_budget", f"Cell C2 {words}"),
        (4, "monthly_budget", f"Cell C4 {words}"),
    ]
    assert not Branch.objects.exists()


def test_a_text_that_begins_like_a_formula_is_a_text() -> None:
    def as_text(book: Workbook) -> None:
        book.worksheets[0]["B2"].data_type = "s"

    assert import_bytes(Kind.BRANCHES, workbook([HEADER, ("B1", "=Sandton", None, None)], as_text)).created == 1
    assert Branch.objects.get().name == "=Sandton"


def test_a_date_and_an_error_value_are_told() -> None:
    def spoil(book: Workbook) -> None:
        book.worksheets[0]["C2"].value, book.worksheets[0]["C2"].data_type = "#N/A", "e"

    result = import_bytes(Kind.BRANCHES, workbook([HEADER, (date(2025, 6, 1), "Sandton", None, None)], spoil))

    assert [(line, column, message.split(".")[0]) for line, column, message in said(result)] == [
        (2, "external_id", "Cell A2 holds a date or time, and no column here takes one"),
        (2, "monthly_budget", "Cell C2 holds the error #N/A"),
    ]


def test_rows_are_numbered_as_the_spreadsheet_numbers_them_and_empty_ones_are_passed_over() -> None:
    def gap(book: Workbook) -> None:
        book.worksheets[0]["A9"], book.worksheets[0]["B9"] = "B 9", "Hill"

    result = import_bytes(Kind.BRANCHES, workbook([(), HEADER, ("B1", "Sandton", None, None)], gap))

    assert [(line, column) for line, column, _ in said(result)] == [(9, "external_id")]
    assert result.place == "Row"


def test_of_several_sheets_the_first_is_read_and_that_is_said() -> None:
    def more(book: Workbook) -> None:
        book.worksheets[0].title = "Branches"
        book.create_sheet("Agents").append(("nonsense",))

    result = import_bytes(Kind.BRANCHES, workbook([HEADER, ("B1", "Sandton", None, None)], more))

    notes = ("The workbook has 2 sheets; only the first, “Branches”, is read.",)
    assert result == ImportResult(created=1, notes=notes, place="Row")


def test_an_empty_sheet_is_told() -> None:
    result = import_bytes(Kind.BRANCHES, workbook([]))

    assert said(result) == [(None, "", "The file is empty. Give a row of headers and a row for each entry.")]


def test_a_cell_far_to_the_right_is_told() -> None:
    def far(book: Workbook) -> None:
        book.worksheets[0]["XFD2"] = "x"

    result = import_bytes(Kind.BRANCHES, workbook([HEADER, ("B1", "Sandton")], far))

    assert said(result) == [(2, "", "This row has 16,384 columns. Delete all columns to the right of the table.")]


def test_a_workbook_that_unpacks_to_far_more_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("it was opened"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (201 * 1024**2))

    result = import_bytes(Kind.BRANCHES, file.getvalue())

    assert len(file.getvalue()) < 1024**2
    assert result.errors[0].message.startswith("The workbook unpacks to 201 MiB, more than the 200 MiB allowed.")


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut off", workbook([HEADER])[:-100]])
def test_a_damaged_workbook_is_told(content: bytes) -> None:
    assert said(import_bytes(Kind.BRANCHES, content)) == [(None, "", DAMAGED)]


def test_another_kind_of_zip_is_told() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")

    assert said(import_bytes(Kind.BRANCHES, file.getvalue())) == [(None, "", DAMAGED)]


def test_the_old_format_and_a_password_are_told_apart() -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    locked = old + "EncryptedPackage".encode("utf-16-le")

    assert import_bytes(Kind.BRANCHES, old).errors[0].message.startswith("The file is in the old Excel format (.xls)")
    message = "The workbook is protected by a password. Save it without one."
    assert said(import_bytes(Kind.BRANCHES, locked)) == [(None, "", message)]


@pytest.mark.parametrize("number", [b"99999999999", b"2", b"1", b"0", b"-3"])
def test_a_row_number_beyond_the_last_row_or_out_of_turn_is_no_endless_count_and_no_lost_row(number: bytes) -> None:
    good = workbook([HEADER, ("B1", "Sandton"), ("B2", "Menlyn")])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as source, zipfile.ZipFile(file, "w") as spoilt:
        for name in source.namelist():
            spoilt.writestr(name, source.read(name).replace(b'<row r="3"', b'<row r="%b"' % number))

    assert said(import_bytes(Kind.BRANCHES, file.getvalue())) == [(3, "", DAMAGED)]
