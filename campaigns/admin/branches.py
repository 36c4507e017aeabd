"""Branches and agents."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from campaigns.admin.base import branch_name, person
from campaigns.admin.catalogue import CatalogueAdmin
from campaigns.admin.filters import RelatedFilter
from campaigns.models import Agent, Branch
from campaigns.selectors import agents_for, branches_for


@admin.register(Branch)
class BranchAdmin(CatalogueAdmin[Branch]):
    """Offices: their zone, and from which budget on a second person must approve."""

    list_display = ("name", "external_id", "time_zone", "approval_threshold", "active")
    list_filter = ("active",)
    search_fields = ("name", "external_id")
    search_help_text = "Name or external id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Branch]:
        """Return the branches that this person works for."""
        return branches_for(person(request))


@admin.register(Agent)
class AgentAdmin(CatalogueAdmin[Agent]):
    """Agents, each of one branch."""

    list_display = ("name", "external_id", branch_name, "email", "active")
    list_filter = ("active", ("branch", RelatedFilter))
    list_filter_submit = True
    list_select_related = ("branch",)
    autocomplete_fields = ("branch",)
    search_fields = ("name", "external_id", "email")
    search_help_text = "Name, external id or e-mail"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        """Return the agents of the person's branches."""
        return agents_for(person(request))
