"""Ask Flow about campaigns: many at once over one pool of connections, and write only what changed, in bulk."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from campaigns import gateway, selectors
from campaigns.domain.heartbeats import Part
from campaigns.domain.schedule import Followed, backoff, next_check
from campaigns.domain.states import FINAL_PHASES, ActorKind, Phase
from campaigns.flow import CampaignStatus, FlowError, NotFound, TooManyRequests
from campaigns.models import Campaign, Command, Event
from campaigns.models.among import among
from campaigns.models.choices import label
from campaigns.models.commands import OPEN
from campaigns.services import commands, heartbeats, history, pace
from campaigns.services.polling import Clock, Poll, Polling, Question
from campaigns.services.updating import update

logger = logging.getLogger(__name__)

BATCH = 2500  # campaigns that are claimed, and written, together
SECONDS_AHEAD = (
    5  # of the pace of all processes: so much is claimed at once, and as much again while that is asked about
)
LOOK_EVERY = 0.25  # seconds in which a sync under way looks around
COMMANDED_AT_ONCE = 20  # campaigns with an open command that are written together
WRITE_EVERY = 3.0  # seconds; sooner where a batch is full
WRITE_LAST_EVERY = 0.5  # seconds, where nobody is left but those whom Flow keeps waiting
HEED_EVERY = 0.75  # seconds in which a sync under way tells of a 429, and heeds what Flow has told another process
NEEDS_ATTENTION_AFTER = timedelta(minutes=30)
TIMES = ["checked_at", "next_check_at", "check_interval", "poll_mark", "problem", "failures", "missing_since"]
NEWS = ["flow_status", "phase", "message", "flow_campaign_id", "changed_at"]

Source = Callable[[int], QuerySet[Campaign] | None]
"""Gives at most so many campaigns to ask about, locked for the transaction; None once there are no more."""


@dataclass
class SyncResult:
    """What a sync did: how many campaigns Flow told about, how many had changed, how many could not be asked, and why."""

    checked: int = 0
    changed: int = 0
    failed: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    held_until: datetime | None = None


def sync_due(*, clock: Clock = timezone.now, stop_after: float) -> SyncResult:
    """Ask once about every campaign that is due now, claiming none any more after `stop_after` seconds."""
    begun, by = time.monotonic(), clock()

    def due(limit: int) -> QuerySet[Campaign] | None:
        if time.monotonic() - begun >= stop_after:
            return None
        for campaigns in selectors.due_campaigns(by, clock()):
            # Those that another sync is claiming in this moment are that one's.
            free = campaigns.select_for_update(skip_locked=True, no_key=True)
            if ids := list(free.values_list("pk", flat=True)[:limit]):
                return Campaign.objects.filter(among(ids))
        return None

    return _Sync(due, clock).run()


def check_now(campaign_ids: Sequence[int], *, clock: Clock = timezone.now) -> SyncResult:
    """Ask about these campaigns here and now, due or not, final ones too."""
    left = list(campaign_ids)

    def named(limit: int) -> QuerySet[Campaign] | None:
        some, left[:] = left[:limit], left[limit:]
        return _lock(Campaign.objects.filter(pk__in=some)) if some else None

    return _Sync(named, clock).run()


def check_due(campaign_ids: Sequence[int], *, clock: Clock = timezone.now) -> SyncResult:
    """Ask about those of these campaigns that are due, here and now: whoever is told twice asks once."""
    once = iter([Campaign.objects.filter(pk__in=campaign_ids, next_check_at__lte=clock())])

    def due(_: int) -> QuerySet[Campaign] | None:
        campaigns = next(once, None)
        return None if campaigns is None else _lock(campaigns)

    return _Sync(due, clock).run()


def mark_due(campaign_ids: Sequence[int], *, now: datetime) -> int:
    """Let the next sync ask about these campaigns, unless they are final; return how many that are."""
    waiting = Campaign.objects.filter(pk__in=campaign_ids).exclude(phase__in=[phase.value for phase in FINAL_PHASES])
    with transaction.atomic():
        return _lock(waiting).update(next_check_at=now)


def _lock(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Return these campaigns, for this transaction alone; all lock in the same order, so that nobody waits in a circle."""
    rows = campaigns.select_for_update(no_key=True).order_by("pk")
    return Campaign.objects.filter(among(list(rows.values_list("pk", flat=True))))


class _Sync:
    """One sync: claims campaigns some at a time, has them asked about, and writes the answers in bulk.

    Claiming and writing go on while others are being asked about, so that neither they nor a slow answer hold anybody up.
    What is claimed and not yet written is never more than three batches.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._polling = Polling(gateway.client().campaign_status, settings.FLOW_CONCURRENCY, clock)
        # What takes longer to ask about, at the pace of all, would wait for nothing but its lease.
        self._batch = max(1, min(BATCH, int(settings.FLOW_MAX_PER_SECOND * SECONDS_AHEAD)))
        self._arrived: list[Poll] = []
        self._result = SyncResult()
        self._heeded_at = self._written_at = time.monotonic()

    def run(self) -> SyncResult:
        """Ask until the source has no more, or Flow asks for fewer requests."""
        self._heed()
        more = True
        with self._polling:
            while more or not self._polling.is_over:
                if self._polling.wants_more(self._batch // 2 if more else 0) and more:
                    more = self._claim()
                self._arrived += self._polling.arrived(LOOK_EVERY)
                self._polling.relieve()
                if time.monotonic() - self._heeded_at >= HEED_EVERY or self._polling.limits:
                    self._heed()  # a slow answer must not keep the others from hearing of a 429, nor us from heeding theirs
                if self._is_time_to_write(more):
                    self._write()
            self._write()
        return self._result

    def _heed(self) -> None:
        """Let everybody wait as long as Flow asked, and wait where others were asked."""
        self._heeded_at, now = time.monotonic(), self._clock()
        limits = [self._polling.limits.popleft() for _ in range(len(self._polling.limits))]
        until = max((pace.hold(error, now=now) for error in limits), default=None) or pace.held_until(now)
        if until:
            self._result.held_until = until
            self._polling.stop()

    def _claim(self) -> bool:
        """Take more campaigns to ask about; say whether there may be still more."""
        if self._result.held_until is not None:
            return False
        with transaction.atomic():
            campaigns = self._source(self._batch)
            if campaigns is None:
                return False
            now, mark = self._clock(), uuid.uuid4().hex
            # Should this process die, they are due again by then.
            campaigns.update(poll_mark=mark, next_check_at=now + timedelta(seconds=settings.PUBLISH_LEASE))
        mine = Campaign.objects.filter(poll_mark=mark).values_list("pk", "tracking_id", "command_number")
        # For all must be written before Celery's time limit, even where each call takes all the time that it may.
        too_late = time.monotonic() + settings.FLOW_DEADLINE
        self._polling.ask([Question(pk, mark, tracking_id, number, too_late) for pk, tracking_id, number in mine])
        return True

    def _is_time_to_write(self, more: bool) -> bool:
        if not self._arrived:
            return False
        nothing_else = not more and self._polling.waits_for_slow_ones_alone
        every = WRITE_LAST_EVERY if nothing_else else WRITE_EVERY
        return time.monotonic() - self._written_at >= every or len(self._arrived) >= self._batch

    def _write(self) -> None:
        """Write the answers that are not out of date: no later poll has begun and no command came in between."""
        self._written_at = time.monotonic()
        arrived, self._arrived = self._arrived, []
        if not arrived:
            return
        before, heard_at = self._result.checked, self._clock()
        commanded = _write(arrived, self._result, heard_at)
        for first in range(0, len(commanded), COMMANDED_AT_ONCE):
            _write(commanded[first : first + COMMANDED_AT_ONCE], self._result, heard_at)
        if self._result.checked > before:
            heartbeats.note(Part.SYNC, heard_at)


def _write(arrived: list[Poll], result: SyncResult, now: datetime) -> list[Poll]:
    """Write polls: a campaign that carries another mark by now is being asked about anew.

    Where many of their campaigns have an open command, those are returned instead: each takes several statements behind the
    lock on history, and everybody else who writes history would wait for all of them.
    """
    polls = {(each.question.campaign_id, each.question.mark): each for each in arrived}
    with transaction.atomic():
        rows = Campaign.objects.select_for_update(no_key=True).filter(among([pk for pk, _ in polls])).order_by("pk")
        mine = [(row, polls[row.pk, row.poll_mark]) for row in rows if (row.pk, row.poll_mark) in polls]
        current = [(row, poll) for row, poll in mine if row.command_number == poll.question.command_number]
        if outdated := {row.pk for row, _ in mine} - {row.pk for row, _ in current}:
            Campaign.objects.filter(pk__in=outdated).update(poll_mark="")
        open_commands = {
            command.campaign_id: command
            for command in Command.objects.filter(
                among([row.pk for row, _ in current], "campaign"), state__in=OPEN
            ).select_related("campaign")
        }
        later = [poll for row, poll in current if row.pk in open_commands]
        later = later if len(later) > COMMANDED_AT_ONCE else []
        left = {poll.question.campaign_id for poll in later}
        news = [
            (row, _apply(row, poll, open_commands.get(row.pk), result, now))
            for row, poll in current
            if row.pk not in left
        ]
        update([campaign for campaign, event in news if not event], TIMES)
        update([campaign for campaign, event in news if event], TIMES + NEWS)
        history.append(event for _, event in news if event and event._state.adding)
    return later


def _apply(campaign: Campaign, poll: Poll, command: Command | None, result: SyncResult, now: datetime) -> Event | None:
    """Take what the poll brought into the campaign (not yet into the database); return the event of a change."""
    campaign.poll_mark = ""
    if not isinstance(poll.answer, CampaignStatus):
        due = _note_failure(campaign, poll.answer, result, now)
        ended = Phase(campaign.phase) in FINAL_PHASES and command is None
        campaign.next_check_at = None if ended else due
        return None
    result.checked += 1
    campaign.problem, campaign.failures, campaign.missing_since = "", 0, None
    event = _note_status(campaign, poll.answer, now)
    result.changed += event is not None
    if event and command:
        history.append([event])  # before the line that says what it means for the command
    closed = command is not None and commands.judge(command, Phase(campaign.phase), poll.asked_at, now)
    # What was just confirmed is looked at once more soon: Flow's status may lag behind what it does.
    _schedule(campaign, None if closed and Phase(campaign.phase) in FINAL_PHASES else command, now)
    return event


def _note_status(campaign: Campaign, answer: CampaignStatus, now: datetime) -> Event | None:
    before = (campaign.flow_status, campaign.phase, campaign.message, campaign.flow_campaign_id)
    phase = gateway.phase_of(answer.status)
    if campaign.phase != phase.value:
        campaign.changed_at = now
    campaign.flow_status, campaign.phase, campaign.message = answer.status[:255], phase.value, answer.message
    campaign.flow_campaign_id = (answer.campaign_id or campaign.flow_campaign_id)[:255]
    campaign.checked_at = now
    if before == (campaign.flow_status, campaign.phase, campaign.message, campaign.flow_campaign_id):
        return None
    change = "" if before[0] == answer.status else f"{before[0] or 'no status yet'} → "
    text = f"Flow: {change}{answer.status} ({label(phase.value).lower()}). {answer.message}".strip()
    data = {"flow_status": [before[0], campaign.flow_status], "phase": [before[1], campaign.phase]}
    return Event(
        at=now,
        kind="campaign.status",
        text=text,
        data=data,
        actor_kind=ActorKind.FLOW.value,
        order_id=campaign.order_id,
        campaign=campaign,
    )


def _note_failure(campaign: Campaign, error: FlowError | None, result: SyncResult, now: datetime) -> datetime:
    """Note why nothing was heard; return when to ask again."""
    result.failed += 1
    if error is None or isinstance(error, TooManyRequests):
        if result.held_until is None:
            result.problems[campaign.tracking_id] = "Not asked: Flow answers too slowly. It is asked soon."
        return result.held_until or now
    result.problems[campaign.tracking_id] = str(error)
    campaign.failures += 1
    campaign.problem = str(error)
    if isinstance(error, NotFound):
        campaign.checked_at = now
        campaign.missing_since = campaign.missing_since or now
        campaign.problem = "Flow does not know this campaign; it is asked again."
        if now - campaign.missing_since >= NEEDS_ATTENTION_AFTER:
            campaign.problem = "Flow has not known this campaign for 30 minutes. Ask Flow what became of it."
    return now + backoff(campaign.failures)


def _schedule(campaign: Campaign, command: Command | None, now: datetime) -> None:
    followed = Followed(
        phase=Phase(campaign.phase),
        created_at=campaign.created_at,
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        previous_interval=campaign.check_interval,
        command_asked_at=command.asked_at if command else None,
    )
    due = next_check(followed, now, random.random())  # noqa: S311 - spreads load, guards nothing
    campaign.next_check_at = due
    if due:
        campaign.check_interval = due - now
