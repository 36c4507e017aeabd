"""Alerts: whose they are, and whom an event concerns."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from campaigns.domain.alerts import CONCERNS, STUCK_AFTER, AlertKind, Channel
from campaigns.domain.states import OrderState
from campaigns.models import Alert, AlertChoice, Event, Order
from campaigns.selectors.people import people_who_may
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


def pressing_alerts(user: User | AnonymousUser) -> QuerySet[Alert]:
    """Return those of `unread_alerts` that ask for somebody: what went well does not."""
    return unread_alerts(user).exclude(kind__in=[kind.value for kind, concern in CONCERNS.items() if concern.success])


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
