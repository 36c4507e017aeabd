"""The result of a batch as a file for spreadsheets."""

from collections.abc import Iterable
from datetime import UTC

from django.http import HttpResponse

from campaigns.admin.bulk_page import row_state
from campaigns.models import Batch, BatchRow
from campaigns.models.choices import label
from campaigns.services.spreadsheets import Value, csv_lines

HEADERS = ["row", "branch", "result", "reason", "in words", "amount", "currency", "state now", "done at"]


def csv_of(batch: Batch, rows: Iterable[BatchRow]) -> HttpResponse:
    """Return the rows of a batch as a CSV file; times are in UTC."""
    lines = csv_lines([HEADERS, *map(_cells, rows)])
    headers = {"Content-Disposition": f'attachment; filename="batch-{batch.pk}.csv"'}
    return HttpResponse(b"".join(lines), content_type="text/csv; charset=utf-8", headers=headers)


def _cells(row: BatchRow) -> list[Value]:
    return [
        str(row.subject),
        row.subject.branch.name,
        label(row.state),
        row.why,
        row.words,
        row.amount,
        row.currency,
        label(row_state(row.subject)),
        row.done_at.astimezone(UTC).replace(microsecond=0) if row.done_at else "",
    ]
