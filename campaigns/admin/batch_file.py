"""The result of a batch as a file for spreadsheets."""

import csv
from collections.abc import Iterable

from django.http import HttpResponse

from campaigns.admin.bulk_page import row_state
from campaigns.models import Batch, BatchRow
from campaigns.models.choices import label

HEADERS = ["row", "branch", "result", "reason", "in words", "amount", "currency", "state now", "done at"]
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(batch: Batch, rows: Iterable[BatchRow]) -> HttpResponse:
    """Return the rows of a batch as a CSV file; times are in UTC."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="batch-{batch.pk}.csv"'
    writer = csv.writer(answer)
    writer.writerow(HEADERS)
    writer.writerows([inert(cell) for cell in _cells(row)] for row in rows)
    return answer


def inert(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _cells(row: BatchRow) -> list[str]:
    return [
        str(row.subject),
        row.subject.branch.name,
        label(row.state),
        row.why,
        row.words,
        f"{row.amount:.2f}",
        row.currency,
        label(row_state(row.subject)),
        row.done_at.isoformat(timespec="seconds") if row.done_at else "",
    ]
