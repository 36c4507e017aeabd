"""CSV files as programs and people spoil them."""

from io import BytesIO

import pytest
from django.utils import timezone

from campaigns.models import Branch
from campaigns.services.catalogue import ImportResult, Kind, import_catalogue, reading
from tests.services.catalogue_files import import_bytes, import_lines, said

pytestmark = pytest.mark.django_db

AS_UTF8 = "Save it again as UTF-8: in Excel “CSV UTF-8 (comma delimited)”, in LibreOffice the character set “Unicode (UTF-8)”."


def names() -> list[str]:
    return list(Branch.objects.order_by("external_id").values_list("name", flat=True))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_utf8_is_read_with_and_without_its_mark_and_with_any_line_end(mark: bytes, end: str) -> None:
    assert import_bytes(Kind.BRANCHES, mark + f"external_id,name{end}B1,Éire{end}".encode()).created == 1
    assert names() == ["Éire"]


def test_another_encoding_is_told_with_line_and_byte_and_how_to_save() -> None:
    content = "external_id,name\nB1,Sandton\nB2,Orléans\nB3,Besançon\n".encode("latin-1")

    message = f"This line is not UTF-8: its byte 7 is 0xE9. It is the first of 2 such lines. {AS_UTF8}"
    assert said(import_bytes(Kind.BRANCHES, content)) == [(3, "", message)]
    assert names() == []


def test_utf16_is_told_by_its_name() -> None:
    result = import_bytes(Kind.BRANCHES, "external_id,name\nB1,Sandton\n".encode("utf-16"))

    assert said(result) == [(1, "", f"The file is written in UTF-16 (“Unicode text”). {AS_UTF8}")]


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_semicolons_and_tabs_are_read_and_said(delimiter: str, word: str) -> None:
    result = import_lines(Kind.BRANCHES, f"external_id{delimiter}name", f"B1{delimiter}Sandton, north")

    assert result == ImportResult(created=1, notes=(f"The columns are read as separated by {word}.",))
    assert names() == ["Sandton, north"]


def test_a_rows_number_is_its_first_line_where_cells_hold_line_breaks_and_blank_lines_count() -> None:
    result = import_lines(
        Kind.BRANCHES, "external_id,name", '"B1","San', "d", 'ton"', "", ",", "B 2,Menlyn", '"B', '3",Rosebank'
    )

    assert [(line, column) for line, column, _ in said(result)] == [(7, "external_id"), (8, "external_id")]


@pytest.mark.parametrize(("row", "found"), [("B1", 1), ("B1,Sandton,north", 3)])
def test_a_row_with_too_few_or_too_many_cells_is_told(row: str, found: int) -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name", "B0,Menlyn", row)

    assert [(line, column) for line, column, _ in said(result)] == [(3, "")]
    assert result.errors[0].message.startswith(f"The row has {found} cells, the headers have 2. Look for a separator")
    assert names() == []


def test_a_cell_that_is_too_long_is_told_as_that_or_as_a_quotation_mark_that_never_closes() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name", f"B1,{'x' * 131_073}")

    words = (
        "A quotation mark opens in this row and never closes, or a cell has more than 131,072 characters. Close it, or "
        "shorten the cell."
    )
    assert said(result) == [(2, "", words)]
    assert names() == []


def test_a_quotation_mark_that_never_closes_is_told_where_it_opens() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name", "B1,Sandton", 'B2,"Menlyn', "B3,Rosebank")

    assert said(result) == [(3, "", "A quotation mark opens in this row and never closes. Close it, or delete it.")]
    assert names() == []


def test_a_quotation_mark_within_a_quoted_cell_is_told() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name", 'B1,"The "Hill" office"')

    assert [error.line for error in result.errors] == [2]
    assert result.errors[0].message.endswith("and write each quotation mark inside it twice.")


@pytest.mark.parametrize(
    ("content", "give"),
    [(b"", "file"), (b"\n\n  \n", "file"), (b"\xef\xbb\xbf", "row of headers"), (b",,\n", "row of headers")],
)
def test_an_empty_file_is_told(content: bytes, give: str) -> None:
    (error,) = import_bytes(Kind.BRANCHES, content).errors
    assert error.message.startswith(f"The file is empty. Give a {give} ")


def test_headers_alone_are_told() -> None:
    message = "Below the headers there are no rows. Add a row for each entry."
    assert said(import_lines(Kind.BRANCHES, "external_id,name")) == [(1, "", message)]


def test_a_web_page_with_a_false_name_is_told() -> None:
    result = import_bytes(Kind.BRANCHES, b"<html><table><tr><td>external_id</td></tr></table></html>")

    message = "The file is a web page or XML, whatever its name says. Save it as CSV or as .xlsx."
    assert said(result) == [(1, "", message)]


def test_a_file_that_is_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE", 1024**2)
    file = BytesIO(b"external_id,name\n" + b"B1,Sandton\n" * 200_000)

    result = import_catalogue(Kind.BRANCHES, file, "branches.csv", user=None, now=timezone.now())

    assert said(result) == [(None, "", "The file is larger than 1 MiB. Split it into several files.")]
    assert file.tell() <= 1024**2 + reading.PART


def test_a_file_may_be_just_as_large_as_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"external_id,name,time_zone\nB1,Sandton,Africa/Johannesburg\n"
    monkeypatch.setattr(reading, "LARGEST_FILE", len(content))
    assert import_bytes(Kind.BRANCHES, content).created == 1
    assert import_bytes(Kind.BRANCHES, content + b"\n").errors[0].message.startswith("The file is larger than")


def test_a_file_with_too_many_rows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 2)
    rows = ("B1,Sandton", "B2,Menlyn", "B3,Rosebank")

    message = "The file has more than 2 rows. Split it into several files."
    assert said(import_lines(Kind.BRANCHES, "external_id,name", *rows)) == [(4, "", message)]
    assert import_lines(Kind.BRANCHES, "external_id,name", *rows[:2]).created == 2
