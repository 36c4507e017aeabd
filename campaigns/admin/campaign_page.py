"""What the page of one campaign shows: what Flow said and when, what was asked, and what happened."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns.admin import look, tables
from campaigns.domain.money import format_money
from campaigns.domain.texts import sentence
from campaigns.models import Campaign, Command
from campaigns.models.choices import label
from campaigns.selectors import campaign_page as campaigns
from campaigns.selectors import open_command

__all__ = ["asked_words", "campaigns", "context"]

Pair = tuple[str, str | SafeString]


def context(campaign: Campaign, user: User, now: datetime) -> dict[str, Any]:
    """Return what the page's template needs."""
    asked = open_command(campaign)
    return {
        "campaign": campaign,
        "phase": look.phase(campaign, asked),
        "checked": look.checked(campaign.checked_at, now),
        "asked": asked_words(asked) if asked else "",
        "missing": f"Flow has not known this tracking id since {look.when(campaign.missing_since)}."
        if campaign.missing_since
        else "",
        "flow": _flow(campaign),
        "ours": _ours(campaign, user),
        "commands": tables.commands(campaign),
    }


def asked_words(command: Command) -> str:
    """Return what was asked and is not confirmed."""
    asked = f"{label(command.action)} asked by {command.asked_by.get_username()} at {look.when(command.asked_at)}"
    said = f" In words: {sentence(command.words)}" if command.words else ""
    return f"{asked} – not confirmed yet. Reason: {sentence(command.reason)}{said}"


def _flow(campaign: Campaign) -> list[Pair]:
    return [
        (
            "Flow's status",
            format_html("<code>{}</code>", campaign.flow_status) if campaign.flow_status else look.NOTHING,
        ),
        ("Phase since", look.when(campaign.changed_at)),
        ("Flow's message", campaign.message or look.NOTHING),
        ("Flow's campaign id", campaign.flow_campaign_id or look.NOTHING),
        ("Last heard from Flow", look.when(campaign.checked_at)),
        ("Next check", look.when(campaign.next_check_at) if campaign.next_check_at else "none: the campaign is over"),
    ]


def _money(campaign: Campaign) -> str:
    """Return what its order costs, and for how many campaigns: Flow does not say how it shares an amount out."""
    order = campaign.order
    count = order.campaigns.count()
    shared = "for this campaign alone" if count == 1 else f"for {count:,} campaigns together"
    return f"{format_money(order.amount, order.amount_currency)} is what its order costs, {shared}"


def _ours(campaign: Campaign, user: User) -> list[Pair]:
    zone = campaign.branch.zone
    return [
        ("Order", look.link(user, "order", campaign.order_id, campaign.order)),
        ("Branch", str(campaign.branch)),
        ("Plan", str(campaign.order.plan)),
        ("Money", _money(campaign)),
        ("Start", look.when(campaign.starts_at, zone)),
        ("End", look.when(campaign.ends_at, zone)),
        (
            "Published in",
            look.link(user, "attempt", campaign.attempt_id, f"attempt {campaign.attempt.number}"),
        ),
    ]
