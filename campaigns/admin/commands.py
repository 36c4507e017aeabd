"""Commands: pauses, resumes and cancellations."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from campaigns.admin import look
from campaigns.admin.base import ReadOnlyAdmin, person
from campaigns.admin.export_columns import moment, text, words
from campaigns.admin.filters import ChoiceFilter
from campaigns.admin.list_tools import ListTools
from campaigns.models import Campaign, Command
from campaigns.selectors import commands_for


@admin.register(Command)
class CommandAdmin(ListTools, ReadOnlyAdmin[Command]):
    """What was asked of campaigns, by whom and why, and whether Flow's own status confirmed it."""

    list_display = ("campaign", "action", "state_badge", "asked_by", "asked", "sends", "why", "said")
    appears = (
        "Each pause, resume and cancellation that somebody asks for appears here, until long after Flow confirmed it."
    )
    comes_from = Campaign
    list_filter = (("state", ChoiceFilter), ("action", ChoiceFilter))
    list_filter_submit = True
    list_select_related = ("campaign", "asked_by")
    ordering = ("-pk",)
    plain = {
        "state_badge": words("state", "state"),
        "asked": moment("asked", lambda command: command.asked_at),
        "why": text("reason", lambda command: command.reason),
        "said": text("in words", lambda command: command.words),
    }
    search_fields = ("campaign__tracking_id__begins",)
    search_help_text = "Tracking id, from its beginning"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Command]:
        """Return what this person may see."""
        return commands_for(person(request)).select_related(*self.list_select_related)

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"campaign__id__exact": row.campaign_id}

    @admin.display(description="state")
    def state_badge(self, command: Command) -> SafeString:
        """Return how far it has come."""
        return look.badge(command.state, look.COMMANDS)

    @admin.display(description="asked")
    def asked(self, command: Command) -> SafeString:
        """Return when it was asked."""
        return look.at(command.asked_at)

    @admin.display(description="reason")
    def why(self, command: Command) -> SafeString | str:
        """Return the reason."""
        return look.short(command.reason, 50)

    @admin.display(description="in words")
    def said(self, command: Command) -> SafeString | str:
        """Return what became of it."""
        return look.short(command.words, 50)
