"""Saved views of the lists."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from campaigns.models import SavedView


def views_for(user: User, list_name: str) -> QuerySet[SavedView]:
    """Return the views of a list that this person may open: their own, their groups', and those for all."""
    shared = Q(for_all=True) | Q(group__in=user.groups.values("pk"))
    return SavedView.objects.filter(Q(owner=user) | shared, list_name=list_name).select_related("group", "owner")
