"""Alerts: whose they are, and whom an event concerns."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from campaigns.domain.alerts import CONCERNS, STUCK_AFTER, AlertKind, Channel
from campaigns.domain.states import OrderState
from campaigns.models import Alert, AlertChoice, Event, Order
from campaigns.selectors.people import people_who_may, writers
from campaigns.selectors.scope import branches_for, works_everywhere

MOST_STUCK = 100  # at a time
QUEUED_BY = ("order.submitted", "order.approved", "order.settled")


def alerts_for(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return the person's alerts, as far as they may still see what these are about."""
    seen = Q(pk__in=[])
    if user.has_perm("campaigns.view_order"):
        seen |= Q(campaign__isnull=True)
    if user.has_perm("campaigns.view_campaign"):
        seen |= Q(campaign__isnull=False)
    mine = Alert.objects.filter(seen, user=user.pk)
    return mine if works_everywhere(user) else mine.filter(order__branch__in=branches_for(user).values("pk"))


def unread_alerts(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return what `alerts_for` does, without those that were read."""
    return alerts_for(user).filter(read_at__isnull=True)


def concerned(event: Event, order: Order, kind: AlertKind) -> list[User]:
    """Return whom the alert is for: people of the branch whose role fits and who see what it is about, never who did it."""
    seen = "view_campaign" if event.campaign_id and not CONCERNS[kind].success else "view_order"
    people = people_who_may(CONCERNS[kind].permission, order.branch_id)
    people = people.filter(pk__in=people_who_may(seen, order.branch_id).values("pk"))
    if event.actor_id:
        people = people.exclude(pk=event.actor_id)
    if kind is AlertKind.MENTIONED:
        people = people.filter(pk__in=event.data["mentioned"])
    if kind is AlertKind.APPROVAL:
        people = people.exclude(pk__in=writers(order))
    return list(people)


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
