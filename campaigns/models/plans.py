"""Flow's media packages."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from campaigns.models import validators


def site_currency() -> str:
    """Return the site's currency, which a plan has unless it says otherwise."""
    return settings.CURRENCY


class Plan(models.Model):
    """A media package of Flow: what is bought, for how much and for how long unless the order says otherwise."""

    ref = models.CharField(
        "reference", max_length=100, unique=True, validators=[validators.external_id], help_text="Flow's planRef."
    )
    name = models.CharField(max_length=200, validators=[validators.visible])
    default_budget = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    currency = models.CharField(max_length=3, default=site_currency, validators=[validators.currency])
    duration_days = models.PositiveIntegerField(
        "duration (days)", validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    objective = models.CharField(max_length=200, blank=True, validators=[validators.visible])
    channels = models.CharField(
        max_length=200, blank=True, validators=[validators.visible], help_text="Such as Facebook, Instagram."
    )
    max_listings = models.PositiveIntegerField(
        "most listings",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="In one order; empty: no limit.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return f"{self.name} ({self.ref})"
