"""Orders that were made from others, and what decides what may be copied."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet

from campaigns.domain.states import OPEN_COMMAND_STATES, Action
from campaigns.models import Command, Listing, Order, OrderTemplate
from campaigns.models.listings import GONE
from campaigns.selectors.scope import branches_for, orders_for, works_everywhere


def gone_listings(listings: Iterable[Listing]) -> set[int]:
    """Return the ids of those that nobody can buy or rent any more."""
    wanted = [listing.pk for listing in listings]
    return set(Listing.objects.filter(GONE, pk__in=wanted).values_list("pk", flat=True))


def reading_gone_listings() -> "Prefetch[str]":
    """Return how to read along with orders which of their listings nobody can buy or rent any more: into `gone`."""
    return Prefetch("listings", Listing.objects.filter(GONE).only("pk"), to_attr="gone")


def being_cancelled(order: Order, most_sends: int) -> set[int]:
    """Return the ids of the order's campaigns that are asked to be cancelled, and are still being asked."""
    open_states = sorted(OPEN_COMMAND_STATES)
    asked = Command.objects.filter(campaign__order=order, action=Action.CANCEL.value, state__in=open_states)
    return set(asked.filter(sends__lt=most_sends).values_list("campaign", flat=True))


def source_of(order: Order, user: User) -> Order | None:
    """Return the order that this one was made from, if there is one and the person may see it."""
    return orders_for(user).filter(pk=order.copied_from_id).first() if order.copied_from_id else None


def copies_of(order: Order, user: User) -> QuerySet[Order]:
    """Return the orders that were made from this one and that the person may see, the oldest first."""
    return orders_for(user).filter(copied_from=order).order_by("pk")


def templates_for(user: User) -> QuerySet[OrderTemplate]:
    """Return the templates of the person's branches; none for people who may not build orders."""
    if not user.has_perm("campaigns.add_order"):
        return OrderTemplate.objects.none()
    rows = OrderTemplate.objects.select_related("branch", "owner")
    return rows if works_everywhere(user) else rows.filter(branch__in=branches_for(user).values("pk"))
