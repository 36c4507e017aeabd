"""Branches of the agency group, and the agents who work there."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models

from campaigns.models import validators


def site_time_zone() -> str:
    """Return the site's time zone, which a branch has unless it says otherwise."""
    return settings.TIME_ZONE


class Branch(models.Model):
    """An office that advertises; its dates are in its own zone, its amounts in the site's currency."""

    external_id = models.CharField(
        "external id",
        max_length=100,
        unique=True,
        validators=[validators.external_id],
        help_text="Flow's id of the branch.",
    )
    name = models.CharField(max_length=200, validators=[validators.visible])
    time_zone = models.CharField(
        max_length=64,
        default=site_time_zone,
        validators=[validators.time_zone],
        help_text="IANA name, such as Africa/Johannesburg. Dates of this branch's orders are entered and shown in it.",
    )
    monthly_budget = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    approval_threshold = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="An order of this budget or more needs a second person. Empty: the site's threshold counts.",
    )
    active = models.BooleanField(default=True)
    staff = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        related_name="branches",
        blank=True,
        editable=False,
        help_text="Who works for this branch: they see its rows, as far as their permissions go.",
    )

    class Meta:
        verbose_name_plural = "branches"
        ordering = ("name", "pk")
        permissions = [("every_branch", "Can work for every branch")]

    def __str__(self) -> str:
        return f"{self.name} ({self.external_id})"

    @property
    def zone(self) -> ZoneInfo:
        """Return the branch's time zone."""
        return ZoneInfo(self.time_zone)


class Agent(models.Model):
    """Somebody who is responsible for listings of one branch."""

    external_id = models.CharField(
        "external id",
        max_length=100,
        unique=True,
        validators=[validators.external_id],
        help_text="Flow's id of the agent.",
    )
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="agents")
    name = models.CharField(max_length=200, validators=[validators.visible])
    email = models.EmailField(validators=[validators.visible])
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name", "pk")
        indexes = [
            models.Index(fields=["name", "id"], name="agent_name"),
            models.Index(fields=["branch", "name", "id"], name="agent_branch_name"),
            models.Index(fields=["active", "name", "id"], name="agent_active_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.external_id})"
