"""What needs somebody's attention: conditions that the lists' filters and the home page share.

They depend on who asks and when, so each is made anew for every request.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q

from campaigns.domain.states import ACTION_FITS, OPEN_COMMAND_STATES, Action, OrderState
from campaigns.models import Campaign, Command, Listing, OrderListing, PauseProposal
from campaigns.models.campaigns import NOT_OVER
from campaigns.models.listings import GONE
from campaigns.models.proposals import OPEN as OPEN_PROPOSALS
from campaigns.selectors.budgets import nearly_spent
from campaigns.selectors.due import OVERDUE_AFTER, is_due
from campaigns.selectors.people import waits_for
from campaigns.selectors.scope import branches_for

STARTS_SOON = timedelta(hours=24)
ENDS_SOON = timedelta(days=3)
# Flow may need a while until it knows a campaign that it has just published.
FLOW_LAGS = timedelta(minutes=30)

# Money may go out, and a pause would stop it.
RUNNING = sorted(ACTION_FITS[Action.PAUSE])


class Need(NamedTuple):
    """A need in words, and which rows have it: among those that the person sees anyway, at that moment."""

    title: str
    rows: Callable[[User | AnonymousUser, datetime], Q]


def _always(condition: Q) -> Callable[[User | AnonymousUser, datetime], Q]:
    return lambda _user, _now: condition


def _starts_soon(now: datetime) -> Q:
    """Return the orders that can't be published any more, or soon can't, for want of an approval."""
    return Q(state=OrderState.AWAITING_APPROVAL.value, start_at__lte=now + STARTS_SOON)


def _has_a_problem(now: datetime) -> Q:
    known = Q(missing_since__isnull=True) | Q(missing_since__lte=now - FLOW_LAGS)
    return ~Q(problem="") & Q(phase__in=NOT_OVER) & known


def _listing_is_gone() -> Q:
    """Return the running campaigns of which a listing is gone.

    Both ends are named, the running campaigns' orders and the listings that are gone: the database begins with the fewer.
    """
    running = Campaign.objects.filter(phase__in=RUNNING).order_by()
    gone = Listing.objects.filter(GONE).order_by()
    wasted = OrderListing.objects.filter(order__in=running.values("order"), listing__in=gone.values("pk"))
    return Q(phase__in=RUNNING, order__in=wasted.values("order"))


def _nearly_spent(user: User | AnonymousUser, now: datetime) -> Q:
    """Return the branches whose budget is nearly committed; none for those who may not see what orders cost."""
    may_see = user.has_perm("campaigns.view_order")
    return Q(pk__in=nearly_spent(branches_for(user), now) if may_see else [])


# By the word that the lists' filters and the home page use.
ORDER_NEEDS: dict[str, Need] = {
    "settling": Need("In doubt: settle", _always(Q(state=OrderState.UNKNOWN.value))),
    "mending": Need("Rejected: mend", _always(Q(state=OrderState.REJECTED.value))),
    "approval": Need("Waiting for approval", _always(Q(state=OrderState.AWAITING_APPROVAL.value))),
    "my_approval": Need("Waiting for my approval", lambda user, _now: waits_for(user)),
    "hurry": Need("Not approved, starts within 24 hours", lambda _user, now: _starts_soon(now)),
    "overdue": Need("Queued and overdue", lambda _user, now: is_due(now, OVERDUE_AFTER)),
    "patience": Need(
        "Queued with a problem",
        _always(Q(state=OrderState.QUEUED.value) & (Q(failures__gt=0) | ~Q(problem=""))),
    ),
}
CAMPAIGN_NEEDS: dict[str, Need] = {
    "confirmation": Need(
        "Command not confirmed",
        _always(Q(pk__in=Command.objects.filter(state__in=sorted(OPEN_COMMAND_STATES)).values("campaign"))),
    ),
    "attention": Need("Problem", lambda _user, now: _has_a_problem(now)),
    "gone": Need("Runs for a listing that is gone", _always(_listing_is_gone())),
    "pause_proposed": Need(
        "Pause proposed", _always(Q(pk__in=PauseProposal.objects.filter(OPEN_PROPOSALS).values("campaign")))
    ),
    "ending": Need(
        "Ends within 3 days",
        lambda _user, now: Q(phase__in=NOT_OVER, ends_at__gt=now, ends_at__lte=now + ENDS_SOON),
    ),
}
BRANCH_NEEDS: dict[str, Need] = {"budget": Need("Budget of the month over 80 % committed", _nearly_spent)}
