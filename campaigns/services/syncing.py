"""Ask Flow about campaigns: many at once over one pool of connections, and write only what changed, in bulk."""

import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
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
from campaigns.models.choices import label
from campaigns.models.commands import OPEN
from campaigns.services import commands, heartbeats, history, pace

logger = logging.getLogger(__name__)

BATCH = 500
HEED_EVERY = 0.5  # seconds in which a batch under way tells of a 429, and heeds what Flow has told another process
NEEDS_ATTENTION_AFTER = timedelta(minutes=30)
TIMES = ["checked_at", "next_check_at", "check_interval", "poll_mark", "problem", "failures", "missing_since"]
NEWS = ["flow_status", "phase", "message", "flow_campaign_id", "changed_at"]

Clock = Callable[[], datetime]


@dataclass
class SyncResult:
    """What a sync did: how many campaigns Flow told about, how many had changed, how many could not be asked, and why."""

    checked: int = 0
    changed: int = 0
    failed: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    held_until: datetime | None = None

    def add(self, other: "SyncResult") -> None:
        """Count another batch in."""
        self.checked += other.checked
        self.changed += other.changed
        self.failed += other.failed
        self.problems |= other.problems
        self.held_until = other.held_until or self.held_until


@dataclass(frozen=True)
class Poll:
    """One question to Flow about a campaign, and what came of it; None where it was not asked after all."""

    asked_at: datetime
    answer: CampaignStatus | FlowError | None


def sync_due(*, clock: Clock = timezone.now, stop_after: float) -> SyncResult:
    """Ask once about every campaign that is due now, batch by batch, beginning no batch after `stop_after` seconds."""
    begun, by = time.monotonic(), clock()
    total = SyncResult()
    while time.monotonic() - begun < stop_after and not total.held_until:
        due = selectors.due_campaigns(by, clock(), BATCH)
        if due is None:
            break
        total.add(_sync_batch(due, clock))
    return total


def check_now(campaign_ids: Sequence[int], *, clock: Clock = timezone.now) -> SyncResult:
    """Ask about these campaigns here and now, due or not, final ones too."""
    total = SyncResult()
    for start in range(0, len(campaign_ids), BATCH):
        batch = campaign_ids[start : start + BATCH]
        total.add(_sync_batch(Campaign.objects.filter(pk__in=batch), clock))
    return total


def check_due(campaign_ids: Sequence[int], *, clock: Clock = timezone.now) -> SyncResult:
    """Ask about those of these campaigns that are due, here and now: whoever is told twice asks once."""
    return _sync_batch(Campaign.objects.filter(pk__in=campaign_ids, next_check_at__lte=clock()), clock)


def mark_due(campaign_ids: Sequence[int], *, now: datetime) -> int:
    """Let the next sync ask about these campaigns, unless they are final; return how many that are."""
    waiting = Campaign.objects.filter(pk__in=campaign_ids).exclude(phase__in=[phase.value for phase in FINAL_PHASES])
    with transaction.atomic():
        return _lock(waiting).update(next_check_at=now)


def _lock(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Return these campaigns, for this transaction alone; all lock in the same order, so that nobody waits in a circle."""
    rows = campaigns.select_for_update(no_key=True).order_by("pk")
    return Campaign.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))


def _sync_batch(campaigns: QuerySet[Campaign], clock: Clock) -> SyncResult:
    now = clock()
    if until := pace.held_until(now):
        return SyncResult(held_until=until)
    mark = uuid.uuid4().hex
    with transaction.atomic():
        free = _lock(campaigns)
        # Whoever else has read the same ids finds them no longer due. Should this process die, they are due again by then.
        free.update(poll_mark=mark, next_check_at=now + timedelta(seconds=settings.PUBLISH_LEASE))
    mine = list(Campaign.objects.filter(poll_mark=mark))
    polls = _ask_all(mine, clock)
    heard_at = clock()
    result = _write(mark, mine, polls, heard_at)
    if result.checked:
        heartbeats.note(Part.SYNC, heard_at)
    return result


def _ask_all(campaigns: list[Campaign], clock: Clock) -> dict[int, Poll]:
    """Ask Flow about each, at most FLOW_CONCURRENCY at a time, and nobody any more once it answers 429 or is too slow.

    For a batch must be written before Celery's time limit, even where each call takes all the time that it may.
    """
    slow_down, too_late = threading.Event(), time.monotonic() + settings.FLOW_DEADLINE
    limits: list[TooManyRequests] = []
    client = gateway.client()

    def ask(campaign: Campaign) -> Poll:
        asked_at = clock()
        if slow_down.is_set() or time.monotonic() > too_late:
            return Poll(asked_at, None)
        try:
            return Poll(asked_at, client.campaign_status(campaign.tracking_id))
        except FlowError as error:
            if isinstance(error, TooManyRequests):
                slow_down.set()
                limits.append(error)
            return Poll(asked_at, error)

    with ThreadPoolExecutor(max_workers=settings.FLOW_CONCURRENCY) as pool:
        polls = {campaign.pk: pool.submit(ask, campaign) for campaign in campaigns}
        while wait(polls.values(), timeout=HEED_EVERY).not_done:
            # A slow answer must not keep the other processes from hearing of a 429, nor this one from heeding theirs.
            if _hold(limits, clock()):
                slow_down.set()
        return {pk: poll.result() for pk, poll in polls.items()}


def _hold(limits: list[TooManyRequests], now: datetime) -> datetime | None:
    """Let everybody wait as long as Flow asked; return until when, also where others were asked."""
    return max((pace.hold(error, now=now) for error in limits), default=None) or pace.held_until(now)


def _write(mark: str, polled: list[Campaign], polls: dict[int, Poll], now: datetime) -> SyncResult:
    """Write the answers of polls that are not out of date: no later poll has begun and no command came in between."""
    result = SyncResult()
    limits = [poll.answer for poll in polls.values() if isinstance(poll.answer, TooManyRequests)]
    result.held_until = _hold(limits, now)
    numbers = {campaign.pk: campaign.command_number for campaign in polled}
    with transaction.atomic():
        rows = Campaign.objects.select_for_update(no_key=True).filter(poll_mark=mark).order_by("pk")
        current = [campaign for campaign in rows if campaign.command_number == numbers[campaign.pk]]
        Campaign.objects.filter(poll_mark=mark).exclude(pk__in=[campaign.pk for campaign in current]).update(
            poll_mark=""
        )
        open_commands = {
            command.campaign_id: command
            for command in Command.objects.filter(campaign__in=current, state__in=OPEN).select_related("campaign")
        }
        news = [
            (campaign, _apply(campaign, polls[campaign.pk], open_commands.get(campaign.pk), result, now))
            for campaign in current
        ]
        _update([campaign for campaign, event in news if not event], TIMES)
        _update([campaign for campaign, event in news if event], TIMES + NEWS)
        history.append(event for _, event in news if event and event._state.adding)
    return result


def _update(campaigns: list[Campaign], fields: list[str]) -> None:
    # An upsert of rows that are all there: seven times faster than bulk_update.
    if campaigns:
        Campaign.objects.bulk_create(campaigns, update_conflicts=True, unique_fields=["id"], update_fields=fields)


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
