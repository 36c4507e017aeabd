"""Who may do what."""

from collections.abc import Collection

from django.contrib.auth.models import AnonymousUser, Group, User
from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.domain.states import OrderState
from campaigns.models import Event, Order
from campaigns.selectors.scope import orders_for

WROTE = ("order.created", "order.edited")


def writers(order: Order) -> set[int]:
    """Return the ids of all who created, edited or submitted the order: none of them may approve it."""
    wrote = Event.objects.filter(order=order, kind__in=WROTE, actor__isnull=False)
    submitted = {order.submitted_by_id} if order.submitted_by_id else set()
    return {order.created_by_id, *submitted, *wrote.values_list("actor_id", flat=True)}


def authors(order: Order) -> set[int]:
    """Return the ids of all who created or edited the order, or ever submitted it."""
    did = Event.objects.filter(order=order, kind__in=(*WROTE, "order.submitted"), actor__isnull=False)
    return {order.created_by_id, *did.values_list("actor_id", flat=True)}


def approvals_for(user: User | AnonymousUser) -> QuerySet[Order]:
    """Return the orders that wait for an approval which this person may give."""
    return orders_for(user).filter(waits_for(user))


def waits_for(user: User | AnonymousUser) -> Q:
    """Return the condition of an order that this person may approve: they have the right, and wrote none of it.

    That they work for its branch is left to whoever asks (see scope.py).
    """
    if not user.has_perm("campaigns.approve_order"):
        return Q(pk__in=[])
    wrote = Event.objects.filter(order=OuterRef("pk"), kind__in=WROTE, actor=user.pk)
    by_others = ~Q(created_by=user.pk) & ~Q(submitted_by=user.pk) & Q(~Exists(wrote))
    return Q(state=OrderState.AWAITING_APPROVAL.value) & by_others


def people_who_may(permission: str, branch_id: int) -> QuerySet[User]:
    """Return the active staff of the branch with the permission, such as `approve_order`; superusers are among them."""
    everywhere = _with("every_branch").values("pk")
    of_branch = Q(branches=branch_id) | Q(pk__in=everywhere)
    return _with(permission).filter(of_branch, is_staff=True).order_by("username").distinct()


def roles_that_may(permissions: Collection[str]) -> QuerySet[Group]:
    """Return the groups with any of the permissions, such as `approve_order`, the oldest first."""
    having = Group.objects.filter(
        permissions__content_type__app_label="campaigns", permissions__codename__in=permissions
    )
    return having.order_by("pk").distinct()


def _with(permission: str) -> QuerySet[User]:
    return User.objects.with_perm(f"campaigns.{permission}", backend="django.contrib.auth.backends.ModelBackend")
