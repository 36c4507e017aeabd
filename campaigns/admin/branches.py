"""Branches and agents."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import look
from campaigns.admin.base import amount_of, branch_name, person
from campaigns.admin.catalogue import CatalogueAdmin
from campaigns.admin.export_columns import Column
from campaigns.admin.filters import BranchNeeds, RelatedFilter
from campaigns.domain.money import format_money
from campaigns.models import Agent, Branch
from campaigns.selectors import agents_for, branches_for, committed

AMOUNTS = (amount_of("approval_threshold"), amount_of("monthly_budget"))
MONTHS = {"committed this month": selectors.this_month, "committed next month": selectors.next_month}
"""What a branch has committed, as a file's columns are called, each with its month."""


def _committed(branch: Branch, name: str) -> str:
    money = vars(branch).get(name)
    if money is None:  # a row of a file, which is no page of the list
        money = committed(Branch.objects.filter(pk=branch.pk), MONTHS[name](timezone.now())).get(branch.pk, {})
    amounts = [format_money(amount, currency) for currency, amount in sorted(money.items())]
    return " and ".join(amounts) or look.NOTHING


def _column(name: str) -> Column:
    return Column(name, lambda branch: _committed(branch, name))


@admin.register(Branch)
class BranchAdmin(CatalogueAdmin[Branch]):
    """Offices: their zone, and from which budget on a second person must approve."""

    import_kind = "branches"
    appears = (
        "The offices that you work for appear here, each with its time zone, its budget and its threshold for approval."
    )
    list_display = ("name", "external_id", "time_zone", *AMOUNTS, "committed", "active")
    plain = {"committed": tuple(_column(name) for name in MONTHS)}
    amounts = AMOUNTS
    list_filter = (BranchNeeds, "active")
    search_fields = ("name", "external_id")
    search_help_text = "Words of name or external id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Branch]:
        """Return the branches that this person works for."""
        return branches_for(person(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave out what orders cost for those who may not see orders."""
        columns = super().get_list_display(request)
        may_see = request.user.has_perm("campaigns.view_order")
        return [column for column in columns if may_see or column != "committed"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, each branch of the page with what it has committed: read for all of them at once."""
        changelist = super().get_changelist_instance(request)
        if "committed" in changelist.list_display:
            page = Branch.objects.filter(pk__in=[branch.pk for branch in changelist.result_list])
            for name, month_of in MONTHS.items():
                money = committed(page, month_of(timezone.now()))
                for branch in changelist.result_list:
                    vars(branch)[name] = money.get(branch.pk, {})
        return changelist

    @admin.display(description="committed")
    def committed(self, branch: Branch) -> SafeString:
        """Return what the branch's orders of this month and of the next one cost, in each currency."""
        now = timezone.now()
        lines = [(f"{month_of(now):%b %Y}", _committed(branch, name)) for name, month_of in MONTHS.items()]
        return format_html_join(SafeString("<br>"), "{}: {}", lines)


@admin.register(Agent)
class AgentAdmin(CatalogueAdmin[Agent]):
    """Agents, each of one branch."""

    list_display = ("name", "external_id", branch_name, "email", "active")
    list_filter = ("active", ("branch", RelatedFilter))
    list_filter_submit = True
    import_kind = "agents"
    appears = "The agents of your branches appear here; an order may name one of them."
    list_select_related = ("branch",)
    autocomplete_fields = ("branch",)
    search_fields = ("name", "external_id", "email")
    search_help_text = "Words of name, external id or e-mail"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Return the agents of the person's branches."""
        return agents_for(person(request))
