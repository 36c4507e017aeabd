"""Listings."""

from django.contrib import admin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from campaigns.admin.base import amount_of, branch_name, person
from campaigns.admin.catalogue import CatalogueAdmin
from campaigns.admin.filters import RelatedFilter
from campaigns.models import Listing
from campaigns.selectors import listings_for

PRICE = amount_of("price")


@admin.register(Listing)
class ListingAdmin(CatalogueAdmin[Listing]):
    """Properties that can be advertised."""

    list_display = ("title", "external_id", branch_name, "agent", PRICE, "status", "active")
    amounts = (PRICE,)
    list_filter = ("active", ("branch", RelatedFilter))
    list_filter_submit = True
    import_kind, has_views = "listings", True
    appears = "The properties of your branches appear here; an order advertises one or several of them."
    more_columns = ("address", "url")
    list_select_related = ("branch", "agent")
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    autocomplete_fields = ("branch", "agent")
    search_fields = ("title", "external_id", "address")
    search_help_text = "Words of title, external id or address"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        """Return the listings of the person's branches."""
        return listings_for(person(request))
