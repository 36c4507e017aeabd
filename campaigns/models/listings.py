"""Properties that are advertised."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from campaigns.models import validators
from campaigns.models.branches import Agent, Branch

# A listing that nobody can buy or rent any more: its page at Flow dies, and money for its campaign is wasted.
GONE = models.Q(active=False) | models.Q(status__iexact="sold") | models.Q(status__iexact="withdrawn")


class Listing(models.Model):
    """A property for sale or rent; its price is in the site's currency."""

    external_id = models.CharField(
        "external id",
        max_length=100,
        unique=True,
        validators=[validators.external_id],
        help_text="Flow's id of the listing.",
    )
    branch = models.ForeignKey(Branch, on_delete=models.PROTECT, related_name="listings")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="listings", null=True, blank=True)
    title = models.CharField(max_length=200, validators=[validators.visible])
    address = models.CharField(max_length=300, blank=True, validators=[validators.visible])
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    url = models.URLField("address of the page", max_length=500, validators=[validators.visible])
    image_url = models.URLField("address of the picture", max_length=500, blank=True, validators=[validators.visible])
    status = models.CharField(
        max_length=50,
        blank=True,
        validators=[validators.visible],
        help_text="As the portal calls it, such as for sale or sold.",
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("title", "pk")
        indexes = [
            models.Index(fields=["title", "id"], name="listing_title"),
            models.Index(fields=["branch", "title", "id"], name="listing_branch_title"),
            models.Index(fields=["active", "title", "id"], name="listing_active_title"),
            models.Index(fields=["id"], name="listing_gone", condition=GONE),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.external_id})"

    def clean(self) -> None:
        """Refuse an agent of another branch."""
        if self.agent and self.branch_id and self.agent.branch_id != self.branch_id:
            raise ValidationError(
                {"agent": "This agent works at another branch. Choose an agent of the listing's branch."}
            )
