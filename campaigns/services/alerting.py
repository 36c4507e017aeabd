"""Make alerts of events, for the people whom these concern, and let people read them and choose how to be told.

The events after a cursor are read in the order of their ids, which is the order in which they were committed: history has one
writer at a time. Alerts and cursor move in one transaction, behind a lock on the cursor: a run that dies has done nothing, and
two at once do each event once.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet

from campaigns import selectors
from campaigns.domain.alerts import CONCERNS, KEPT_FOR, AlertKind, Channel, channels, ended_by, kind_of, mail_due
from campaigns.domain.states import ActorKind
from campaigns.domain.times import lasted
from campaigns.models import Alert, AlertChoice, AlertCursor, Event, Order
from campaigns.services.history import record

BATCH = 200
STOP_AFTER = 20.0  # seconds; the next run goes on


def raise_alerts(now: datetime, *, stop_after: float = STOP_AFTER) -> int:
    """Make the alerts of all that has happened since the last run; return how many people were told of something."""
    _note_stuck(now)
    begun, told = time.monotonic(), 0
    while _anything_new() and time.monotonic() - begun < stop_after:
        told += _read_batch(now)
    return told


def mark_read(user: User, alert_id: int, *, now: datetime) -> bool:
    """Mark one of the person's alerts as read; say whether there is such a one."""
    mine = selectors.alerts_for(user).filter(pk=alert_id)
    _read(mine, now)
    return mine.exists()


def mark_all_read(user: User, until_event: int, *, now: datetime) -> int:
    """Mark the person's alerts as read, but for those that tell of something newer; return how many they were."""
    return _read(selectors.alerts_for(user).filter(event__lte=until_event), now)


def choose(user: User, chosen: Mapping[AlertKind, Channel]) -> None:
    """Keep how the person wants to be told. Raises ValidationError, by kind, for what can't be chosen."""
    errors = {
        kind.value: "This can't be switched off in the admin: somebody waits for you, or money may be lost."
        for kind, channel in chosen.items()
        if channel not in channels(kind)
    }
    if errors:
        raise ValidationError(errors)
    rows = [AlertChoice(user=user, kind=kind.value, channel=channel.value) for kind, channel in chosen.items()]
    AlertChoice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["user", "kind"], update_fields=["channel"]
    )


def forget(now: datetime) -> int:
    """Delete old alerts that were read, and old successes; return how many. History keeps what they told of."""
    successes = [kind.value for kind, concern in CONCERNS.items() if concern.success]
    old = Alert.objects.filter(last_at__lt=now - KEPT_FOR)
    return old.filter(Q(read_at__isnull=False) | Q(kind__in=successes)).delete()[0]


def _note_stuck(now: datetime) -> None:
    """Tell history of each order that has waited in the queue for too long, once for each time that it was queued."""
    for pk in selectors.stuck_orders(now, Order.objects.all()):
        with transaction.atomic():
            order = Order.objects.select_for_update(no_key=True).get(pk=pk)
            since = selectors.stuck_orders(now, Order.objects.filter(pk=pk)).get(pk)
            if since is None:  # it has gone on, or another run was faster
                continue
            why = order.problem or "No worker has taken it."
            text = f"The order has waited in the queue for {lasted(now - since)}. {why}"
            data = {"queued_since": since.isoformat()}
            record("order.stuck", text, now=now, by=ActorKind.SCHEDULER, order=order, data=data)


def _anything_new() -> bool:
    cursor = AlertCursor.objects.filter(pk=AlertCursor.SINGLETON).first()
    return Event.objects.filter(pk__gt=cursor.event_id if cursor else 0).exists()


def _read_batch(now: datetime) -> int:
    with transaction.atomic():
        cursor, _ = AlertCursor.objects.select_for_update().get_or_create(pk=AlertCursor.SINGLETON)
        events = Event.objects.filter(pk__gt=cursor.event_id).select_related("order").order_by("pk")[:BATCH]
        told = 0
        for event in events:
            told += _tell(event, event.order, now) if event.order else 0
            cursor.event_id = event.pk
        cursor.save()
    return told


def _tell(event: Event, order: Order, now: datetime) -> int:
    """End and make the alerts of one event; return how many people were told."""
    about = Alert.objects.filter(order=order, campaign=event.campaign_id)
    if ended := ended_by(event.kind, order.state):
        _read(about.filter(kind__in=[kind.value for kind in ended]), now)
    kind = kind_of(event.kind, event.data, order.state, order.problem)
    if kind is None:
        return 0
    campaign_id = None if CONCERNS[kind].success else event.campaign_id
    told = _channels(selectors.concerned(event, order, kind), kind)
    unread = Alert.objects.filter(
        order=order, campaign=campaign_id, kind=kind.value, read_at__isnull=True, user__in=list(told)
    )
    zone = ZoneInfo(settings.TIME_ZONE)
    unread.update(count=F("count") + 1, last_at=event.at, event=event)
    digest = unread.filter(channel=Channel.DIGEST.value, mail_at__isnull=True)
    digest.update(mail_at=mail_due(Channel.DIGEST, now, zone))
    there = set(unread.values_list("user_id", flat=True))
    Alert.objects.bulk_create(
        Alert(
            user_id=user_id,
            kind=kind.value,
            order=order,
            campaign_id=campaign_id,
            event=event,
            first_at=event.at,
            last_at=event.at,
            channel=channel.value,
            mail_at=mail_due(channel, now, zone),
        )
        for user_id, channel in told.items()
        if user_id not in there
    )
    return len(told)


def _channels(people: list[User], kind: AlertKind) -> dict[int, Channel]:
    """Return how each of the people is told, without those who do not want to be."""
    chosen = dict(AlertChoice.objects.filter(user__in=people, kind=kind.value).values_list("user_id", "channel"))
    told = {person.pk: Channel(chosen.get(person.pk, CONCERNS[kind].channel)) for person in people}
    return {user_id: channel for user_id, channel in told.items() if channel is not Channel.OFF}


def _read(alerts: QuerySet[Alert], now: datetime) -> int:
    """Mark alerts as read; what was read is not mailed."""
    return alerts.filter(read_at__isnull=True).update(read_at=now, mail_at=None)
