"""Events: the history, one line a change, written in the transaction of the change and never altered."""

from django.conf import settings
from django.db import models

from campaigns.domain.states import ActorKind
from campaigns.models.campaigns import Campaign
from campaigns.models.choices import choices
from campaigns.models.orders import Order

GIVES_AN_ID = tuple(f"{noun}.{what}" for noun in ("branch", "agent", "listing") for what in ("created", "renamed"))
"""The kinds of lines with which an entry of the catalogue gets the id that is their subject."""


class Event(models.Model):
    """One line of history. `kind` is a stable word such as order.submitted; `text` is for people; `data` holds details.

    Each line carries the hash of the one before, by id: whoever changes or removes one breaks the chain from there on.
    """

    at = models.DateTimeField(editable=False)
    kind = models.CharField(max_length=50, editable=False)
    text = models.TextField(editable=False)
    data = models.JSONField(default=dict, editable=False)
    actor_kind = models.CharField(max_length=10, choices=choices(ActorKind), editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events", null=True, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="events", null=True, editable=False)
    subject = models.CharField(
        max_length=150, blank=True, editable=False, help_text="Of the catalogue, such as branch:B1."
    )
    previous_sha256 = models.CharField("SHA-256 of the line before", max_length=64, editable=False)

    class Meta:
        ordering = ("-at", "-pk")
        indexes = [
            models.Index(fields=["-at", "-id"], name="event_newest"),
            models.Index(fields=["actor_kind", "-at", "-id"], name="event_actor_newest"),
            models.Index(fields=["subject", "-at"], name="event_subject", condition=~models.Q(subject="")),
            models.Index(
                fields=["subject"],
                name="event_subject_begins",
                opclasses=["varchar_pattern_ops"],
                condition=~models.Q(subject=""),
            ),
            models.Index(fields=["subject", "id"], name="event_gives_id", condition=models.Q(kind__in=GIVES_AN_ID)),
        ]

    def __str__(self) -> str:
        return self.text


class HistoryHead(models.Model):
    """The end of the chain of events: one row, so that a last line that was removed is missed as well."""

    SINGLETON = 1

    event = models.ForeignKey(Event, on_delete=models.DO_NOTHING, related_name="+", null=True, editable=False)
    sha256 = models.CharField("SHA-256 of the last line", max_length=64, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.event_id}: {self.sha256}"
