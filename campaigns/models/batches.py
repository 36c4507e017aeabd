"""Batches: one deed that a person asked of many rows at once, and what became of each row."""

from django.conf import settings
from django.db import models

from campaigns.domain.batches import BatchKind, RowState
from campaigns.models.campaigns import Campaign
from campaigns.models.choices import choices
from campaigns.models.orders import Order


class Batch(models.Model):
    """One deed for many orders, or for many campaigns. The database is the truth; whoever holds the lease works on it."""

    # Of the page that asked: sent twice, it makes one batch.
    token = models.CharField(max_length=32, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=choices(BatchKind), editable=False)
    deed = models.CharField(max_length=20, editable=False)
    reason = models.TextField(blank=True, editable=False)
    total = models.PositiveIntegerField("rows", editable=False)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    started_at = models.DateTimeField(editable=False)
    again_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="again", null=True, editable=False, verbose_name="tries again"
    )
    lease_until = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    # Counted when it ended.
    done = models.PositiveIntegerField(default=0, editable=False)
    skipped = models.PositiveIntegerField(default=0, editable=False)
    failed = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name_plural = "batches"
        default_permissions = ()  # who may see the rows may see their own batches; who may do the deed may start one
        ordering = ("-started_at", "-pk")
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="batch_newest"),
            models.Index(fields=["started_by", "-started_at", "-id"], name="batch_person_newest"),
            models.Index(fields=["started_at"], name="batch_open", condition=models.Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}"


class BatchRow(models.Model):
    """One row of a batch, as it was when the person looked: a row that has changed since is skipped."""

    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="rows", editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="+", null=True, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+", null=True, editable=False)
    version = models.PositiveIntegerField(editable=False)
    amount = models.DecimalField(max_digits=12, decimal_places=2, editable=False)
    currency = models.CharField(max_length=3, editable=False)
    state = models.CharField(max_length=10, choices=choices(RowState), default=RowState.WAITING.value, editable=False)
    why = models.CharField(max_length=100, blank=True, editable=False, help_text="The reason in short, to count by.")
    words = models.TextField(blank=True, editable=False)
    done_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        default_permissions = ()
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(fields=["batch", "order"], name="order_once_per_batch"),
            models.UniqueConstraint(fields=["batch", "campaign"], name="campaign_once_per_batch"),
            models.CheckConstraint(
                condition=models.Q(order__isnull=True) ^ models.Q(campaign__isnull=True),
                name="batch_row_is_an_order_or_a_campaign",
            ),
        ]
        indexes = [models.Index(fields=["batch", "state", "id"], name="batch_row_state")]

    def __str__(self) -> str:
        return str(self.subject)

    @property
    def subject_id(self) -> int:
        """Return the id of what the deed is done to."""
        return self.order_id or self.campaign_id or 0

    @property
    def subject(self) -> Order | Campaign:
        """Return what the deed is done to."""
        subject = self.order or self.campaign
        if subject is None:
            raise ValueError("A row of a batch is an order or a campaign.")
        return subject
