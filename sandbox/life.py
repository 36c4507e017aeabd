"""Where a campaign stands at a moment, from stored facts and the clock alone. Pure: the time is passed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

QUEUED = "queued"
IN_PROGRESS = "in_progress"
ACTIVE = "active"
PAUSED = "paused"
COMPLETED = "completed"
CANCELLED = "cancelled"
FINAL = frozenset({COMPLETED, CANCELLED})

MESSAGES = {
    QUEUED: "Campaign is waiting in the queue.",
    IN_PROGRESS: "Campaign creation is underway.",
    ACTIVE: "Campaign is live.",
    PAUSED: "Campaign is paused.",
    COMPLETED: "Campaign has ended.",
    CANCELLED: "Campaign was cancelled.",
}


@dataclass(frozen=True)
class Pace:
    """How long a campaign waits in the queue, how long its creation takes, and whether it then waits for its start."""

    queued: timedelta
    in_progress: timedelta
    wait_for_start: bool


@dataclass(frozen=True)
class Campaign:
    """The stored facts of one campaign. A stuck one stays queued until it is released."""

    tracking_id: str
    campaign_id: str
    queued_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    stuck: bool
    paused: bool
    cancelled_at: datetime | None


def status_at(campaign: Campaign, pace: Pace, now: datetime) -> str:
    """Return the status word that Flow would answer at `now`."""
    if campaign.cancelled_at:
        return CANCELLED
    stage = _stage_at(campaign, pace, now)
    return PAUSED if campaign.paused and stage != COMPLETED else stage


def exists_at(campaign: Campaign, pace: Pace, now: datetime) -> bool:
    """Tell whether the campaign has left the queue, so that it has a campaign id."""
    last_moment = min(now, campaign.cancelled_at) if campaign.cancelled_at else now
    return _stage_at(campaign, pace, last_moment) != QUEUED


def _stage_at(campaign: Campaign, pace: Pace, now: datetime) -> str:
    """Return how far the clock has brought the campaign, whatever was commanded."""
    created_from = campaign.queued_at + pace.queued
    if campaign.stuck or now < created_from:
        return QUEUED
    live_from = created_from + pace.in_progress
    if pace.wait_for_start and campaign.starts_at:
        live_from = max(live_from, campaign.starts_at)
    if now < live_from:
        return IN_PROGRESS
    return COMPLETED if campaign.ends_at and campaign.ends_at <= now else ACTIVE
