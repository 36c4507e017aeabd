"""Plans."""

from django.contrib import admin

from campaigns.admin.catalogue import CatalogueAdmin
from campaigns.domain.money import format_money
from campaigns.models import Plan


@admin.register(Plan)
class PlanAdmin(CatalogueAdmin[Plan]):
    """Flow's media packages."""

    list_display = ("name", "ref", "budget", "duration_days", "max_listings", "active")
    list_filter = ("active",)
    search_fields = ("name", "ref")
    search_help_text = "Name or reference"

    @admin.display(description="default budget", ordering="default_budget")
    def budget(self, plan: Plan) -> str:
        """Return the default budget with its currency."""
        return format_money(plan.default_budget, plan.currency)
