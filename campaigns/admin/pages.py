"""Lists of any length: counted as far as it matters, read from the nearer end, and never sorted without an index."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from campaigns.admin import dates, orderings

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
else:
    from unfold.views import ChangeList

MOST_COUNTED = 10_000


class Counted(Enum):
    """How well the number of rows is known."""

    EXACTLY = "{:,}"
    ABOUT = "about {:,}"
    MORE_THAN = "more than {:,}"


class Size(NamedTuple):
    """How many rows a list has."""

    rows: int
    counted: Counted

    def __str__(self) -> str:
        """Return it in words, such as `about 988,000`."""
        roughly = self.rows - self.rows % (MOST_COUNTED // 10)
        return self.counted.value.format(roughly if self.counted is Counted.ABOUT else self.rows)


class ListPaginator(Paginator):  # type: ignore[type-arg]  # Django's can't be subscripted
    """Pages of a list: exact up to 10,000 rows, estimated for a whole table, and the first 10,000 rows of all others."""

    template_name = "admin/campaigns/pager.html"
    reads_all = False
    """Whether all rows that can be paged through are read at once: where to find them costs more than to read them."""

    @cached_property
    def all_rows(self) -> list[Any]:
        """Return the rows that can be paged through, and one more if there is."""
        return list(self.object_list[: MOST_COUNTED + 1])

    @cached_property
    def size(self) -> Size:
        """Return how many rows there are."""
        few, estimate = self._counted()
        if few <= MOST_COUNTED:
            return Size(few, Counted.EXACTLY)
        return Size(estimate, Counted.ABOUT) if estimate > few else Size(MOST_COUNTED, Counted.MORE_THAN)

    def _counted(self) -> tuple[int, int]:
        """Return the number of rows as far as it is counted, and an estimate of all."""
        if self.reads_all:
            return len(self.all_rows), 0
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin pages querysets alone
        return _whole(rows) if _is_whole(rows) else (rows.order_by()[: MOST_COUNTED + 1].count(), 0)

    @cached_property
    def count(self) -> int:
        """Return how many rows can be paged through."""
        return self.size.rows

    def page(self, number: Any) -> "Page[Any]":
        """Return a page; one of the far half is read from the end."""
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        top = min(bottom + self.per_page, self.count)
        if self.reads_all:
            return Page(self.all_rows[bottom:top], number, self)
        rows: Any = self.object_list
        if bottom > self.count // 2 and self.size.counted is not Counted.MORE_THAN:
            return Page(list(rows.reverse()[self.count - top : self.count - bottom])[::-1], number, self)
        return Page(rows[bottom:top], number, self)


class ChoicePaginator(ListPaginator):
    """Pages of what can be chosen: only whether another one follows is asked, not how many rows there are.

    Like those of a list they end after the first 10,000 rows: the database would read all that are passed over.
    """

    def page(self, number: Any) -> "Page[Any]":
        """Return a page. Raises EmptyPage where there is none."""
        bottom = min((max(1, int(number)) - 1) * self.per_page, MOST_COUNTED)
        rows = list(self.object_list[bottom : min(bottom + self.per_page + 1, MOST_COUNTED)])
        self.count = bottom + len(rows) if rows else 0
        return Page(rows[: self.per_page], self.validate_number(number), self)


class BigList(ChangeList):
    """A list whose page is found by ids alone, and then read by them: no row that is skipped is read or joined."""

    paginator: ListPaginator

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Return the order; rows that are alike follow in the direction of the last column, as they do in its index."""
        *named, last = super().get_ordering(request, queryset)
        ascending = named and isinstance(named[-1], str) and not named[-1].startswith("-")
        return [*named, "pk" if last == "-pk" and ascending else last]

    def get_results(self, request: HttpRequest) -> None:
        """Count the rows; refuse an order that would sort too many of them, and a page that is not there, in words."""
        self.paginator = self._paginator(request)
        if self.paginator.size.counted is not Counted.EXACTLY and ORDER_VAR in self.params:
            self._keep_to_indexes(request)
        self.result_count = self.paginator.count
        self.show_full_result_count, self.full_result_count, self.show_admin_actions = False, None, True
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        last = self.paginator.num_pages
        if not 1 <= self.page_num <= last:
            self.page_num = min(max(self.page_num, 1), last)
            messages.warning(
                request,
                f"There is no such page. The pages of this list are 1 to {last:,}; this is page {self.page_num:,}.",
            )

    @cached_property
    def result_list(self) -> Sequence[Any]:
        """Return the rows of the page."""
        is_one = self.show_all and self.can_show_all
        ids = list(self.paginator.object_list if is_one else self.paginator.page(self.page_num).object_list)
        rows = self.root_queryset
        found = (rows if rows.query.select_related else self.apply_select_related(rows)).in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]

    @property
    def size(self) -> Size:
        """Return how many rows match."""
        return self.paginator.size

    @cached_property
    def dates(self) -> dict[str, Any] | None:
        """Return the years, months or days to choose from, where the list has such a choice."""
        return dates.choices(self, str(self.date_hierarchy)) if self.date_hierarchy else None

    def _paginator(self, request: HttpRequest) -> Any:
        ids = self.queryset.prefetch_related(None).values_list("pk", flat=True)
        found: ListPaginator = self.model_admin.get_paginator(request, ids, self.list_per_page)  # type: ignore[assignment]
        # Not in an order that somebody chose: it is refused where there are too many rows, which must be counted first.
        found.reads_all = ORDER_VAR not in self.params and bool(self.query or "needs" in self.params)
        return found

    def _keep_to_indexes(self, request: HttpRequest) -> None:
        if orderings.has_index(self.model, self.queryset.query.order_by):
            return
        del self.params[ORDER_VAR]
        self.queryset = self.queryset.order_by(*self.get_ordering(request, self.root_queryset))
        size, self.paginator = self.paginator.size, self._paginator(request)
        self.paginator.size = size
        messages.warning(
            request,
            f"A list of more than {MOST_COUNTED:,} rows can't be sorted by this column, and is shown in its own order. "
            "Filter it, and it can.",
        )


def _is_whole(rows: QuerySet[Any]) -> bool:
    return not rows.query.where and not rows.query.distinct


def _whole(rows: QuerySet[Any]) -> tuple[int, int]:
    """Return the number of rows of a table as far as it is counted, and an estimate of all.

    PostgreSQL's is from its last ANALYZE. SQLite has none, but its rows are numbered, and few are ever deleted.
    """
    connection = connections[rows.db]
    table = connection.ops.quote_name(rows.model._meta.db_table)
    if connection.vendor == "postgresql":
        estimate, values = "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table]
    else:
        estimate, values = f"SELECT MAX(id) FROM {table}", []  # noqa: S608 - the name of our table
    few = f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT {MOST_COUNTED + 1}) AS few"  # noqa: S608 - as above
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({few}), ({estimate})", values)
        counted, estimated = cursor.fetchone()
    return counted, estimated or 0
