"""Deeds for many rows of a list: ticks, a page that tells row by row what will happen, and the start of a batch.

Not Django's nor Unfold's actions: theirs ask nothing about 10,000 rows, or act on a link. Here a GET foresees, a POST with
what was seen starts the batch, and every row comes from what the person may see.
"""

from collections.abc import Callable
from copy import copy
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from campaigns import tasks
from campaigns.admin import bulk_page
from campaigns.admin.base import ReadOnlyAdmin, person
from campaigns.admin.bulk_page import AGAIN_OF, BatchForm
from campaigns.admin.forms import add_refusal
from campaigns.admin.ids import row_id
from campaigns.admin.list_tools import ListTools
from campaigns.admin.listed import TICK, ListOfColumns
from campaigns.domain.batches import MOST_ROWS, BatchKind
from campaigns.models import Batch, Campaign, Order
from campaigns.selectors import batches_for, failed_rows
from campaigns.services import batches
from campaigns.services.batch_deeds import BatchDeed, deed_named, deeds_for
from campaigns.services.errors import Refused

RowT = TypeVar("RowT", Order, Campaign)
TICKED = "ticked"


class UnclearError(Exception):
    """It can't be told what to do to which rows; the message tells the person what is missing."""


class TickingChangeList(ListOfColumns):
    """A list that can be opened with rows ticked already: that is no filter."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(_asking(request, _without(request.GET, TICKED, "deed")), *args, **kwargs)


class BulkAdmin(ListTools, ReadOnlyAdmin[RowT]):
    """A list whose rows people tick, or mean all that match, for a deed that a batch then does."""

    kind: ClassVar[BatchKind]
    list_before_template = "admin/campaigns/bulk_list.html"

    class Media:
        js = ("campaigns/bulk.js",)
        css = {"all": ("campaigns/batches.css",)}

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks."""
        view = require_http_methods(["GET", "HEAD", "POST"])(self.batch_view)
        name = f"campaigns_{self.kind.value}_batch"
        return [path("batch/", self.admin_site.admin_view(view), name=name), *super().get_urls()]

    def get_changelist(self, *_: Any, **__: Any) -> type[TickingChangeList]:
        """Return the list that can have ticks."""
        return TickingChangeList

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """Return the columns, with ticks for those who may do something to many rows."""
        columns: tuple[Any, ...] = tuple(super().get_list_display(request))
        return (_ticks(request.GET.getlist(TICKED)), *columns) if deeds_for(self.kind, person(request)) else columns

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list, with the deeds above it."""
        bulk = {
            "bulk_deeds": deeds_for(self.kind, person(request)),
            "bulk_deed": request.GET.get("deed", ""),
            "bulk_url": reverse(f"admin:campaigns_{self.kind.value}_batch"),
            "bulk_of": _without(request.GET, TICKED, "deed", PAGE_VAR).urlencode(),
        }
        return super().changelist_view(request, {**(extra_context or {}), **bulk})

    def batch_view(self, request: HttpRequest) -> HttpResponse:
        """Tell what a deed would do to each row; started by a POST, do it in the background."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else request.GET
        deed = deed_named(self.kind, data.get("deed", ""))
        if deed and not request.user.has_perm(f"campaigns.{deed.permission}"):
            raise PermissionDenied
        try:
            if deed is None:
                raise UnclearError("Choose what to do with the rows.")
            return self._start(request, deed) if request.method == "POST" else self._ask(request, deed)
        except UnclearError as unclear:
            messages.error(request, f"{unclear} Nothing was done.")
            return redirect(self._list(data))

    def _ask(self, request: HttpRequest, deed: BatchDeed[Any]) -> HttpResponse:
        again_of = self._tried_before(request, deed)
        rows = self._failed(request, again_of) if again_of else self._meant(request)
        foreseen = batches.foresee(deed, rows, user=person(request), now=timezone.now())
        if not foreseen and again_of:
            raise UnclearError(f"None of the rows that failed in {again_of} is there for you.")
        if not foreseen:
            raise UnclearError("Tick the rows that you mean, or choose all that match.")
        reason = again_of.reason if again_of else request.GET.get("reason", "")
        form = BatchForm.of_page(deed, foreseen, request.GET.get("of", ""), reason, again_of)
        return self._page(request, deed, form, foreseen)

    def _start(self, request: HttpRequest, deed: BatchDeed[Any]) -> HttpResponse:
        form, now = BatchForm(deed, request.POST), timezone.now()
        seen = form.seen()
        if not seen:
            raise UnclearError("The page that was sent can't be read. Select the rows again.")
        again_of = self._tried_before(request, deed)
        mine = self._failed(request, again_of) if again_of else self.get_queryset(request)
        rows = mine.filter(pk__in=list(seen))
        status = HTTPStatus.OK
        if form.is_valid():
            values = {"token": form.cleaned_data["token"], "reason": form.cleaned_data.get("reason", "")}
            try:
                batch = batches.start(
                    self.kind, deed, rows, seen, user=person(request), now=now, again_of=again_of, **values
                )
            except (Refused, ValidationError) as refusal:
                add_refusal(form, refusal)
                status = HTTPStatus.CONFLICT
            else:
                tasks.nudge_batch(batch.pk)
                return redirect("admin:campaigns_batch_change", batch.pk)
        foreseen = batches.foresee(deed, rows, user=person(request), now=now, seen=seen)
        if not foreseen:
            raise UnclearError("None of these rows is there for you.")
        return self._page(request, deed, form, foreseen, status)

    def _tried_before(self, request: HttpRequest, deed: BatchDeed[Any]) -> Batch | None:
        """Return the batch whose failed rows are meant, None where others are."""
        data = request.POST if request.method == "POST" else request.GET
        if not data.get(AGAIN_OF):
            return None
        mine = batches_for(person(request)).filter(kind=self.kind.value, deed=deed.name)
        batch = get_object_or_404(mine, pk=row_id(data[AGAIN_OF]))
        if batch.ended_at is None or not batch.failed:
            raise UnclearError(f"{batch} has no failed rows to try again.")
        if request.method != "POST" and hasattr(batch, "again"):
            raise UnclearError(f"The failed rows of {batch} are tried again already, by {batch.again}.")
        return batch

    def _failed(self, request: HttpRequest, batch: Batch) -> QuerySet[Any]:
        return self.get_queryset(request).filter(pk__in=failed_rows(batch))

    def _meant(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that are meant: those ticked, or all that match the list's filters and search."""
        if request.GET.get("which") != "all":
            ids = [number for text in request.GET.getlist("row") if (number := row_id(text)) is not None]
            return self.get_queryset(request).filter(pk__in=ids[:MOST_ROWS])
        try:
            found: Any = self.get_changelist_instance(
                _asking(request, _without(QueryDict(request.GET.get("of", "")), PAGE_VAR))
            )
        except (IncorrectLookupParameters, OverflowError):
            raise UnclearError("The filters of the list can't be understood. Choose them again.") from None
        if found.queryset[: MOST_ROWS + 1].count() > MOST_ROWS:
            raise UnclearError(
                f"{str(found.size).capitalize()} {self.opts.verbose_name_plural} match, and one batch takes at most "
                f"{MOST_ROWS:,}. Narrow the filters or the search, and do it in parts."
            )
        matching: QuerySet[Any] = found.queryset
        return matching

    def _list(self, data: QueryDict) -> str:
        """Return the address of the list with its filters, the deed and the ticks; of the batch whose rows are tried again."""
        if (tried := row_id(data.get(AGAIN_OF, ""))) is not None:
            return reverse("admin:campaigns_batch_change", args=[tried])
        kept = QueryDict(data.get("of", ""), mutable=True)
        kept.setlist(TICKED, data.getlist("row"))
        kept["deed"] = data.get("deed", "")
        return f"{reverse(f'admin:campaigns_{self.kind.value}_changelist')}?{kept.urlencode()}"

    def _page(
        self,
        request: HttpRequest,
        deed: BatchDeed[Any],
        form: BatchForm,
        foreseen: list[batches.Foreseen],
        status: HTTPStatus = HTTPStatus.OK,
    ) -> HttpResponse:
        data = request.POST if request.method == "POST" else request.GET
        context = {
            **self.admin_site.each_context(request),
            **bulk_page.context(self.opts, deed, foreseen, person(request), timezone.now()),
            "opts": self.opts,
            "form": form,
            "list_url": self._list(data),
            "again_of": data.get(AGAIN_OF, ""),
        }
        return TemplateResponse(request, "admin/campaigns/bulk_page.html", context, status=status)


def _without(query: QueryDict, *names: str) -> QueryDict:
    rest = query.copy()
    for name in names:
        rest.pop(name, None)
    return rest


def _asking(request: HttpRequest, query: QueryDict) -> HttpRequest:
    """Return the request as if it had asked with another query."""
    asking = copy(request)
    asking.GET = query  # type: ignore[assignment]  # the stubs know only the immutable one
    return asking


def _ticks(ticked: list[str]) -> Callable[[Any], SafeString]:
    """Return the column of ticks; they belong to the form above the list."""

    @admin.display(description="select")
    def tick(row: Any) -> SafeString:
        return format_html(
            '<input type="checkbox" form="bulk" name="row" value="{}" aria-label="Select {}" class="bulk-tick"{}>',
            row.pk,
            row,
            SafeString(" checked") if str(row.pk) in ticked else "",
        )

    tick.__name__ = TICK
    return tick
