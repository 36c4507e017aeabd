"""Attempts: each real POST that may have spent money."""

from datetime import datetime

from django.db import models

from campaigns.domain.states import Outcome
from campaigns.models.choices import choices
from campaigns.models.orders import Order


class Attempt(models.Model):
    """One claim of an order by one worker, and at most one POST. `sent_at` is committed before the first byte leaves."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="attempts", editable=False)
    number = models.PositiveIntegerField(editable=False)
    order_version = models.PositiveIntegerField(editable=False)
    payload_sha256 = models.CharField("SHA-256 of the payload", max_length=64, editable=False)
    worker = models.CharField(max_length=200, editable=False)
    claimed_at = models.DateTimeField(editable=False)
    lease_until = models.DateTimeField(editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    outcome = models.CharField(
        max_length=10, choices=choices(Outcome), default=Outcome.OPEN.value, blank=True, editable=False
    )
    http_status = models.PositiveIntegerField("HTTP status", null=True, editable=False)
    words = models.TextField(blank=True, editable=False)
    excerpt = models.TextField("Flow's answer", blank=True, editable=False)

    class Meta:
        ordering = ("order", "number")
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(outcome=Outcome.OPEN.value), name="one_open_attempt_per_order"
            ),
            models.UniqueConstraint(
                fields=["order"],
                condition=models.Q(outcome=Outcome.PUBLISHED.value),
                name="one_published_attempt_per_order",
            ),
        ]
        indexes = [
            models.Index(fields=["outcome", "-id"], name="attempt_outcome_newest"),
            models.Index(fields=["lease_until"], name="attempt_lease", condition=models.Q(outcome=Outcome.OPEN.value)),
        ]

    def __str__(self) -> str:
        return f"{self.order} · attempt {self.number}"

    @property
    def ended_at(self) -> datetime:
        """Return when it ended, as far as it is known: for an outcome in doubt, when the doubt began."""
        return self.finished_at or self.sent_at or self.claimed_at
