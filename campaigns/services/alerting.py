"""Make alerts of events, for the people whom these concern, and let people read them and choose how to be told.

The events after a cursor are read in the order of their ids, which is the order in which they were committed: history has one
writer at a time. Alerts and cursor move in one transaction, behind a lock on the cursor: a run that dies has done nothing, and
two at once do each event once. Whoever changes several alerts holds that lock, so that nobody waits in a circle.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from campaigns import selectors
from campaigns.domain.alerts import (
    ANSWERS_A_PROPOSAL,
    CONCERNS,
    GOOD_NEWS,
    KEPT_FOR,
    AlertKind,
    Channel,
    channels,
    ended_by,
    kind_of,
    mail_due,
)
from campaigns.domain.states import ActorKind
from campaigns.domain.times import lasted
from campaigns.models import Alert, AlertChoice, AlertCursor, Event, Order, PauseProposal
from campaigns.models.proposals import OPEN as OPEN_PROPOSALS
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


def mark_all_read(user: User, until_event: int, *, now: datetime, good_news: bool = False) -> int:
    """Mark what asks for the person as read, or the good news, but for what is newer; return how many they were."""
    alerts = selectors.good_news(user) if good_news else selectors.pressing_alerts(user)
    with transaction.atomic():
        hold()
        return _read(alerts.filter(event__lte=until_event), now)


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
    old = Alert.objects.filter(last_at__lt=now - KEPT_FOR)
    with transaction.atomic():
        hold()
        return old.filter(Q(read_at__isnull=False) | Q(kind__in=GOOD_NEWS)).delete()[0]


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
        _end_for_listings(events, now)
        told = sum(_tell(news, people.told_of(news), now) for news in _news(events, now))
        cursor.event_id = max((event.pk for event in events), default=cursor.event_id)
        cursor.save()
    return told


@dataclass(frozen=True)
class _News:
    """Events that are one alert: of one kind, about the same, for the same people."""

    kind: AlertKind
    branch_id: int
    order_id: int | None
    campaign_id: int | None
    listing_id: int | None
    actor_id: int | None
    mentioned: tuple[int, ...] = ()
    events: list[Event] = field(default_factory=list, compare=False)

    @property
    def last(self) -> Event:
        """Return the newest of the events."""
        return self.events[-1]

    @property
    def order(self) -> Order:
        """Return the order that the newest event is about."""
        return cast(Order, self.last.order)  # what is of none is no news

    @property
    def subject(self) -> dict[str, Any]:
        """Return what a person has one unread alert of."""
        if self.listing_id:
            return {"kind": self.kind.value, "listing_id": self.listing_id, "branch_id": self.branch_id}
        about = {"order_id": self.order_id, "campaign_id": self.campaign_id, "listing_id": None}
        return {"kind": self.kind.value, **about}


class _People:
    """Whom news are for; asks the database once for each kind, branch and sight."""

    def __init__(self) -> None:
        self._known: dict[tuple[AlertKind, int, bool], dict[int, Channel]] = {}

    def told_of(self, news: _News) -> dict[int, Channel]:
        """Return how each person is told, without those who do not want to be, and without whoever did it."""
        key = (news.kind, news.branch_id, bool(news.campaign_id or news.listing_id))
        if key not in self._known:
            self._known[key] = selectors.concerned(news.kind, news.order.branch_id, of_campaign=key[2])
        passed_over, meant = {news.actor_id}, set(self._known[key])
        if news.kind is AlertKind.APPROVAL:
            passed_over |= selectors.writers(news.order)
        if news.kind is AlertKind.NOT_APPROVED:
            meant &= selectors.authors(news.order)
        if news.kind is AlertKind.MENTIONED:
            meant &= set(news.mentioned)
        return {
            pk: channel
            for pk, channel in self._known[key].items()
            if channel is not Channel.OFF and pk in meant - passed_over
        }


def _end_for_listings(events: Iterable[Event], now: datetime) -> None:
    """End the alerts of listings for which no pause is proposed any more since the events."""
    campaigns = {event.campaign_id for event in events if event.kind in ANSWERS_A_PROPOSAL}
    if not campaigns:
        return
    listings = PauseProposal.objects.filter(campaign__in=campaigns).values("listing")
    waiting = PauseProposal.objects.filter(OPEN_PROPOSALS, listing=OuterRef("listing"), branch=OuterRef("branch"))
    _read(Alert.objects.filter(~Exists(waiting), listing__in=listings), now)


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
                if news.kind in ended and (news.order_id, news.campaign_id) == (order.pk, event.campaign_id)
            ]
            for news in over:
                del found[news]
        if kind := kind_of(event.kind, event.data, order.state, order.problem):
            made = _news_of(event, order, kind)
            if made is not None:
                found.setdefault(made, made).events.append(event)
    return list(found.values())


def _news_of(event: Event, order: Order, kind: AlertKind) -> _News | None:
    """Return what the event is news of; None for a proposal that somebody has answered meanwhile."""
    if kind is AlertKind.PAUSE_PROPOSED:
        proposal = PauseProposal.objects.filter(OPEN_PROPOSALS, pk=event.data.get("proposal")).first()
        if proposal is None:
            return None
        return _News(kind, proposal.branch_id, None, None, proposal.listing_id, event.actor_id)
    campaign_id = None if CONCERNS[kind].success else event.campaign_id
    mentioned = tuple(event.data.get("mentioned", ()))
    return _News(kind, order.branch_id, order.pk, campaign_id, None, event.actor_id, mentioned)


def _tell(news: _News, told: dict[int, Channel], now: datetime) -> int:
    """Make an alert for each of the people, or raise the count of the one that they have not read yet."""
    unread = Alert.objects.filter(**news.subject, read_at__isnull=True, user__in=list(told))
    count, last, zone = len(news.events), news.last, ZoneInfo(settings.TIME_ZONE)
    unread.update(count=F("count") + count, last_at=last.at, event=last, order=news.order)
    digest = unread.filter(channel=Channel.DIGEST.value, mail_at__isnull=True)
    digest.update(mail_at=mail_due(Channel.DIGEST, now, zone))
    there = set(unread.values_list("user_id", flat=True))
    times = {"first_at": news.events[0].at, "last_at": last.at}
    fresh = {**news.subject, "order": news.order, "event": last, "count": count, **times}
    Alert.objects.bulk_create(
        Alert(**fresh, user_id=pk, channel=channel.value, mail_at=mail_due(channel, now, zone))
        for pk, channel in told.items()
        if pk not in there
    )
    return len(told)


def _read(alerts: QuerySet[Alert], now: datetime) -> int:
    """Mark alerts as read; what was read is not mailed."""
    return alerts.filter(read_at__isnull=True).update(read_at=now, mail_at=None)
