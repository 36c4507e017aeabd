"""Batches: a person's own, the page of one with its progress and its result, and the result as a file."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from campaigns import selectors
from campaigns.admin import batch_file, look
from campaigns.admin.base import ReadOnlyAdmin, person
from campaigns.admin.bulk_page import AGAIN_OF, row_badge, row_link
from campaigns.admin.ids import row_id
from campaigns.domain.batches import BatchKind, RowState
from campaigns.domain.money import format_money
from campaigns.models import Batch, Campaign, Order
from campaigns.selectors import batches_for
from campaigns.services.batch_deeds import deed_named

PER_PAGE = 100


def deed_label(batch: Batch) -> str:
    """Return what the batch does, such as `Publish orders`."""
    deed = deed_named(BatchKind(batch.kind), batch.deed)
    return f"{deed.label if deed else batch.deed} {batch.kind}s"


def again_url(batch: Batch) -> str:
    """Return the address of the page that tells what trying the failed rows again would do."""
    query = urlencode({"deed": batch.deed, AGAIN_OF: str(batch.pk)})
    return f"{reverse(f'admin:campaigns_{batch.kind}_batch')}?{query}"


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin[Batch]):
    """What people asked of many rows at once. They see their own; those who work for every branch see all."""

    list_display = ("what", "how_many", "state_badge", "counts", "started_by", "started", "why")
    appears = "What you do to many orders or campaigns at once appears here, with its progress and its result."
    comes_from = Order
    list_select_related = ("started_by",)

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"subject__exact": f"batch:{row.pk}"}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        """Return the batches that this person may see."""
        return batches_for(person(request)).select_related(*self.list_select_related)

    def has_view_permission(self, request: HttpRequest, *_: Any, **__: Any) -> bool:
        """Return whether this person may see orders or campaigns, of which batches are made."""
        return any(request.user.has_perm(f"campaigns.view_{kind.value}") for kind in BatchKind)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return the same for the application's own list of its rooms."""
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the progress and the file."""
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/progress/", view(require_safe(self.progress_view)), name="campaigns_batch_progress"),
            path("<int:pk>/csv/", view(require_safe(self.csv_view)), name="campaigns_batch_csv"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show the batches under the name that the menu has for them."""
        everywhere = selectors.works_everywhere(person(request))
        return super().changelist_view(request, {"title": "Batches" if everywhere else "My batches"}, *args, **kwargs)

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> Any:
        """Show how far a batch has come and what became of its rows; whatever is sent here changes nothing."""
        if not self.has_view_permission(request) or request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        batch = get_object_or_404(self.get_queryset(request).select_related("again_of", "again"), pk=row_id(object_id))
        user, counts = person(request), selectors.batch_counts(batch)
        rows = selectors.batch_rows(batch, user)
        state = request.GET.get("state", "")
        chosen = rows.filter(state=state) if state in set(RowState) else rows
        if batch.kind == BatchKind.CAMPAIGN:
            chosen = chosen.prefetch_related(Prefetch("campaign__commands", selectors.open_commands()))
        page = Paginator(chosen, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": batch,
            "title": f"{deed_label(batch)} · {batch}",
            "what": deed_label(batch),
            "batch": batch,
            "badge": _badge(batch),
            "facts": _facts(batch),
            "finished": batch.total - counts[RowState.WAITING],
            "words": _words(batch, counts),
            "counts": _links(counts, state),
            "reasons": _reasons(rows) if batch.ended_at else [],
            "page": page,
            "table": _table(page, user),
            "hidden": rows.count() < batch.total,
            "again": getattr(batch, "again", None),
            "again_url": again_url(batch) if self._may_try_again(request, batch) else "",
            "may_export": user.has_perm("campaigns.export_lists"),
        }
        return TemplateResponse(request, "admin/campaigns/batch.html", context)

    def progress_view(self, request: HttpRequest, pk: int) -> JsonResponse:
        """Return how far a batch has come, for the script of its page."""
        batch = self._batch(request, pk)
        counts = selectors.batch_counts(batch)
        finished = batch.total - counts[RowState.WAITING]
        return JsonResponse({"finished": finished, "words": _words(batch, counts), "ended": batch.ended_at is not None})

    def csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return what became of each row, as a file."""
        batch = self._batch(request, pk)
        if not request.user.has_perm("campaigns.export_lists"):
            raise PermissionDenied
        return batch_file.csv_of(batch, selectors.batch_rows(batch, person(request)))

    def _batch(self, request: HttpRequest, pk: int) -> Batch:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=pk)

    def _may_try_again(self, request: HttpRequest, batch: Batch) -> bool:
        deed = deed_named(BatchKind(batch.kind), batch.deed)
        untried = batch.failed > 0 and not hasattr(batch, "again")
        return deed is not None and untried and request.user.has_perm(f"campaigns.{deed.permission}")

    @admin.display(description="what")
    def what(self, batch: Batch) -> str:
        """Return what it does."""
        return deed_label(batch)

    @admin.display(description="rows", ordering="total")
    def how_many(self, batch: Batch) -> str:
        """Return how many rows it has."""
        return f"{batch.total:,}"

    @admin.display(description="state")
    def state_badge(self, batch: Batch) -> SafeString:
        """Return whether it runs."""
        return _badge(batch)

    @admin.display(description="result")
    def counts(self, batch: Batch) -> str:
        """Return what became of its rows, once it has ended."""
        return f"{batch.done:,} done, {batch.skipped:,} skipped, {batch.failed:,} failed" if batch.ended_at else "–"

    @admin.display(description="started", ordering="started_at")
    def started(self, batch: Batch) -> SafeString:
        """Return when it was asked for."""
        return look.at(batch.started_at)

    @admin.display(description="reason")
    def why(self, batch: Batch) -> SafeString | str:
        """Return the reason."""
        return look.short(batch.reason, 50)


def _badge(batch: Batch) -> SafeString:
    if batch.ended_at is None:
        return look.badge("running", look.BATCHES)
    return look.badge("ended_with_failures" if batch.failed else "ended", look.BATCHES)


def _facts(batch: Batch) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("Started", f"{look.when(batch.started_at)}, by {batch.started_by.get_username()}"),
        ("Ended", look.when(batch.ended_at)),
    ]
    return [*facts, ("Reason", batch.reason)] if batch.reason else facts


def _words(batch: Batch, counts: dict[RowState, int]) -> str:
    """Return how far it has come, for people who see or hear it."""
    done, skipped, failed = (counts[state] for state in (RowState.DONE, RowState.SKIPPED, RowState.FAILED))
    told = f"{done:,} done, {skipped:,} skipped, {failed:,} failed"
    if batch.ended_at:
        return f"Ended: {told}."
    return f"{batch.total - counts[RowState.WAITING]:,} of {batch.total:,} rows: {told}."


def _links(counts: dict[RowState, int], chosen: str) -> list[dict[str, Any]]:
    """Return the choice of rows by state, each with its number."""
    every = {"state": "", "text": f"All {sum(counts.values()):,}", "here": chosen not in set(RowState)}
    some = [
        {"state": state.value, "text": f"{state.value.capitalize()} {count:,}", "here": chosen == state}
        for state, count in counts.items()
        if count
    ]
    return [every, *some]


def _reasons(rows: Any) -> list[tuple[SafeString, str, str]]:
    return [
        (look.badge(state, look.BATCH_ROWS), why, f"{count:,}") for state, why, count in selectors.batch_reasons(rows)
    ]


def _now(subject: Order | Campaign) -> SafeString:
    """Return where the row stands by now: of a campaign also what was asked of it, which the batch itself may have done."""
    if isinstance(subject, Campaign):
        return look.phase(subject, next(iter(subject.commands.all()), None))
    return row_badge(subject)


def _table(page: Any, user: Any) -> dict[str, list[Any]]:
    rows = [
        [
            row_link(row.subject, user),
            row.subject.branch.name,
            look.badge(row.state, look.BATCH_ROWS),
            format_money(row.amount, row.currency),
            _now(row.subject),
            look.short(row.words, 300),
        ]
        for row in page
    ]
    return {"headers": ["Row", "Branch", "Result", "Amount", "Now", "In words"], "rows": rows}
