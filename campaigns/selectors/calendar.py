"""The campaigns of some weeks, and which of them run for the same listing at the same time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from campaigns.domain.calendar import Run, Weeks, end_of, overlaps
from campaigns.domain.states import FINAL_PHASES
from campaigns.models import Campaign, OrderListing

# A campaign without a start begins when Flow took it.
START = Coalesce("starts_at", "created_at")
# More pairs of campaign and listing than this are not read for one page.
MOST = 5_000

Pair = tuple[int, int | None]
"""The ids of a campaign and of the listing that a line is about; None: all listings of its order."""


@dataclass(frozen=True)
class Line:
    """A line of the calendar: a campaign, when it runs, and the titles of the listings that the line is about, by id."""

    campaign: Campaign
    run: Run
    listings: dict[int, str]


@dataclass(frozen=True)
class Meetings:
    """What runs at the same time: by listing and campaign the runs of others, and the ref of every order."""

    runs: dict[int, dict[int, list[Run]]]
    order_refs: dict[int, str]
    complete: bool

    def of(self, line: Line) -> dict[int, list[Run]]:
        """Return, by listing, what runs at the same time as the line's campaign."""
        met = {listing: self.runs.get(listing, {}).get(line.campaign.pk, []) for listing in line.listings}
        return {listing: runs for listing, runs in met.items() if runs}


def campaigns_in(campaigns: QuerySet[Campaign], weeks: Weeks) -> QuerySet[Campaign]:
    """Return those of the campaigns that run in one of the weeks. One that was over before it began never ran."""
    over = Q(phase__in=sorted(FINAL_PHASES), changed_at__isnull=False)
    begun = Q(starts_at__lt=weeks.after) | Q(starts_at__isnull=True, created_at__lt=weeks.after)
    lasts = Q(ends_at__gt=weeks.start) | Q(ends_at__isnull=True)
    ended_before = Q(changed_at__lte=weeks.start) | Q(changed_at__lte=START.copy())
    return campaigns.filter(begun, lasts).exclude(over & ended_before)


def pairs_by_branch(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign, Pair]:
    """Return a pair for each campaign, branch after branch, in the order of their starts."""
    none = Value(None, output_field=BigIntegerField())
    return campaigns.order_by("branch__name", "branch", START.copy(), "pk").values_list("pk", none)


def pairs_by_listing(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign, Pair]:
    """Return a pair for each campaign and listing of its order, listing after listing, in the order of their starts."""
    listing = "order__orderlisting__listing"
    of_listings = campaigns.filter(**{f"{listing}__isnull": False})
    return of_listings.order_by(f"{listing}__title", listing, START.copy(), "pk").values_list("pk", F(listing))


def lines(pairs: Sequence[Pair]) -> list[Line]:
    """Return the lines of the pairs; takes two queries."""
    campaigns = Campaign.objects.select_related("order", "branch").in_bulk([pk for pk, _ in pairs])
    of_orders: dict[int, dict[int, str]] = {}
    listings = _listings_of(campaign.order_id for campaign in campaigns.values()).order_by("order", "pk")
    for order, pk, title in listings.values_list("order", "listing", "listing__title")[:MOST]:
        of_orders.setdefault(order, {})[pk] = title
    return [_line(campaigns[pk], listing, of_orders) for pk, listing in pairs]


def meetings(campaigns: QuerySet[Campaign], shown: Iterable[Line]) -> Meetings:
    """Return which of the campaigns run at the same time as the lines' for the same listing; takes one query.

    It is complete unless there are more than `MOST` campaigns of these listings.
    """
    listings = _listings_of(line.campaign.order_id for line in shown).values("listing")
    rows = list(
        campaigns.filter(order__orderlisting__listing__in=listings)
        .order_by("pk")
        .values_list(
            *("pk", "order", "order__orderlisting__listing", "order__order_ref"),
            *("phase", "starts_at", "created_at", "ends_at", "changed_at"),
        )[: MOST + 1]
    )
    runs: dict[int, list[Run]] = {}
    for pk, order, listing, _, phase, starts_at, created_at, ends_at, changed_at in rows[:MOST]:
        run = Run(pk, order, starts_at or created_at, end_of(phase, ends_at, changed_at))
        runs.setdefault(listing, []).append(run)
    return Meetings(
        {listing: overlaps(of_listing) for listing, of_listing in runs.items()},
        {order: order_ref for _, order, _, order_ref, *_ in rows},
        complete=len(rows) <= MOST,
    )


def _listings_of(orders: Iterable[int]) -> QuerySet[OrderListing]:
    return OrderListing.objects.filter(order__in=set(orders))


def _line(campaign: Campaign, listing: int | None, of_orders: dict[int, dict[int, str]]) -> Line:
    end = end_of(campaign.phase, campaign.ends_at, campaign.changed_at)
    run = Run(campaign.pk, campaign.order_id, campaign.starts_at or campaign.created_at, end)
    listings = of_orders.get(campaign.order_id, {})
    return Line(campaign, run, listings if listing is None else {listing: listings.get(listing, f"listing {listing}")})
