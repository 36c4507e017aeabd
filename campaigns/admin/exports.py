"""Export a list as a file: its rows, columns and order as they are shown, each within what the user may see."""

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from campaigns.admin.base import person
from campaigns.admin.export_columns import Column, columns_of
from campaigns.admin.listed import TICK, WRONG, listed, name_of
from campaigns.services.errors import NotAllowed, Refused
from campaigns.services.exporting import note_export
from campaigns.services.spreadsheets import Value, csv_lines, write_xlsx

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = ("csv", "xlsx")
CHUNK = 1000
SPOOLED = 5 * 1024 * 1024
LONGEST_QUERY = 4000


@require_POST
def view(request: HttpRequest, rooms: Any) -> HttpResponseBase:
    """Send the list as a file, and note who took it."""
    user, now = person(request), timezone.now()
    file_format, asked = request.POST.get("format", ""), request.POST.get("query", "")[:LONGEST_QUERY]
    if file_format not in FORMATS or not rooms.has_view_permission(request):
        raise PermissionDenied
    page = f"admin:{rooms.opts.app_label}_{rooms.opts.model_name}_changelist"
    try:
        found = listed(rooms, request, asked)
    except WRONG:
        messages.error(
            request, "The filters of this list can't be used. Nothing was exported. Clear them, and filter again."
        )
        return redirect(page)
    columns = [
        column
        for entry in found.list_display
        if name_of(entry) != TICK
        for column in columns_of(rooms, entry, rooms.plain)
    ]
    name, titles = str(rooms.opts.verbose_name_plural), [column.title for column in columns]
    try:
        note_export(name, file_format, filters=asked, columns=titles, rows=found.queryset.count(), user=user, now=now)
    except NotAllowed as error:
        raise PermissionDenied from error
    except Refused as error:
        messages.error(request, str(error))
        return redirect(page)
    return _answer(name, file_format, _table(columns, found.queryset), now)


def _table(columns: Sequence[Column], rows: QuerySet[Any]) -> Iterator[list[Value]]:
    """Yield the titles, then a row at a time: the list may be longer than the memory."""
    yield [column.title for column in columns]
    for row in rows.iterator(chunk_size=CHUNK):
        yield [column.value(row) for column in columns]


def _answer(name: str, file_format: str, table: Iterator[list[Value]], now: datetime) -> HttpResponseBase:
    filename = f"{name}-{timezone.localtime(now):%Y-%m-%d-%H%M}.{file_format}"
    if file_format == "csv":
        headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
        return StreamingHttpResponse(csv_lines(table), content_type="text/csv; charset=utf-8", headers=headers)
    file = tempfile.SpooledTemporaryFile(SPOOLED)  # noqa: SIM115 - the response closes it
    write_xlsx([(name.capitalize(), table)], file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=filename, content_type=XLSX)
