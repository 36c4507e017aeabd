"""When to ask Flow next about a campaign, and how long to wait after a failure. Pure functions of their arguments."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.domain.states import FINAL_PHASES, Phase

NEW_FOR = timedelta(minutes=10)
NEW_INTERVAL = timedelta(seconds=30)
GROWTH = 1.15
SLOWEST = timedelta(minutes=5)
LIVE_INTERVAL = timedelta(hours=1)
WINDOW_BEFORE = timedelta(minutes=5)
WINDOW_AFTER = timedelta(minutes=30)
WINDOW_INTERVAL = timedelta(seconds=60)
AFTER_COMMAND = timedelta(seconds=10)
SOON_AFTER_COMMAND = timedelta(minutes=5)
JITTER = 0.1

FIRST_BACKOFF = timedelta(seconds=30)
LONGEST_BACKOFF = timedelta(minutes=15)


@dataclass(frozen=True)
class Followed:
    """What the schedule needs to know of a campaign; `command_asked_at` is that of the open command, if there is one."""

    phase: Phase
    created_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    previous_interval: timedelta
    command_asked_at: datetime | None = None


def next_check(campaign: Followed, now: datetime, chance: float) -> datetime | None:
    """Return when to ask Flow again, or None once the phase is final and no command is open.

    `chance` is a number from 0 to 1 that spreads the intervals by ± 10 %, so that campaigns published together are
    not asked about together for ever. A window around start or end is never leapt over.
    """
    if campaign.phase in FINAL_PHASES and campaign.command_asked_at is None:
        return None
    due = now + _interval(campaign, now) * (1 - JITTER + 2 * JITTER * chance)
    openings = [moment - WINDOW_BEFORE for moment in (campaign.starts_at, campaign.ends_at) if moment]
    return min([due, *(opening for opening in openings if now < opening)])


def _interval(campaign: Followed, now: datetime) -> timedelta:
    asked_at = campaign.command_asked_at
    if asked_at and now - asked_at < SOON_AFTER_COMMAND:
        return AFTER_COMMAND
    if asked_at or _in_window(campaign, now):
        return WINDOW_INTERVAL
    if campaign.phase is Phase.LIVE:
        return LIVE_INTERVAL
    if now - campaign.created_at < NEW_FOR:
        return NEW_INTERVAL
    return min(SLOWEST, max(NEW_INTERVAL, campaign.previous_interval * GROWTH))


def _in_window(campaign: Followed, now: datetime) -> bool:
    """Say whether a start or an end is near and its change of phase has not been seen yet."""
    waiting_for_start = campaign.phase in {Phase.QUEUED, Phase.IN_PROGRESS, Phase.UNRECOGNISED}
    awaited = [campaign.starts_at if waiting_for_start else None, campaign.ends_at]
    young = now - campaign.created_at < NEW_FOR
    return not (young and waiting_for_start) and any(
        moment - WINDOW_BEFORE <= now < moment + WINDOW_AFTER for moment in awaited if moment
    )


def backoff(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row: doubling from 30 s, at most 15 min."""
    doublings = min(max(failures - 1, 0), 10)
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * (1 << doublings))
