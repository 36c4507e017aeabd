"""What people do to campaigns: pause, resume, cancel, and ask Flow now."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from campaigns import tasks
from campaigns.admin.actions import Deed
from campaigns.admin.forms import CommandForm
from campaigns.domain.states import ACTION_FITS, ACTION_TARGET, FINAL_PHASES, Action, Phase
from campaigns.models import Campaign
from campaigns.selectors import open_command
from campaigns.services import commands, syncing

Values = dict[str, Any]

SAYS = {
    Action.PAUSE: "Ask Flow to pause the campaign. It counts as paused only when Flow's own status says so.",
    Action.RESUME: "Ask Flow to run the campaign again, which spends money again.",
    Action.CANCEL: "Ask Flow to cancel the campaign for good. It can't be resumed afterwards.",
}


def actions_for(campaign: Campaign) -> set[Action]:
    """Return what may be asked of the campaign: what fits its phase, or the phase that an open command leads to."""
    phases, asked = {Phase(campaign.phase)}, open_command(campaign)
    if asked:
        phases.add(ACTION_TARGET[Action(asked.action)])
    fitting = {action for action in Action if phases & ACTION_FITS[action]}
    waiting = asked is not None and asked.sends < commands.MOST_SENDS
    return fitting - {Action(asked.action)} if asked and waiting else fitting


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


def _deed(action: Action, icon: str) -> Deed[Campaign]:
    return Deed(
        name=action.value,
        label=f"{action.value.capitalize()} campaign",
        icon=icon,
        permissions=("command_campaign",),
        fits=lambda campaign: action in actions_for(campaign),
        says=lambda campaign: f"{SAYS[action]} Flow's last word about it: {campaign.flow_status or 'none yet'}.",
        do=_ask(action),
        form=CommandForm,
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
        says=lambda _campaign: "Ask Flow for this campaign's status now. Nothing is changed at Flow.",
        do=_check,
    ),
    _deed(Action.CANCEL, "cancel"),
]
