"""Saved views: what somebody looks for in a list, under a name."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

LISTS = [("order", "Orders"), ("campaign", "Campaigns"), ("listing", "Listings")]


class SavedView(models.Model):
    """Filters, search, columns and order of a list. It holds no rows: whoever opens it sees those that they may see."""

    list_name = models.CharField(max_length=10, choices=LISTS, editable=False)
    name = models.CharField(max_length=80)
    filters = models.JSONField(
        default=list, editable=False, help_text="Filters and search, as pairs of name and value."
    )
    columns = models.JSONField(default=list, editable=False, help_text="Empty: those that the list has.")
    ordering = models.JSONField(default=list, editable=False, help_text="Columns, with a minus where they go down.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    for_all = models.BooleanField(default=False)
    saved_at = models.DateTimeField(editable=False)

    class Meta:
        default_permissions = ()
        ordering = ("name", "pk")
        constraints = [
            models.UniqueConstraint(fields=["owner", "list_name", "name"], name="one_view_per_name"),
            models.CheckConstraint(
                condition=models.Q(group__isnull=True) | models.Q(for_all=False), name="view_for_a_group_or_all"
            ),
        ]

    def __str__(self) -> str:
        return self.name
