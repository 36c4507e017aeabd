"""Alerts: what concerns one person, until they have read it; how each person wants to be told."""

from django.conf import settings
from django.db import models

from campaigns.domain.alerts import AlertKind, Channel
from campaigns.models.branches import Branch
from campaigns.models.campaigns import Campaign
from campaigns.models.choices import choices
from campaigns.models.events import Event
from campaigns.models.listings import Listing
from campaigns.models.orders import Order

UNREAD = models.Q(read_at__isnull=True)


class Alert(models.Model):
    """One thing that concerns one person. While it is unread, more of the same raises its count and makes no second one.

    It is about an order, or one campaign of it, or a listing in a branch; then the order is that of the last line.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alerts", editable=False)
    kind = models.CharField(max_length=20, choices=choices(AlertKind), editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="alerts", editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="alerts", null=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="alerts", null=True, editable=False)
    branch = models.ForeignKey(
        Branch, on_delete=models.CASCADE, related_name="+", null=True, editable=False, help_text="With a listing alone."
    )
    event = models.ForeignKey(
        Event, on_delete=models.PROTECT, related_name="+", editable=False, help_text="The last line that it tells of."
    )
    count = models.PositiveIntegerField(default=1, editable=False)
    first_at = models.DateTimeField(editable=False)
    last_at = models.DateTimeField(editable=False)
    read_at = models.DateTimeField(null=True, editable=False)
    channel = models.CharField(max_length=10, choices=choices(Channel), editable=False)
    # When its mail is due; put off while somebody sends it, and after a failure. None: there is none to send.
    mail_at = models.DateTimeField(null=True, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)
    mail_failures = models.PositiveIntegerField("mails that failed in a row", default=0, editable=False)

    class Meta:
        ordering = ("-event_id", "-pk")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "order"],
                condition=UNREAD & models.Q(campaign__isnull=True, listing__isnull=True),
                name="one_unread_alert_per_order",
            ),
            models.UniqueConstraint(
                fields=["user", "kind", "campaign"],
                condition=UNREAD & models.Q(campaign__isnull=False),
                name="one_unread_alert_per_campaign",
            ),
            models.UniqueConstraint(
                fields=["user", "kind", "listing", "branch"],
                condition=UNREAD & models.Q(listing__isnull=False),
                name="one_unread_alert_per_listing",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-event"], name="alert_unread", condition=UNREAD),
            models.Index(fields=["user", "-event"], name="alert_newest"),
            models.Index(fields=["mail_at"], name="alert_mail", condition=models.Q(mail_at__isnull=False)),
            models.Index(fields=["last_at"], name="alert_last"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.order_id} for {self.user_id}"


class AlertChoice(models.Model):
    """How a person wants to be told of a kind of alert."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alert_choices", editable=False
    )
    kind = models.CharField(max_length=20, choices=choices(AlertKind), editable=False)
    channel = models.CharField(max_length=10, choices=choices(Channel), editable=False)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_per_kind_of_alert")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind} {self.channel}"


class AlertCursor(models.Model):
    """The last event that alerts were made of: one row."""

    SINGLETON = 1

    event_id = models.BigIntegerField(default=0, editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.event_id)
