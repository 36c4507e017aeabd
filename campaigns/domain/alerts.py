"""Alerts: which event concerns whom, and how each is told. Pure: data, and functions of their arguments."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.domain.states import Action, OrderState, Phase, Resolution


class AlertKind(StrEnum):
    """What an alert is about."""

    DOUBT = "doubt"
    REJECTED = "rejected"
    NOT_APPROVED = "not_approved"
    CAMPAIGN_FAILED = "campaign_failed"
    COMMAND_FAILED = "command_failed"
    STUCK = "stuck"
    APPROVAL = "approval"
    MENTIONED = "mentioned"
    PAUSE_PROPOSED = "pause_proposed"
    PUBLISHED = "published"
    LIVE = "live"
    COMPLETED = "completed"


class Channel(StrEnum):
    """How a person is told."""

    AT_ONCE = "at_once"
    DIGEST = "digest"
    ADMIN = "admin"
    OFF = "off"


@dataclass(frozen=True)
class Concern:
    """Whom a kind of alert concerns: those of the branch with the permission; and how they are told until they choose."""

    permission: str
    channel: Channel
    success: bool = False
    """Good news, told once an order, however many of its campaigns it happens to. All else asks for somebody."""
    may_be_off: bool = True


TITLES: dict[AlertKind, str] = {
    AlertKind.DOUBT: "In doubt",
    AlertKind.REJECTED: "Rejected",
    AlertKind.NOT_APPROVED: "Not approved",
    AlertKind.CAMPAIGN_FAILED: "Campaign failed",
    AlertKind.COMMAND_FAILED: "Command failed",
    AlertKind.STUCK: "Stuck in the queue",
    AlertKind.APPROVAL: "Waiting for approval",
    AlertKind.MENTIONED: "You were mentioned",
    AlertKind.PAUSE_PROPOSED: "Pause proposed",
    AlertKind.PUBLISHED: "Published",
    AlertKind.LIVE: "Live",
    AlertKind.COMPLETED: "Completed",
}

# The mail about a doubt is its reminder, after five minutes: until somebody chooses otherwise, this one is in the admin alone.
CONCERNS: dict[AlertKind, Concern] = {
    AlertKind.DOUBT: Concern("settle_order", Channel.ADMIN, may_be_off=False),
    AlertKind.REJECTED: Concern("change_order", Channel.AT_ONCE),
    AlertKind.NOT_APPROVED: Concern("view_order", Channel.AT_ONCE),
    AlertKind.CAMPAIGN_FAILED: Concern("command_campaign", Channel.AT_ONCE),
    AlertKind.COMMAND_FAILED: Concern("command_campaign", Channel.AT_ONCE),
    AlertKind.STUCK: Concern("submit_order", Channel.AT_ONCE),
    AlertKind.APPROVAL: Concern("approve_order", Channel.AT_ONCE),
    AlertKind.MENTIONED: Concern("view_order", Channel.AT_ONCE, may_be_off=False),
    AlertKind.PAUSE_PROPOSED: Concern("command_campaign", Channel.AT_ONCE),
    AlertKind.PUBLISHED: Concern("submit_order", Channel.DIGEST, success=True),
    AlertKind.LIVE: Concern("command_campaign", Channel.DIGEST, success=True),
    AlertKind.COMPLETED: Concern("command_campaign", Channel.DIGEST, success=True),
}

GOOD_NEWS = sorted(kind.value for kind, concern in CONCERNS.items() if concern.success)

_BY_EVENT: dict[str, AlertKind] = {
    "order.in_doubt": AlertKind.DOUBT,
    "order.rejected": AlertKind.REJECTED,
    "order.stuck": AlertKind.STUCK,
    "order.commented": AlertKind.MENTIONED,
    "campaign.pause_proposed": AlertKind.PAUSE_PROPOSED,
    **{f"campaign.{action.value}_failed": AlertKind.COMMAND_FAILED for action in Action},
}
_BY_PHASE: dict[str, AlertKind] = {
    Phase.FAILED: AlertKind.CAMPAIGN_FAILED,
    Phase.LIVE: AlertKind.LIVE,
    Phase.COMPLETED: AlertKind.COMPLETED,
}
_MADE_CAMPAIGNS = frozenset({"order.published", "order.late_answer", "order.settled"})

_LEFT_APPROVAL = frozenset({AlertKind.APPROVAL})
_LEFT_QUEUE = frozenset({AlertKind.STUCK})
_SETTLED = frozenset({AlertKind.DOUBT})
_SENT_BACK = frozenset({AlertKind.NOT_APPROVED})
_ANSWERED = frozenset({AlertKind.COMMAND_FAILED})

# Which alerts about the same order (or campaign) have nobody to wait for any more once this has happened.
_ENDS: dict[str, frozenset[AlertKind]] = {
    "order.submitted": _SENT_BACK,
    "order.approved": _LEFT_APPROVAL,
    "order.not_approved": _LEFT_APPROVAL,
    "order.returned": _LEFT_APPROVAL | _LEFT_QUEUE | {AlertKind.REJECTED},
    "order.cancelled": _LEFT_APPROVAL | _LEFT_QUEUE | _SENT_BACK | {AlertKind.REJECTED},
    "order.claimed": _LEFT_QUEUE,
    "order.settled": _SETTLED,
    "order.late_answer": _SETTLED,
    **{f"campaign.{action.value}_asked": _ANSWERED for action in Action},
}

ANSWERS_A_PROPOSAL = frozenset(
    {f"campaign.{did}" for did in ("pause_proposal_taken", "pause_proposal_closed", "kept_running")}
)
"""With these a listing may have no campaign left whose pause is proposed."""

STUCK_AFTER = timedelta(minutes=15)
KEPT_FOR = timedelta(days=30)
DIGEST_AT = time(7)


def kind_of(event: str, data: dict[str, Any], state: str, problem: str) -> AlertKind | None:
    """Return what the event is an alert about, None where it is none; `state` and `problem` are its order's as they are now.

    An order that Flow took and that has a problem all the same is money spent twice, or about to be: as bad as a doubt.
    """
    if event == "campaign.status":
        before, after = data.get("phase") or ("", "")
        return _BY_PHASE.get(after) if after != before else None
    if event == "order.submitted":
        return AlertKind.APPROVAL if state == OrderState.AWAITING_APPROVAL else None
    if event == "order.not_approved":
        return AlertKind.NOT_APPROVED if state == OrderState.DRAFT else None
    if event in _MADE_CAMPAIGNS and _made_any(event, data, state):
        if problem:
            return AlertKind.DOUBT
        return AlertKind.PUBLISHED if state == OrderState.PUBLISHED else None
    return _BY_EVENT.get(event)


def _made_any(event: str, data: dict[str, Any], state: str) -> bool:
    """Say whether campaigns may have come of it; else a problem that the order has by now is another, with its own line."""
    if event == "order.settled":
        return data.get("resolution") != Resolution.NOT_LIVE
    # While it is in doubt, also a late answer that is no yes is something to look at.
    return event != "order.late_answer" or bool(data.get("tracking_ids")) or state == OrderState.UNKNOWN


def ended_by(event: str, state: str) -> frozenset[AlertKind]:
    """Return which alerts about the same subject are over with the event; a doubt only where the order has left it."""
    ended = _ENDS.get(event, frozenset())
    if event == "order.late_answer" and state == OrderState.DRAFT:  # it was taken back, as by a person
        ended |= _ENDS["order.returned"]
    return ended - _SETTLED if state == OrderState.UNKNOWN else ended


def channels(kind: AlertKind) -> list[Channel]:
    """Return what a person may choose from for a kind of alert."""
    return [channel for channel in Channel if channel is not Channel.OFF or CONCERNS[kind].may_be_off]


def mail_due(channel: Channel, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the mail about something that happens now is due, None for no mail; digests are for the zone's morning."""
    if channel is Channel.AT_ONCE:
        return now
    if channel is not Channel.DIGEST:
        return None
    today, day = _digest_of_today(now, zone), timedelta(days=1)
    return today if now < today else today + day


def last_digest(now: datetime, zone: ZoneInfo) -> datetime:
    """Return when the last digest was due, in the zone's morning."""
    today, day = _digest_of_today(now, zone), timedelta(days=1)
    return today if now >= today else today - day


def _digest_of_today(now: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(now.astimezone(zone).date(), DIGEST_AT, zone)
