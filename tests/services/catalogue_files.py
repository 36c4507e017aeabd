"""Files of the catalogue, as people's programs write them."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from openpyxl import Workbook

from campaigns.services.catalogue import ImportResult, Kind, import_catalogue

NOW = datetime(2025, 6, 1, 9, tzinfo=UTC)


def import_bytes(kind: Kind, content: bytes, *, user: User | None = None, dry_run: bool = False) -> ImportResult:
    """Import a file with this content."""
    return import_catalogue(kind, io.BytesIO(content), "from-portal.csv", user=user, dry_run=dry_run, now=NOW)


def import_lines(kind: Kind, *lines: str, user: User | None = None, dry_run: bool = False) -> ImportResult:
    """Import a CSV file of these lines."""
    return import_bytes(kind, "\n".join(lines).encode() + b"\n", user=user, dry_run=dry_run)


def workbook(rows: Sequence[Sequence[Any]], touch: Callable[[Workbook], object] | None = None) -> bytes:
    """Return an XLSX file of these rows; `touch` may change the workbook before it is saved."""
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    if touch:
        touch(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def said(result: ImportResult) -> list[tuple[int | None, str, str]]:
    """Return (line, column, message) of each error."""
    return [(error.line, error.column, error.message) for error in result.errors]
