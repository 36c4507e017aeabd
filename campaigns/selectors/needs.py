"""What needs somebody's attention: conditions that the lists' filters and the home page share."""

from datetime import timedelta
from typing import TypeVar

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from campaigns.domain.states import FINAL_PHASES, OPEN_COMMAND_STATES, OrderState, Phase
from campaigns.models import Campaign, Command, Order

RowT = TypeVar("RowT", Order, Campaign)


# What needs somebody's attention, by the word that the lists' filters and the home page use for it.
ORDER_NEEDS: dict[str, tuple[str, Q]] = {
    "settling": ("In doubt: settle", Q(state=OrderState.UNKNOWN.value)),
    "mending": ("Rejected: mend", Q(state=OrderState.REJECTED.value)),
    "approval": ("Waiting for approval", Q(state=OrderState.AWAITING_APPROVAL.value)),
    "patience": (
        "Queued with a problem",
        Q(state=OrderState.QUEUED.value) & (Q(failures__gt=0) | ~Q(problem="")),
    ),
}
CAMPAIGN_NEEDS: dict[str, tuple[str, Q]] = {
    "confirmation": (
        "Command not confirmed",
        Q(pk__in=Command.objects.filter(state__in=sorted(OPEN_COMMAND_STATES)).values("campaign")),
    ),
    # Flow may need a while until it knows a campaign that it has just published.
    "attention": (
        "Problem",
        ~Q(problem="")
        & Q(phase__in=sorted(set(Phase) - FINAL_PHASES))
        & (Q(missing_since__isnull=True) | Q(missing_since__lte=Now() - timedelta(minutes=30))),
    ),
}


# A listing that nobody can buy or rent any more: its page at Flow dies, and money for its campaign is wasted.
LISTING_GONE = Q(active=False) | Q(status__iexact="sold") | Q(status__iexact="withdrawn")


def count_needs(rows: QuerySet[RowT], needs: dict[str, tuple[str, Q]]) -> dict[str, int]:
    """Return how many of the rows have each need."""
    return {name: rows.filter(condition).count() for name, (_, condition) in needs.items()}
