"""The tables of the order's and the campaign's pages, for Unfold's table component."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from campaigns.admin import look
from campaigns.models import Campaign, Order
from campaigns.models.choices import label
from campaigns.selectors import with_open_commands

Table = dict[str, list[Any]]

MOST = 100


def attempts(order: Order, user: User) -> Table:
    """Return the attempts to publish the order."""
    rows = [
        [
            look.link(user, "attempt", attempt.pk, f"Attempt {attempt.number}"),
            look.badge(attempt.outcome, look.OUTCOMES),
            look.at(attempt.claimed_at),
            look.at(attempt.sent_at),
            attempt.http_status or look.NOTHING_IN_CELL,
            attempt.words or look.NOTHING_IN_CELL,
        ]
        for attempt in order.attempts.order_by("number")[:MOST]
    ]
    return {"headers": ["Attempt", "Outcome", "Taken", "Began to send", "HTTP", "What came back"], "rows": rows}


def campaigns(order: Order, user: User, now: datetime) -> Table:
    """Return the campaigns that Flow made of the order."""
    rows = [
        [
            look.link(user, "campaign", campaign.pk, campaign.tracking_id),
            look.phase(campaign, next(iter(campaign.commands.all()), None)),
            campaign.flow_status or look.NOTHING_IN_CELL,
            look.checked(campaign.checked_at, now),
            campaign.problem or look.NOTHING_IN_CELL,
        ]
        for campaign in with_open_commands(order.campaigns.order_by("pk"))[:MOST]
    ]
    return {"headers": ["Tracking id", "Phase", "Flow's status", "Heard from Flow", "Problem"], "rows": rows}


def settlements(order: Order) -> Table:
    """Return what people proposed and confirmed about the order's doubt."""
    rows = [
        [
            label(settlement.resolution),
            ", ".join(settlement.tracking_ids) or look.NOTHING_IN_CELL,
            settlement.evidence or look.NOTHING_IN_CELL,
            f"{settlement.proposed_by.get_username()}, {look.when(settlement.proposed_at)}",
            f"{settlement.confirmed_by.get_username()}, {look.when(settlement.confirmed_at)}"
            if settlement.confirmed_by
            else "not confirmed",
        ]
        for settlement in order.settlements.select_related("proposed_by", "confirmed_by")[:MOST]
    ]
    return {"headers": ["Says", "Tracking ids", "Evidence", "Proposed", "Confirmed"], "rows": rows}


def commands(campaign: Campaign) -> Table:
    """Return what was asked of the campaign."""
    rows = [
        [
            label(command.action),
            look.badge(command.state, look.COMMANDS),
            f"{command.asked_by.get_username()}, {look.when(command.asked_at)}",
            command.reason,
            command.words or look.NOTHING_IN_CELL,
        ]
        for command in campaign.commands.select_related("asked_by")[:MOST]
    ]
    return {"headers": ["Command", "State", "Asked", "Reason", "In words"], "rows": rows}
