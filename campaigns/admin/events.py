"""History."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.admin import changes, look
from campaigns.admin.base import ReadOnlyAdmin, person
from campaigns.admin.filters import ChoiceFilter
from campaigns.models import Event, Order
from campaigns.models.choices import label
from campaigns.selectors import events_for

KNOWN = "known_names"


def actor(event: Event) -> SafeString:
    """Return who did it: a person by name, or the scheduler, or Flow."""
    name = event.actor.get_username() if event.actor else label(event.actor_kind)
    return format_html('<span class="whitespace-nowrap">{}{}</span>', look.icon(look.ACTORS[event.actor_kind]), name)


def _name(events: Sequence[Event], user: User) -> None:
    """Keep with each line the names of what edits tell of by its id."""
    known = changes.names(map(changes.edits_of, events), user)
    for event in events:
        setattr(event, KNOWN, known)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    """All that happened, one line a change; nobody can alter it."""

    list_title = "History"
    list_display = ("moment", "who", "about", "told")
    appears = "Each change of your branches' orders, campaigns and catalogue appears here, with who made it and when."
    comes_from = Order
    list_filter = (("actor_kind", ChoiceFilter),)
    list_filter_submit = True
    date_hierarchy = "at"
    list_select_related = ("actor", "order__branch", "order__plan", "campaign")
    search_fields = ("order__order_ref__begins", "campaign__tracking_id__begins", "subject__begins")
    search_help_text = "Order ref, tracking id or subject, from its beginning"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Return what this person may see."""
        return events_for(person(request)).select_related(*self.list_select_related)

    def get_readonly_fields(self, *args: Any) -> list[str]:
        """Return every field, the details in words instead of as they are stored."""
        instead = {"data": "details", "text": "in_full"}
        return [instead.get(name, name) for name in super().get_readonly_fields(*args)]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with the names that its edits tell of: read for all lines of the page at once."""
        changelist = super().get_changelist_instance(request)
        _name(changelist.result_list, person(request))
        return changelist

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Event:
        """Return the line, with the names that it tells of."""
        event: Event = super().get_object(request, *args, **kwargs)
        _name([event], person(request))
        return event

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"order__id__exact": row.order_id} if row.order_id else {"subject__exact": row.subject}

    @admin.display(description="when", ordering="at")
    def moment(self, event: Event) -> SafeString:
        """Return when it happened."""
        return look.at(event.at)

    @admin.display(description="who")
    def who(self, event: Event) -> SafeString:
        """Return who did it."""
        return actor(event)

    @admin.display(description="about")
    def about(self, event: Event) -> object:
        """Return the campaign, order or catalogue row that changed."""
        return event.campaign or event.order or event.subject or look.NOTHING

    @admin.display(description="what")
    def told(self, event: Event) -> SafeString | str:
        """Return what happened."""
        return look.short(changes.told(event, getattr(event, KNOWN, {})))

    @admin.display(description="text")
    def in_full(self, event: Event) -> str:
        """Return what happened, all of it."""
        return changes.told(event, getattr(event, KNOWN, {}))

    @admin.display(description="details")
    def details(self, event: Event) -> SafeString:
        """Return what else is known: of a change the old and the new, of anything else the facts."""
        pairs = changes.details(event)
        return render_to_string("admin/campaigns/pairs.html", {"pairs": pairs}) if pairs else look.NOTHING_IN_CELL
