"""What somebody must see before an order leaves: who wants the same listings, and what was said and changed before."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.domain.states import FINAL_PHASES, OrderState, Phase
from campaigns.models import Campaign, Event, Listing, Order, OrderListing
from campaigns.models.listings import GONE
from campaigns.selectors.people import WROTE
from campaigns.selectors.scope import orders_for

# Drafts and rejected orders advertise nothing: whoever submits them next is warned in turn.
ON_THEIR_WAY = (OrderState.AWAITING_APPROVAL, OrderState.QUEUED, OrderState.PUBLISHING, OrderState.UNKNOWN)


def listings_elsewhere(order: Order, user: User) -> QuerySet[OrderListing]:
    """Return where the order's listings are advertised already, as far as the person may see it.

    That is: in another order on its way to Flow, or in one with a campaign that is not over.
    """
    running = Campaign.objects.filter(order=OuterRef("order"), phase__in=sorted(set(Phase) - FINAL_PHASES))
    on_their_way = Q(order__state__in=[state.value for state in ON_THEIR_WAY])
    others = OrderListing.objects.filter(listing__in=order.listings.values("pk"), order__in=orders_for(user))
    return (
        others.exclude(order=order)
        .filter(on_their_way | Exists(running))
        .select_related("listing", "order")
        .order_by("listing__title", "listing_id", "-order_id")
    )


def advertised_twice(orders: Collection[int], user: User) -> set[int]:
    """Return the ids of those orders with a listing that is advertised elsewhere already, or by another of them.

    Elsewhere is as in `listings_elsewhere`. Takes two queries.
    """
    lines = OrderListing.objects.filter(order__in=orders)
    pairs = list(lines.values_list("order_id", "listing_id"))
    times = Counter(listing for _, listing in pairs)
    running = Campaign.objects.filter(order=OuterRef("order"), phase__in=sorted(set(Phase) - FINAL_PHASES))
    on_their_way = Q(order__state__in=[state.value for state in ON_THEIR_WAY])
    others = OrderListing.objects.filter(listing__in=lines.values("listing"), order__in=orders_for(user))
    taken = set(
        others.exclude(order__in=orders).filter(on_their_way | Exists(running)).values_list("listing", flat=True)
    )
    return {order for order, listing in pairs if times[listing] > 1 or listing in taken}


def with_listings_gone(orders: Collection[int]) -> set[int]:
    """Return the ids of those orders with a listing that nobody can buy or rent any more."""
    gone = Listing.objects.filter(GONE)
    return set(OrderListing.objects.filter(order__in=orders, listing__in=gone).values_list("order", flat=True))


def listings_gone(order: Order) -> QuerySet[Listing]:
    """Return the order's listings that nobody can buy or rent any more though they are active."""
    return order.listings.filter(GONE, active=True).order_by("title", "pk")


def last_dry_run(order: Order) -> Event | None:
    """Return what Flow said last when it was asked to validate the order."""
    return order.events.filter(kind="order.dry_run").order_by("-pk").first()


@dataclass(frozen=True)
class Changes:
    """What became of an order between its previous submission and now."""

    since: Event
    refusal: Event | None
    """Who sent it back since then, with their comment; None where its author took it back."""
    fields: dict[str, tuple[Any, Any]]
    """Old and new by field, as history keeps them."""


def changes_since_submission(order: Order) -> Changes | None:
    """Return what was edited since the order was submitted the time before; None where this is the first time."""
    return changes_of_all([order]).get(order.pk)


def changes_of_all(orders: Iterable[Order]) -> dict[int, Changes]:
    """Return, by the id of those orders that were submitted before, what was edited since. Takes one query."""
    states = {order.pk: order.state for order in orders}
    told = ["order.submitted", "order.edited", "order.not_approved"]
    lines: dict[int, list[Event]] = {pk: [] for pk in states}
    for line in Event.objects.filter(order__in=states, kind__in=told).select_related("actor").order_by("pk"):
        lines[line.order_id or 0].append(line)
    found = {pk: _since_submission(of_order, states[pk]) for pk, of_order in lines.items()}
    return {pk: changes for pk, changes in found.items() if changes}


def _since_submission(lines: list[Event], state: str) -> Changes | None:
    submissions = [index for index, line in enumerate(lines) if line.kind == "order.submitted"]
    before_this_one = submissions if state == OrderState.DRAFT else submissions[:-1]
    if not before_this_one:
        return None
    since = before_this_one[-1]
    after = lines[since + 1 :]
    refusals = [line for line in after if line.kind == "order.not_approved"]
    return Changes(lines[since], refusals[-1] if refusals else None, _sum_up(after))


def _sum_up(lines: list[Event]) -> dict[str, tuple[Any, Any]]:
    """Return the first old and the last new of each field; one that was changed back is left out."""
    found: dict[str, tuple[Any, Any]] = {}
    for line in lines:
        if line.kind == "order.edited":
            for name, (old, new) in line.data.items():
                found[name] = (found[name][0] if name in found else old, new)
    return {name: both for name, both in found.items() if both[0] != both[1]}


def written_by(order: Order) -> list[Event]:
    """Return the lines of history of those who wrote the order, the oldest first."""
    return list(order.events.filter(kind__in=WROTE, actor__isnull=False).select_related("actor").order_by("pk"))
