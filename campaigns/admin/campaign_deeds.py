"""What people do to campaigns: pause, resume, cancel, and ask Flow now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils.html import format_html, format_html_join

from campaigns import tasks
from campaigns.admin import look
from campaigns.admin.actions import Deed, state_words
from campaigns.admin.forms import CommandForm
from campaigns.admin.people import either
from campaigns.domain.money import format_money
from campaigns.domain.states import ACTION_FITS, ACTION_TARGET, FINAL_PHASES, Action, Phase
from campaigns.models import Campaign
from campaigns.models.choices import label
from campaigns.selectors import open_command
from campaigns.services import commands, syncing

Values = dict[str, Any]
MOST_NAMED = 3

SAYS = {
    Action.PAUSE: "Ask Flow to pause the campaign. It counts as paused only when Flow's own status says so.",
    Action.RESUME: "Ask Flow to run the campaign again, which spends money again.",
    Action.CANCEL: "Ask Flow to cancel the campaign for good. It can't be resumed afterwards.",
}
OVER = "The campaign is over ({phase}), and Flow is not asked about it any more. To advertise again, build a new order."


def actions_for(campaign: Campaign) -> set[Action]:
    """Return what may be asked of the campaign: what fits its phase, or the phase that an open command leads to."""
    phases, asked = {Phase(campaign.phase)}, open_command(campaign)
    if asked:
        phases.add(ACTION_TARGET[Action(asked.action)])
    fitting = {action for action in Action if phases & ACTION_FITS[action]}
    waiting = asked is not None and asked.sends < commands.MOST_SENDS
    return fitting - {Action(asked.action)} if asked and waiting else fitting


def _not_now(action: Action) -> Callable[[Campaign], str]:
    """Return what says why the action does not fit a campaign, and what to do first."""
    where = either([f"“{label(phase).lower()}”" for phase in Phase if phase in ACTION_FITS[action]])

    def not_now(campaign: Campaign) -> str:
        asked = open_command(campaign)
        if asked and asked.action == action:
            who, when = asked.asked_by.get_username(), look.when(asked.asked_at)
            return f"{who} asked for it already, {when}. Wait until Flow confirms it, or ask for something else."
        if Phase(campaign.phase) in FINAL_PHASES:
            return OVER.format(phase=state_words(campaign))
        return f"Only in the phase {where}; this campaign is “{state_words(campaign)}”."

    return not_now


def _ask(action: Action) -> Callable[[Campaign, Values, User, datetime], str]:
    def do(campaign: Campaign, values: Values, user: User, now: datetime) -> str:
        command = commands.ask(campaign.pk, action, reason=values["reason"], user=user, now=now)
        tasks.nudge_command(command.pk)
        return f"Flow is asked to {action.value} {campaign}. It is not confirmed until Flow's own status says so."

    return do


def _check(campaign: Campaign, _values: Values, _user: User, now: datetime) -> str:
    syncing.mark_due([campaign.pk], now=now)
    tasks.nudge_sync()
    return f"Flow is being asked about {campaign}. Load this page again in a few seconds."


def _stakes(campaign: Campaign, user: User) -> dict[str, Any]:
    """Return what the page that asks tells of the campaign: whose it is, what it advertises, and the money."""
    order = campaign.order
    titles = list(order.listings.order_by("title").values_list("title", flat=True)[: MOST_NAMED + 1])
    names = format_html_join(", ", "{}", [(look.short(title, 60),) for title in titles[:MOST_NAMED]])
    return {
        "pairs": [
            ("Listings", format_html("{}{}", names, " and more" if len(titles) > MOST_NAMED else "")),
            ("Order", look.link(user, "order", order.pk, order)),
            ("Branch", look.short(campaign.branch.name, 60)),
            ("Phase", look.badge(campaign.phase, look.PHASES)),
            ("Money", f"{format_money(order.amount, order.amount_currency)} is what its order costs."),
        ]
    }


def _deed(action: Action, icon: str) -> Deed[Campaign]:
    return Deed(
        name=action.value,
        label=f"{action.value.capitalize()} campaign",
        icon=icon,
        permissions=("command_campaign",),
        fits=lambda campaign: action in actions_for(campaign),
        not_now=_not_now(action),
        says=lambda campaign: f"{SAYS[action]} Flow's last word about it: {campaign.flow_status or 'none yet'}.",
        do=_ask(action),
        is_next=lambda _campaign: action is not Action.CANCEL,
        form=CommandForm,
        knows=_stakes,
        danger=action is Action.CANCEL,
    )


CAMPAIGN_DEEDS: list[Deed[Campaign]] = [
    _deed(Action.PAUSE, "pause"),
    _deed(Action.RESUME, "play_arrow"),
    Deed(
        name="check",
        label="Check now",
        icon="refresh",
        permissions=("command_campaign",),
        fits=lambda campaign: Phase(campaign.phase) not in FINAL_PHASES,
        not_now=lambda campaign: OVER.format(phase=state_words(campaign)),
        says=lambda _campaign: "Ask Flow for this campaign's status now. Nothing is changed at Flow.",
        do=_check,
    ),
    _deed(Action.CANCEL, "cancel"),
]
