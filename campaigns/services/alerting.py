"""Make alerts of events, for the people whom these concern, and let people read them and choose how to be told.

The events after a cursor are read in the order of their ids, which is the order in which they were committed: history has one
writer at a time. Alerts and cursor move in one transaction, behind a lock on the cursor: a run that dies has done nothing, and
two at once do each event once. Whoever changes several alerts holds that lock, so that nobody waits in a circle.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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

BATCH = 100
STOP_AFTER = 20.0  # seconds; the next run goes on


def hold() -> AlertCursor:
    """Let nobody else change several alerts until this transaction ends; return the cursor."""
    cursor, _ = AlertCursor.objects.select_for_update().get_or_create(pk=AlertCursor.SINGLETON)
    return cursor


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
    with transaction.atomic():
        hold()
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
    with transaction.atomic():
        hold()
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
    """Make the alerts of the next events; return how many people were told of something."""
    with transaction.atomic():
        cursor, people = hold(), _People()
        events = Event.objects.filter(pk__gt=cursor.event_id).select_related("order").order_by("pk")[:BATCH]
        told = sum(_tell(news, people.told_of(news), now) for news in _news(events, now))
        cursor.event_id = max((event.pk for event in events), default=cursor.event_id)
        cursor.save()
    return told


@dataclass(frozen=True)
class _News:
    """Events that are one alert: of one kind, about the same, for the same people."""

    kind: AlertKind
    order: Order
    campaign_id: int | None
    actor_id: int | None
    mentioned: tuple[int, ...]
    events: list[Event] = field(default_factory=list, compare=False)


class _People:
    """Whom news are for; asks the database once for each kind, branch and sight."""

    def __init__(self) -> None:
        self._known: dict[tuple[AlertKind, int, bool], dict[int, Channel]] = {}

    def told_of(self, news: _News) -> dict[int, Channel]:
        """Return how each person is told, without those who do not want to be, and without whoever did it."""
        key = (news.kind, news.order.branch_id, news.campaign_id is not None)
        if key not in self._known:
            self._known[key] = selectors.concerned(news.kind, news.order.branch_id, of_campaign=key[2])
        passed_over = {news.actor_id}
        if news.kind is AlertKind.APPROVAL:
            passed_over |= selectors.writers(news.order)
        return {
            pk: channel
            for pk, channel in self._known[key].items()
            if channel is not Channel.OFF
            and pk not in passed_over
            and (news.kind is not AlertKind.MENTIONED or pk in news.mentioned)
        }


def _news(events: Iterable[Event], now: datetime) -> list[_News]:
    """End what the events end, in the database and among their own news; return the news that are left."""
    found: dict[_News, _News] = {}
    for event in events:
        order = event.order
        if order is None:  # of the catalogue
            continue
        if ended := ended_by(event.kind, order.state):
            about = Alert.objects.filter(order=order, campaign=event.campaign_id)
            _read(about.filter(kind__in=[kind.value for kind in ended]), now)
            over = [
                news
                for news in found
                if news.kind in ended and (news.order, news.campaign_id) == (order, event.campaign_id)
            ]
            for news in over:
                del found[news]
        if kind := kind_of(event.kind, event.data, order.state, order.problem):
            campaign_id = None if CONCERNS[kind].success else event.campaign_id
            news = _News(kind, order, campaign_id, event.actor_id, tuple(event.data.get("mentioned", ())))
            found.setdefault(news, news).events.append(event)
    return list(found.values())


def _tell(news: _News, told: dict[int, Channel], now: datetime) -> int:
    """Make an alert for each of the people, or raise the count of the one that they have not read yet."""
    subject = {"kind": news.kind.value, "order": news.order, "campaign_id": news.campaign_id}
    unread = Alert.objects.filter(**subject, read_at__isnull=True, user__in=list(told))
    count, last, zone = len(news.events), news.events[-1], ZoneInfo(settings.TIME_ZONE)
    unread.update(count=F("count") + count, last_at=last.at, event=last)
    digest = unread.filter(channel=Channel.DIGEST.value, mail_at__isnull=True)
    digest.update(mail_at=mail_due(Channel.DIGEST, now, zone))
    there = set(unread.values_list("user_id", flat=True))
    fresh = {"count": count, "event": last, "first_at": news.events[0].at, "last_at": last.at}
    Alert.objects.bulk_create(
        Alert(**subject, **fresh, user_id=pk, channel=channel.value, mail_at=mail_due(channel, now, zone))
        for pk, channel in told.items()
        if pk not in there
    )
    return len(told)


def _read(alerts: QuerySet[Alert], now: datetime) -> int:
    """Mark alerts as read; what was read is not mailed."""
    return alerts.filter(read_at__isnull=True).update(read_at=now, mail_at=None)
