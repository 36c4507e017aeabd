"""Campaigns: the list and the page of one campaign."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString

from campaigns.admin import calendar, campaign_page, look, pause_proposals, timeline
from campaigns.admin.actions import buttons, deed_urls
from campaigns.admin.base import branch_name, person
from campaigns.admin.bulk import BulkAdmin
from campaigns.admin.campaign_deeds import CAMPAIGN_DEEDS
from campaigns.admin.export_columns import moment, text, words
from campaigns.admin.filters import CampaignNeeds, ChoiceFilter, RelatedFilter
from campaigns.admin.ids import row_id
from campaigns.admin.why import hindrances
from campaigns.domain.batches import BatchKind
from campaigns.models import Campaign, Order
from campaigns.selectors import campaigns_for, with_open_commands


@admin.register(Campaign)
class CampaignAdmin(BulkAdmin[Campaign]):
    """What Flow says of each tracking id, and when it said so."""

    kind = BatchKind.CAMPAIGN
    appears = (
        "Once Flow has taken an order, its campaigns appear here, with what Flow says of each and when it said so."
    )
    comes_from = Order
    list_display_links = ("tracking_id",)
    list_display = ("tracking_id", "order", branch_name, "phase_badge", "flow_status", "heard", "starts")
    list_filter = (CampaignNeeds, ("phase", ChoiceFilter), ("branch", RelatedFilter))
    list_filter_submit = True
    date_hierarchy = "created_at"
    list_select_related = ("order", "branch")
    has_views = True
    more_columns = ("ends", "told", "created_at")
    plain = {
        "phase_badge": words("phase", "phase"),
        "heard": moment("last heard from Flow", lambda campaign: campaign.checked_at),
        "starts": moment("start", lambda campaign: campaign.starts_at, lambda campaign: campaign.branch.zone),
        "ends": moment("end", lambda campaign: campaign.ends_at, lambda campaign: campaign.branch.zone),
        "told": text("Flow's message", lambda campaign: campaign.message),
    }
    search_fields = ("tracking_id__begins", "order__order_ref__begins")
    search_help_text = "Tracking id or order ref, from its beginning"

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"campaign__id__exact": row.pk}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        """Return the campaigns that this person may see."""
        return with_open_commands(campaigns_for(person(request)))

    def get_urls(self) -> list[URLPattern]:
        """Add the calendar, the proposals to pause, and the deeds."""
        calendar_view = self.admin_site.admin_view(calendar.view)
        return [
            path("calendar/", calendar_view, {"rooms": self}, name="campaigns_campaign_calendar"),
            *pause_proposals.urls(self),
            *deed_urls(self, CAMPAIGN_DEEDS),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *_: Any, **__: Any) -> Any:
        """Show a campaign; whatever is sent here changes nothing."""
        campaign = get_object_or_404(campaign_page.campaigns(person(request)), pk=row_id(object_id))
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            **campaign_page.context(campaign, person(request), timezone.now()),
            "timeline": timeline.context(campaign, person(request), request.GET),
            "opts": self.opts,
            "original": campaign,
            "title": f"Campaign {campaign}",
            "buttons": buttons(person(request), campaign, CAMPAIGN_DEEDS),
            "why_not": hindrances(person(request), campaign, CAMPAIGN_DEEDS),
        }
        return TemplateResponse(request, "admin/campaigns/campaign.html", context)

    @admin.display(description="phase", ordering="phase")
    def phase_badge(self, campaign: Campaign) -> SafeString:
        """Return our reading of Flow's status, and what was asked and is not confirmed."""
        return look.phase(campaign, next(iter(campaign.commands.all()), None))

    @admin.display(description="heard")
    def heard(self, campaign: Campaign) -> SafeString | str:
        """Return how long ago Flow told about it."""
        return look.checked(campaign.checked_at, timezone.now())

    @admin.display(description="start")
    def starts(self, campaign: Campaign) -> SafeString:
        """Return its start on the branch's clock."""
        return look.at(campaign.starts_at, campaign.branch.zone)

    @admin.display(description="end", ordering="ends_at")
    def ends(self, campaign: Campaign) -> SafeString:
        """Return its end on the branch's clock."""
        return look.at(campaign.ends_at, campaign.branch.zone)

    @admin.display(description="Flow's message")
    def told(self, campaign: Campaign) -> SafeString | str:
        """Return what Flow says besides its status."""
        return look.short(campaign.message, 60)
