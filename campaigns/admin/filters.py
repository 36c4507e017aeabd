"""Filters of the lists, in Unfold's clothes."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from campaigns import selectors
from campaigns.admin import charts
from campaigns.admin.ids import row_id
from campaigns.domain.times import monday_of, week_from
from campaigns.selectors import BRANCH_NEEDS, CAMPAIGN_NEEDS, ORDER_NEEDS, Need

if TYPE_CHECKING:
    from django.contrib.admin import ChoicesFieldListFilter as ChoiceFilter
    from django.contrib.admin import RelatedFieldListFilter as RelatedFilter
    from django.contrib.admin import SimpleListFilter as SimpleFilter
else:
    from unfold.contrib.filters.admin import AutocompleteSelectFilter
    from unfold.contrib.filters.admin import ChoicesDropdownFilter as ChoiceFilter
    from unfold.contrib.filters.admin import DropdownFilter as SimpleFilter

    class RelatedFilter(AutocompleteSelectFilter):
        """A row, chosen by typing; what can't be one is not looked for, and one that the person may not see is not named."""

        def value(self) -> str | None:
            """Return the row's id."""
            value = super().value()
            return None if row_id(value) is None else value

        def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
            """Return the field, which names what is chosen only where the person may see it."""
            rooms = admin.site.get_model_admin(self.field.remote_field.model)
            for choice in super().choices(changelist):
                choice["form"].fields[self.lookup_kwarg].queryset = rooms.get_queryset(self.request)
                yield choice


__all__ = ["BranchNeeds", "CampaignNeeds", "ChoiceFilter", "CommittedWeek", "OrderNeeds", "RelatedFilter"]


class NeedsFilter(SimpleFilter):
    """What needs somebody: the same words, and the same rows, as on the home page."""

    title = "attention needed"
    parameter_name = "needs"
    needs: dict[str, Need] = {}

    def lookups(self, *_: Any) -> Sequence[tuple[str, str]]:
        """Return the words."""
        return [(name, need.title) for name, need in self.needs.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """Return the rows that need it."""
        need = self.needs.get(self.value() or "")
        return queryset.filter(need.rows(request.user, timezone.now())) if need else queryset


class OrderNeeds(NeedsFilter):
    """Orders that need somebody."""

    needs = ORDER_NEEDS


class CampaignNeeds(NeedsFilter):
    """Campaigns that need somebody."""

    needs = CAMPAIGN_NEEDS


class BranchNeeds(NeedsFilter):
    """Branches that need somebody."""

    needs = BRANCH_NEEDS


class CommittedWeek(SimpleFilter):
    """Orders whose money counts for a week: the same rows as in the chart of the home page."""

    title = "week committed"
    parameter_name = "week"

    def lookups(self, *_: Any) -> Sequence[tuple[str, str]]:
        """Return the weeks of the chart."""
        return [(day.isoformat(), f"{day:%-d %b %Y}") for day in charts.mondays(timezone.now())]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the orders of the week, which may be any; nonsense is refused, for a list must not grow by it."""
        if not self.value():
            return queryset
        try:
            monday = monday_of(date.fromisoformat(self.value() or ""))
            first, after = week_from(monday, ZoneInfo(settings.TIME_ZONE))
        except (ValueError, OverflowError):
            raise IncorrectLookupParameters from None
        return selectors.committed_between(queryset, first, after)
