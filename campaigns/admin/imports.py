"""Import in the admin: upload a file, look at what it would change, confirm exactly that."""

import io
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget

from campaigns.admin import import_tables
from campaigns.admin.base import person
from campaigns.admin.forms import add_refusal
from campaigns.models import ImportFile, Order
from campaigns.services import imports
from campaigns.services.catalogue.findings import Verdict
from campaigns.services.catalogue.reading import LARGEST_FILE
from campaigns.services.errors import NotAllowed, Refused
from campaigns.services.spreadsheets import csv_lines

PER_PAGE = 100
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
GONE = (
    "This file is not kept any more: a day has passed, it was imported, or a newer one took its place. Upload it again."
)


class UploadForm(forms.Form):
    """The file."""

    file = forms.FileField(
        label="CSV or XLSX file",
        allow_empty_file=True,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xlsx"}),
        help_text=f"CSV in UTF-8, or an Excel workbook (.xlsx); at most {LARGEST_FILE // 1024**2} MiB.",
        error_messages={"required": "Choose a file."},
    )


def is_allowed(kind: str, user: User) -> bool:
    """Say whether the user may import this kind."""
    try:
        imports.require_import(kind, user)
    except NotAllowed:
        return False
    return True


def urls(rooms: Any, kind: str) -> list[URLPattern]:
    """Return the addresses of the import of one kind, in the rooms of its list."""
    model = rooms.opts.model_name

    def page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not is_allowed(kind, person(request)):
                raise PermissionDenied
            return view(request, rooms, kind, **kwargs)

        pattern: URLPattern = path(route, rooms.admin_site.admin_view(guarded), name=f"campaigns_{model}_{name}")
        return pattern

    return [
        page("import/", upload, "import"),
        page("import/template/", template, "import_template"),
        page("import/<int:pk>/", preview, "import_preview"),
        page("import/<int:pk>/rejected/", rejected, "import_rejected"),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, rooms: Any, kind: str) -> HttpResponse:
    """Ask for a file, and keep it until its owner has looked at it."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            kept = imports.keep(kind, file, file.name, user=person(request), now=timezone.now())
        except (Refused, ValidationError) as refusal:
            add_refusal(form, refusal)
        else:
            return redirect(f"admin:campaigns_{rooms.opts.model_name}_import_preview", kept.pk)
    context = {
        **_context(request, rooms, f"Import {kind}"),
        "form": form,
        "kind": kind,
        "columns": import_tables.columns(imports.column_help(kind)),
        "template_url": reverse(f"admin:campaigns_{rooms.opts.model_name}_import_template"),
    }
    return TemplateResponse(request, "admin/campaigns/import.html", context)


@require_safe
def template(_request: HttpRequest, _rooms: Any, kind: str) -> FileResponse:
    """Send the workbook to fill in."""
    file = io.BytesIO()
    imports.write_template(kind, file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{kind}-template.xlsx", content_type=XLSX)


@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, rooms: Any, kind: str, pk: int) -> HttpResponse:
    """Show what the file would do with each row; a confirmation does exactly that."""
    file = imports.kept_file(kind, pk, user=person(request), now=timezone.now())
    if file is None:
        return _gone(request, rooms)
    if request.method == "POST":
        return _confirm(request, rooms, file)
    findings = imports.examine(file, user=person(request), now=timezone.now())
    counts = findings.counts
    show = request.GET.get("show", "")
    verdict = Verdict(show) if show in list(Verdict) else None
    rows = [row for row in findings.rows if verdict is None or row.verdict is verdict]
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **_context(request, rooms, f"Import {kind}: {file.name}"),
        "file": file,
        "kind": kind,
        "findings": findings,
        "fingerprint": findings.fingerprint(),
        "wrong": counts[Verdict.WRONG],
        "tabs": import_tables.tabs(counts, verdict),
        "table": import_tables.rows(findings, list(page), person(request)),
        "page": page,
        "upload_url": reverse(f"admin:campaigns_{rooms.opts.model_name}_import"),
        "rejected_url": reverse(f"admin:campaigns_{rooms.opts.model_name}_import_rejected", args=[pk]),
    }
    return TemplateResponse(request, "admin/campaigns/import_preview.html", context)


def _confirm(request: HttpRequest, rooms: Any, file: ImportFile) -> HttpResponse:
    good_only = request.POST.get("good_only") == "1"
    seen, user, now = request.POST.get("fingerprint", ""), person(request), timezone.now()
    try:
        done = imports.confirm(file, seen, good_only=good_only, user=user, now=now)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(request.path)
    rows = "row" if done.left_out == 1 else "rows"
    left_out = f", {done.left_out:,} wrong {rows} left out" if done.left_out else ""
    messages.success(request, f"Imported {file.name}: {done.created:,} new, {done.changed:,} changed{left_out}.")
    page = reverse(f"admin:campaigns_{rooms.opts.model_name}_changelist")
    # Nothing else was created by this person at this very moment.
    new = {"created_by__exact": str(user.pk), "created_at__exact": now.isoformat()}
    return redirect(f"{page}?{urlencode(new)}" if rooms.model is Order and done.created else page)


@require_safe
def rejected(request: HttpRequest, rooms: Any, kind: str, pk: int) -> HttpResponseBase:
    """Send the wrong rows, to be mended and uploaded again."""
    user, now = person(request), timezone.now()
    file = imports.kept_file(kind, pk, user=user, now=now)
    if file is None:
        return _gone(request, rooms)
    lines = csv_lines(imports.rejected_rows(file, imports.examine(file, user=user, now=now)))
    headers = {"Content-Disposition": f'attachment; filename="{kind}-to-mend.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _gone(request: HttpRequest, rooms: Any) -> HttpResponse:
    messages.error(request, GONE)
    return redirect(f"admin:campaigns_{rooms.opts.model_name}_import")


def _context(request: HttpRequest, rooms: Any, title: str) -> dict[str, Any]:
    return {**rooms.admin_site.each_context(request), "opts": rooms.opts, "title": title}
