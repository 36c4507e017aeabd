"""Proposals to pause: which campaigns run for a listing that is gone, and what waits for a decision."""

from collections.abc import Collection, Iterable
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Window

from campaigns.domain.money import CENT
from campaigns.domain.proposals import ProposalState
from campaigns.domain.states import FINAL_PHASES, OPEN_COMMAND_STATES, Action, Phase
from campaigns.models import Command, Listing, OrderListing, PauseProposal
from campaigns.models.listings import GONE
from campaigns.models.proposals import OPEN, OPEN_OR_KEPT, RUNNING
from campaigns.selectors.budgets import Money, add_up
from campaigns.selectors.figures import Figure, amount_of, currency_of
from campaigns.selectors.scope import branches_for, works_everywhere

STOPS = [Action.CANCEL.value, Action.PAUSE.value]
OVER = sorted(phase.value for phase in FINAL_PHASES)


def proposals_for(user: User | AnonymousUser) -> QuerySet[PauseProposal]:
    """Return the open proposals about campaigns that this person may see, the oldest first."""
    return all_proposals_for(user).filter(OPEN)


def all_proposals_for(user: User | AnonymousUser) -> QuerySet[PauseProposal]:
    """Return the proposals about campaigns that this person may see, open or not, the oldest first."""
    if not user.has_perm("campaigns.view_campaign"):
        return PauseProposal.objects.none()
    rows = PauseProposal.objects.order_by("proposed_at", "pk")
    return rows if works_everywhere(user) else rows.filter(branch__in=branches_for(user).values("pk"))


def by_listing(proposals: QuerySet[PauseProposal]) -> QuerySet[PauseProposal]:
    """Return the proposals listing after listing, the one that waits longest first."""
    since = Window(Min("proposed_at"), partition_by=F("listing"))
    return proposals.annotate(since=since).order_by("since", "listing", "proposed_at", "pk")


def at_risk(proposals: QuerySet[PauseProposal]) -> tuple[Figure, dict[int, Figure]]:
    """Return how many campaigns the proposals are about and what their orders cost: of all, and by listing.

    Each order counts once in each figure: Flow does not share it out. Takes one query, of a row a proposal.
    """
    amount, currency = amount_of("campaign__order__"), currency_of("campaign__order__")
    rows = proposals.order_by().values_list("listing", "campaign", "campaign__order", currency, amount)
    of_listings: dict[int, list[tuple[int, int, str, Decimal]]] = {}
    for listing, campaign, order, money_in, cost in rows:
        of_listings.setdefault(listing, []).append((campaign, order, money_in, cost))
    everything = [row for those in of_listings.values() for row in those]
    return _figure(everything), {listing: _figure(those) for listing, those in of_listings.items()}


def at_risk_by_branch(proposals: QuerySet[PauseProposal]) -> dict[tuple[int | None, int | None], Figure]:
    """Return what `at_risk` does, by listing and branch."""
    amount, currency = amount_of("campaign__order__"), currency_of("campaign__order__")
    rows = proposals.order_by().values_list("listing", "branch", "campaign", "campaign__order", currency, amount)
    found: dict[tuple[int | None, int | None], list[tuple[int, int, str, Decimal]]] = {}
    for listing, branch, *row in rows:
        found.setdefault((listing, branch), []).append(tuple(row))
    return {place: _figure(those) for place, those in found.items()}


def _figure(rows: Iterable[tuple[int, int, str, Decimal]]) -> Figure:
    campaigns: set[int] = set()
    orders: dict[int, Money] = {}
    for campaign, order, currency, amount in rows:
        campaigns.add(campaign)
        orders[order] = {currency: amount.quantize(CENT)}
    return Figure(len(campaigns), add_up(orders))


def to_propose(among: Collection[int] | None = None) -> QuerySet[OrderListing, tuple[int, int]]:
    """Return (campaign, listing) ids of what runs for a listing that is gone and of which nobody is told yet.

    Not what somebody decided to keep running while the listing stays as it is, nor what is being paused or cancelled.
    `among` are the ids of the campaigns to look at, all unless given.
    """
    told = PauseProposal.objects.filter(campaign=OuterRef("campaign"), listing=OuterRef("listing"))
    as_it_is = Q(listing_active=OuterRef("listing__active"), listing_status=OuterRef("listing__status"))
    asked = Command.objects.filter(campaign=OuterRef("campaign"), state__in=sorted(OPEN_COMMAND_STATES))
    gone = OrderListing.objects.filter(listing__in=Listing.objects.filter(GONE))
    # Named first, so that each condition means the same campaign.
    running = gone.annotate(campaign=F("order__campaigns"), phase=F("order__campaigns__phase")).filter(RUNNING)
    if among is not None:
        running = running.filter(campaign__in=among)
    known = Exists(told.filter(OPEN | Q(as_it_is, state=ProposalState.KEPT.value)))
    return running.exclude(known | Exists(asked.filter(action__in=STOPS))).values_list("campaign", "listing")


def to_close() -> QuerySet[PauseProposal]:
    """Return what no longer needs anybody: the listing is back, or the campaign runs no more."""
    back = ~Exists(Listing.objects.filter(GONE, pk=OuterRef("listing")))
    paused = Q(OPEN, campaign__phase=Phase.PAUSED.value)
    return PauseProposal.objects.filter(OPEN_OR_KEPT).filter(back | Q(campaign__phase__in=OVER) | paused)
