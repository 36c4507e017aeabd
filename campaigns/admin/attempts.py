"""Attempts to publish."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from campaigns.admin import look
from campaigns.admin.base import ReadOnlyAdmin, person
from campaigns.admin.filters import ChoiceFilter
from campaigns.models import Attempt, Order
from campaigns.selectors import attempts_for


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin[Attempt]):
    """Each real POST that may have spent money; written by the workers alone."""

    list_display = ("order", "number", "outcome_badge", "claimed", "sent", "http_status", "said")
    appears = "Each time that a worker sends an order to Flow appears here, with what came back."
    comes_from = Order
    list_filter = (("outcome", ChoiceFilter),)
    list_filter_submit = True
    list_select_related = ("order",)
    ordering = ("-pk",)
    search_fields = ("order__order_ref__begins",)
    search_help_text = "Order ref, from its beginning"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        """Return what this person may see."""
        return attempts_for(person(request)).select_related(*self.list_select_related)

    def told_by(self, row: Any) -> dict[str, str | int]:
        """Return the filter of the history that finds the events of the row."""
        return {"order__id__exact": row.order_id}

    @admin.display(description="outcome")
    def outcome_badge(self, attempt: Attempt) -> SafeString:
        """Return how it ended."""
        return look.badge(attempt.outcome, look.OUTCOMES)

    @admin.display(description="taken by a worker")
    def claimed(self, attempt: Attempt) -> SafeString:
        """Return when a worker took the order."""
        return look.at(attempt.claimed_at)

    @admin.display(description="began to send")
    def sent(self, attempt: Attempt) -> SafeString:
        """Return when the POST began."""
        return look.at(attempt.sent_at)

    @admin.display(description="what came back")
    def said(self, attempt: Attempt) -> SafeString | str:
        """Return what came of it."""
        return look.short(attempt.words)
