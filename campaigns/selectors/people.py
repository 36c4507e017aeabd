"""Who may do what."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from campaigns.models import Event, Order

# The kinds of the lines that tell who wrote an order.
WROTE = ("order.created", "order.edited")


def writers(order: Order) -> set[int]:
    """Return the ids of all who created, edited or submitted the order: none of them may approve it."""
    wrote = Event.objects.filter(order=order, kind__in=WROTE, actor__isnull=False)
    submitted = {order.submitted_by_id} if order.submitted_by_id else set()
    return {order.created_by_id, *submitted, *wrote.values_list("actor_id", flat=True)}


def people_who_may(permission: str, branch_id: int) -> QuerySet[User]:
    """Return the active staff of the branch with the permission, such as `approve_order`; superusers are among them."""
    everywhere = _with("every_branch").values("pk")
    of_branch = Q(branches=branch_id) | Q(pk__in=everywhere)
    return _with(permission).filter(of_branch, is_staff=True).order_by("username").distinct()


def _with(permission: str) -> QuerySet[User]:
    return User.objects.with_perm(f"campaigns.{permission}", backend="django.contrib.auth.backends.ModelBackend")
