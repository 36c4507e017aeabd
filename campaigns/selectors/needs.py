"""What needs somebody's attention: conditions that the lists' filters and the home page share.

They depend on who asks and when, so each is made anew for every request.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, OuterRef, Q

from campaigns.domain.late_answers import IDS_OF_OTHERS, OTHER_IDS
from campaigns.domain.states import ACTION_FITS, OPEN_COMMAND_STATES, Action, OrderState
from campaigns.models import Campaign, Command, Listing, Order, OrderListing, PauseProposal
from campaigns.models.campaigns import NOT_OVER
from campaigns.models.listings import GONE
from campaigns.models.orders import NOT_APPROVED
from campaigns.models.proposals import OPEN as OPEN_PROPOSALS
from campaigns.selectors.budgets import nearly_spent, next_month, this_month
from campaigns.selectors.due import OVERDUE_AFTER, is_due
from campaigns.selectors.indexed import one_of, word_by_word
from campaigns.selectors.people import waits_for
from campaigns.selectors.scope import branches_for

STARTS_SOON = timedelta(hours=24)
ENDS_SOON = timedelta(days=3)
# Flow may need a while until it knows a campaign that it has just published.
FLOW_LAGS = timedelta(minutes=30)

# Money may go out, and a pause would stop it.
RUNNING = sorted(ACTION_FITS[Action.PAUSE])
# What the console took for not published, as far as an order is there without a queue of its own.
NOT_TAKEN = [state.value for state in (OrderState.DRAFT, OrderState.REJECTED, OrderState.CANCELLED)]


IS_OPEN = one_of("phase", NOT_OVER)
HAS_PROBLEM = word_by_word("problem", "NOT (%(expressions)s = '')")


class Need(NamedTuple):
    """A need in words, and which rows have it: among those that the person sees anyway, at that moment."""

    title: str
    rows: Callable[[User | AnonymousUser, datetime], Q]


def _always(condition: Q) -> Callable[[User | AnonymousUser, datetime], Q]:
    return lambda _user, _now: condition


def _starts_soon(now: datetime) -> Q:
    """Return the orders that can't be published any more, or soon can't, for want of an approval."""
    return Q(state=OrderState.AWAITING_APPROVAL.value, start_at__lte=now + STARTS_SOON)


def _live_by_mistake() -> Q:
    """Return the orders that run at Flow although they are not published here, and those that run there twice."""
    running = Campaign.objects.filter(order=OuterRef("pk"), phase__in=NOT_OVER).order_by()
    twice = running.values("order").annotate(attempts=Count("attempt", distinct=True)).filter(attempts__gt=1)
    taken = OrderState.PUBLISHED.value
    known = Order.objects.filter(HAS_PROBLEM, state__in=[*NOT_TAKEN, taken]).order_by()
    ended = Q(state=OrderState.CANCELLED.value)
    mistaken = known.filter(
        Q(state__in=NOT_TAKEN) & Exists(running)
        | Q(problem__endswith=IDS_OF_OTHERS) & ~ended
        | Q(state=taken) & Exists(twice)
        | Q(state=taken, problem__endswith=OTHER_IDS) & Exists(running)
    )
    # Found by their ids, or a database may begin with the campaigns, which are many.
    return Q(pk__in=mistaken.values("pk"))


def _has_a_problem(now: datetime) -> Q:
    known = Q(missing_since__isnull=True) | Q(missing_since__lte=now - FLOW_LAGS)
    # SQLite would rather read all campaigns of these phases than the few that have a problem.
    some = Campaign.objects.filter(HAS_PROBLEM).order_by().values("pk")
    return Q(pk__in=some) & Q(phase__in=NOT_OVER) & known


def _listing_is_gone() -> Q:
    """Return the running campaigns of which a listing is gone.

    Both ends are named, the running campaigns' orders and the listings that are gone: the database begins with the fewer.
    """
    running = Campaign.objects.filter(IS_OPEN, phase__in=RUNNING).order_by()
    gone = Listing.objects.filter(GONE).order_by()
    wasted = OrderListing.objects.filter(order__in=running.values("order"), listing__in=gone.values("pk"))
    return Q(phase__in=RUNNING, order__in=wasted.values("order"))


def _nearly_spent(month_of: Callable[[datetime], date]) -> Callable[[User | AnonymousUser, datetime], Q]:
    """Return what finds the branches whose budget of the month is nearly committed, for those who may see what orders cost."""

    def rows(user: User | AnonymousUser, now: datetime) -> Q:
        may_see = user.has_perm("campaigns.view_order")
        return Q(pk__in=list(nearly_spent(branches_for(user), month_of(now))) if may_see else [])

    return rows


# By the word that the lists' filters and the home page use.
ORDER_NEEDS: dict[str, Need] = {
    "settling": Need("In doubt: settle", _always(Q(state=OrderState.UNKNOWN.value))),
    "mending": Need("Rejected: mend or cancel", _always(Q(state=OrderState.REJECTED.value) | NOT_APPROVED)),
    "by_mistake": Need("Live at Flow by mistake, or twice", lambda _user, _now: _live_by_mistake()),
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
    "gone": Need("Runs for a listing that is gone", lambda _user, _now: _listing_is_gone()),
    "pause_proposed": Need(
        "Pause proposed", _always(Q(pk__in=PauseProposal.objects.filter(OPEN_PROPOSALS).values("campaign")))
    ),
    "ending": Need(
        "Ends within 3 days",
        lambda _user, now: Q(phase__in=NOT_OVER, ends_at__gt=now, ends_at__lte=now + ENDS_SOON),
    ),
}
BRANCH_NEEDS: dict[str, Need] = {
    "budget": Need("Budget of this month over 80 % committed", _nearly_spent(this_month)),
    "next_budget": Need("Budget of next month over 80 % committed", _nearly_spent(next_month)),
}
