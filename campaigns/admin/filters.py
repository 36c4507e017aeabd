"""Filters of the lists, in Unfold's clothes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from campaigns.admin.ids import row_id
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


__all__ = ["BranchNeeds", "CampaignNeeds", "ChoiceFilter", "OrderNeeds", "RelatedFilter"]


class NeedsFilter(SimpleFilter):
    """What needs somebody: the same words, and the same rows, as on the home page."""

    title = "what is needed"
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
