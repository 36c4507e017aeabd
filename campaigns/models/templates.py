"""Templates: what an order asks for, kept under a name to begin new orders from."""

from django.conf import settings
from django.db import models

from campaigns.models.branches import Branch


class OrderTemplate(models.Model):
    """A named content. It names rows of the catalogue by their external ids, so that it holds none of them back."""

    name = models.CharField(max_length=100)
    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="templates", editable=False)
    content = models.JSONField(editable=False, help_text="As services.content.Content tells it, without dates.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("name", "pk")
        constraints = [models.UniqueConstraint(fields=["branch", "name"], name="template_name_once_per_branch")]

    def __str__(self) -> str:
        return self.name
