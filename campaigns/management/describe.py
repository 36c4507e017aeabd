"""Orders, campaigns and commands as data for scripts."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from campaigns import selectors
from campaigns.domain.states import OrderState
from campaigns.models import Attempt, Campaign, Command, Event, Order


def order_data(order: Order) -> dict[str, Any]:
    """Return an order with its attempts, campaigns and reminders; times are ISO 8601 in UTC, amounts text."""
    return {
        "order_ref": order.order_ref,
        "state": order.state,
        "problem": order.problem,
        "plan": order.plan.ref,
        "branch": order.branch.external_id,
        "agent": order.agent.external_id if order.agent else None,
        "listings": sorted(listing.external_id for listing in order.listings.all()),
        "start_at": order.start_at,
        "end_at": order.end_at,
        "budget": f"{order.amount:.2f}",
        "currency": order.amount_currency,
        "payload_sha256": order.payload_sha256 or None,
        "next_attempt_at": order.next_attempt_at,
        "attempts": [
            {
                "number": attempt.number,
                "outcome": attempt.outcome,
                "claimed_at": attempt.claimed_at,
                "sent_at": attempt.sent_at,
                "finished_at": attempt.finished_at,
                "http_status": attempt.http_status,
                "words": attempt.words,
            }
            for attempt in order.attempts.all()
        ],
        "campaigns": [campaign_data(campaign) for campaign in order.campaigns.all()],
        "in_doubt_since": doubt.ended_at if (doubt := attempt_in_doubt(order)) else None,
        "reminders": [
            {"attempt": reminder.attempt.number, "number": reminder.number, "at": reminder.at}
            for reminder in order.reminders.all()
        ],
    }


def orders() -> QuerySet[Order]:
    """Return the orders with all that `order_data` tells of them."""
    reminders = Prefetch("reminders", selectors.reminded().select_related("attempt"))
    return Order.objects.select_related("plan", "branch", "agent").prefetch_related(
        "listings", "attempts", "campaigns", reminders
    )


def attempt_in_doubt(order: Order) -> Attempt | None:
    """Return the attempt of which nobody knows what became, None where the order is not in doubt."""
    return list(order.attempts.all())[-1] if order.state == OrderState.UNKNOWN else None


def campaign_data(campaign: Campaign) -> dict[str, Any]:
    """Return what Flow last told about a campaign."""
    return {
        "tracking_id": campaign.tracking_id,
        "flow_status": campaign.flow_status,
        "phase": campaign.phase,
        "message": campaign.message,
        "problem": campaign.problem,
        "flow_campaign_id": campaign.flow_campaign_id or None,
        "checked_at": campaign.checked_at,
        "next_check_at": campaign.next_check_at,
    }


def command_data(command: Command) -> dict[str, Any]:
    """Return how far a command has come."""
    return {
        "tracking_id": command.campaign.tracking_id,
        "action": command.action,
        "state": command.state,
        "words": command.words,
        "phase": command.campaign.phase,
        "flow_status": command.campaign.flow_status,
        "checked_at": command.campaign.checked_at,
    }


def event_data(event: Event) -> dict[str, Any]:
    """Return one line of history."""
    return {
        "at": event.at,
        "kind": event.kind,
        "text": event.text,
        "by": event.actor.get_username() if event.actor else event.actor_kind,
        "campaign": event.campaign.tracking_id if event.campaign else None,
    }
