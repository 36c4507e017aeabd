"""Plans."""

from django.contrib import admin

from campaigns.admin.base import amount_of
from campaigns.admin.catalogue import CatalogueAdmin
from campaigns.admin.export_columns import money
from campaigns.domain.money import format_money
from campaigns.models import Plan


@admin.register(Plan)
class PlanAdmin(CatalogueAdmin[Plan]):
    """Flow's media packages."""

    list_display = ("name", "ref", "budget", "duration_days", "max_listings", "active")
    amounts = (amount_of("default_budget", lambda plan: plan.currency),)
    list_filter = ("active",)
    import_kind = "plans"
    appears = "Flow's media packages appear here, each with its default budget and its days; an order buys one of them."
    plain = {"budget": money("default budget", lambda plan: plan.default_budget, lambda plan: plan.currency)}
    search_fields = ("name", "ref")
    search_help_text = "Words of name or reference"

    @admin.display(description="default budget", ordering="default_budget")
    def budget(self, plan: Plan) -> str:
        """Return the default budget with its currency."""
        return format_money(plan.default_budget, plan.currency)
