"""Alerts: whose they are, how many and how much money, and whom an event concerns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from campaigns.domain.alerts import CONCERNS, GOOD_NEWS, STUCK_AFTER, AlertKind, Channel
from campaigns.domain.money import CENT
from campaigns.domain.states import OrderState
from campaigns.models import Alert, AlertChoice, Event, Order, PauseProposal
from campaigns.models.proposals import OPEN as OPEN_PROPOSALS
from campaigns.selectors.budgets import Money
from campaigns.selectors.figures import Figure, amount_of, currency_of
from campaigns.selectors.people import people_who_may
from campaigns.selectors.proposals import at_risk_by_branch
from campaigns.selectors.scope import branches_for, works_everywhere

MOST_STUCK = 100  # at a time
QUEUED_BY = ("order.submitted", "order.approved", "order.settled")


def alerts_for(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return the person's alerts, as far as they may still see what these are about."""
    seen = Q(pk__in=[])
    if user.has_perm("campaigns.view_order"):
        seen |= Q(campaign__isnull=True, listing__isnull=True)
    if user.has_perm("campaigns.view_campaign"):
        seen |= Q(campaign__isnull=False) | Q(listing__isnull=False)
    mine = Alert.objects.filter(seen, user=user.pk)
    return mine if works_everywhere(user) else mine.filter(order__branch__in=branches_for(user).values("pk"))


def unread_alerts(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return what `alerts_for` does, without those that were read."""
    return alerts_for(user).filter(read_at__isnull=True)


def pressing_alerts(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return those of `unread_alerts` that ask for somebody: what went well does not."""
    return unread_alerts(user).exclude(kind__in=GOOD_NEWS)


def good_news(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return those of `unread_alerts` that tell of what went well."""
    return unread_alerts(user).filter(kind__in=GOOD_NEWS)


@dataclass
class AlertTotal:
    """What alerts of a kind tell of together; rehearsals have a total of their own."""

    kind: AlertKind
    rehearsal: bool
    orders: int = 0
    listings: int = 0
    campaigns: int = 0
    """Of the listings."""
    money: Money = field(default_factory=dict)
    branches: dict[str, int] = field(default_factory=dict)
    """How many of the orders (or of the listings' campaigns) are each branch's."""

    def add(self, branch: str, number: int, money: Money) -> None:
        """Count what is a branch's."""
        self.branches[branch] = self.branches.get(branch, 0) + number
        for currency, amount in money.items():
            self.money[currency] = self.money.get(currency, Decimal(0)) + amount.quantize(CENT)


def alert_totals(alerts: QuerySet[Alert]) -> list[AlertTotal]:
    """Return how many orders and how much money the alerts are, by kind; each order counts once in a kind."""
    found: dict[tuple[AlertKind, bool], AlertTotal] = {}

    def total(kind: str, *, rehearsal: bool) -> AlertTotal:
        key = (AlertKind(kind), rehearsal)
        return found.setdefault(key, AlertTotal(*key))

    of_orders = alerts.filter(listing__isnull=True).order_by()
    columns = ("order", "order__rehearsal", "order__branch__name", currency_of("order__"), amount_of("order__"))
    for kind, _, rehearsal, branch, currency, amount in of_orders.values_list("kind", *columns).distinct():
        each = total(kind, rehearsal=rehearsal)
        each.orders += 1
        each.add(branch, 1, {currency: amount})

    of_listings = list(alerts.filter(listing__isnull=False).order_by().select_related("order__branch"))
    figures = pauses_told_of(of_listings)
    for alert in of_listings:
        each, figure = total(alert.kind, rehearsal=alert.order.rehearsal), figures[alert.pk]
        each.listings += 1
        each.campaigns += figure.number
        each.add(alert.order.branch.name, figure.number, figure.money)
    kinds = list(AlertKind)
    return [found[key] for key in sorted(found, key=lambda key: (kinds.index(key[0]), key[1]))]


def pauses_told_of(alerts: Iterable[Alert]) -> dict[int, Figure]:
    """Return, by the ids of those alerts that are about a listing, what may be paused for it in the branch now."""
    about = {alert.pk: (alert.listing_id, alert.branch_id) for alert in alerts if alert.listing_id}
    if not about:
        return {}
    listings, branches = zip(*about.values(), strict=True)
    figures = at_risk_by_branch(
        PauseProposal.objects.filter(OPEN_PROPOSALS, listing__in=set(listings), branch__in=set(branches))
    )
    return {pk: figures.get(place, Figure(0, {})) for pk, place in about.items()}


def concerned(kind: AlertKind, branch_id: int, *, of_campaign: bool) -> dict[int, Channel]:
    """Return the ids of those of the branch whose role fits and who see what it is about, with how each is told of it."""
    seen = people_who_may("view_campaign" if of_campaign else "view_order", branch_id).values("pk")
    people = people_who_may(CONCERNS[kind].permission, branch_id).filter(pk__in=seen)
    chosen = dict(AlertChoice.objects.filter(kind=kind.value).values_list("user_id", "channel"))
    return {pk: Channel(chosen.get(pk, CONCERNS[kind].channel)) for pk in people.values_list("pk", flat=True)}


def alert_channels(user: User) -> dict[AlertKind, Channel]:
    """Return how the person is told of each kind of alert."""
    chosen = dict(AlertChoice.objects.filter(user=user).values_list("kind", "channel"))
    return {kind: Channel(chosen.get(kind, concern.channel)) for kind, concern in CONCERNS.items()}


def stuck_orders(now: datetime, orders: QuerySet[Order]) -> dict[int, datetime]:
    """Return since when those of the orders are queued that have been for too long, and of which history does not tell so."""
    lines = Event.objects.filter(order=OuterRef("pk"))
    told = lines.filter(kind="order.stuck", at__gte=OuterRef("queued_since"))
    queued = orders.filter(state=OrderState.QUEUED.value).annotate(
        queued_since=Subquery(lines.filter(kind__in=QUEUED_BY).order_by("-pk").values("at")[:1])
    )
    stuck = queued.filter(~Exists(told), queued_since__lte=now - STUCK_AFTER)
    return dict(stuck.order_by("queued_since", "pk").values_list("pk", "queued_since")[:MOST_STUCK])
