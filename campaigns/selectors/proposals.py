"""Proposals to pause: which campaigns run for a listing that is gone, and what waits for a decision."""

from collections.abc import Collection

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from campaigns.domain.proposals import ProposalState
from campaigns.domain.states import FINAL_PHASES, OPEN_COMMAND_STATES, Action, Phase
from campaigns.models import Command, Listing, OrderListing, PauseProposal
from campaigns.models.listings import GONE
from campaigns.models.proposals import OPEN, OPEN_OR_KEPT, RUNNING
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
