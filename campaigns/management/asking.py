"""What pause_campaigns, resume_campaigns and cancel_campaigns share: ask, send, and wait a little for Flow to confirm."""

import time
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns import selectors
from campaigns.domain.states import ACTION_DONE, Action, CommandState, Phase
from campaigns.management.base import ConsoleCommand, ExitCode, Report, quoted
from campaigns.management.describe import command_data
from campaigns.models import Campaign
from campaigns.models import Command as CampaignCommand
from campaigns.models.commands import OPEN
from campaigns.services import commands, pace, syncing
from campaigns.services.errors import Refused
from campaigns.services.history import require
from campaigns.services.wording import when

LOOKS = 3  # Flow may take a moment to carry out what it has acknowledged
PAUSE_BETWEEN = 1.0  # seconds


class AskingCommand(ConsoleCommand):
    """Ask Flow to do something with campaigns."""

    action: Action

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which campaigns, why, and who asks."""
        parser.add_argument("tracking_ids", nargs="+", metavar="TRACKING_ID")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="Flow is told, and it stays in the history")
        parser.add_argument("--user", required=True, metavar="NAME", help="who asks")

    def run(self, **options: Any) -> Report:
        """Ask for all campaigns, then wait for them together; a command that is open already is taken up, not asked twice."""
        user = self.user(options["user"])
        require(user, "command_campaign", f"{self.action.value} campaigns")
        ids = list(dict.fromkeys(options["tracking_ids"]))
        theirs = Campaign.objects.filter(branch__in=selectors.branches_for(user), tracking_id__in=ids)
        found = {campaign.tracking_id: campaign for campaign in theirs}
        if missing := set(ids) - set(found):
            raise CommandError(f"There is no campaign {quoted(missing)}. Nothing was asked. Check the tracking ids.")
        asked = [self._ask(found[tracking_id], options["reason"], user) for tracking_id in ids]
        latest = _carry_out([command.pk for command in asked if command.pk])
        rows = [command_data(latest.get(command.pk, command)) for command in asked]
        for row in rows:
            (self.say if row["state"] == CommandState.CONFIRMED else self.complain)(
                f"{row['tracking_id']}: {self.action.value} {_told(row)}"
            )
        return Report({"commands": rows}, _code([row["state"] for row in rows]))

    def _ask(self, campaign: Campaign, reason: str, user: User) -> CampaignCommand:
        """Return the open command, or an unsaved one that says why nothing is asked."""
        older = campaign.commands.filter(state__in=OPEN).first()
        if older and older.action == self.action and older.sends < commands.MOST_SENDS:
            return older
        if not older and Phase(campaign.phase) in ACTION_DONE[self.action]:
            heard = syncing.check_now([campaign.pk])  # what was so an hour ago may cost money now
            campaign.refresh_from_db()
            if not heard.checked:
                words = f"Flow said so last, but can't be asked now: {campaign.problem or _wait_words()}".strip()
                return self._nothing_asked(campaign, "refused", words)
            if Phase(campaign.phase) in ACTION_DONE[self.action]:
                return self._nothing_asked(
                    campaign, CommandState.CONFIRMED.value, "It is so already, by Flow's own status."
                )
        try:
            return commands.ask(campaign.pk, self.action, reason=reason, user=user, now=timezone.now())
        except Refused as error:
            return self._nothing_asked(campaign, "refused", str(error))

    def _nothing_asked(self, campaign: Campaign, state: str, words: str) -> CampaignCommand:
        return CampaignCommand(campaign=campaign, action=self.action.value, state=state, words=words)


def _carry_out(command_ids: list[int]) -> dict[int, CampaignCommand]:
    """Send all, before waiting for any; return them as they are then."""
    for command_id in command_ids:
        commands.send(command_id)
    for look in range(LOOKS):
        waiting = CampaignCommand.objects.filter(pk__in=command_ids, state__in=OPEN)
        campaign_ids = list(waiting.values_list("campaign_id", flat=True))
        if not campaign_ids:
            break
        if look:
            time.sleep(PAUSE_BETWEEN)
        syncing.check_now(campaign_ids)
    return CampaignCommand.objects.select_related("campaign").in_bulk(command_ids)


def _told(row: dict[str, Any]) -> str:
    """Return how far the command has come; what Flow answered to it proves nothing, and must not read as if it did."""
    if row["state"] == CommandState.ASKED:
        return f"asked, not sent yet. {row['words'] or _wait_words()}".strip()
    if row["state"] == CommandState.SENT:
        return (
            f"sent, not confirmed yet: Flow's status is “{row['flow_status']}”. {row['words']} {_wait_words()}".strip()
        )
    return f"{row['state']}. {row['words']}"


def _wait_words() -> str:
    until = pace.held_until(timezone.now())
    return f"Flow asked us to wait until {when(until)}." if until else ""


def _code(states: list[str]) -> ExitCode:
    if all(state == CommandState.CONFIRMED for state in states):
        return ExitCode.DONE
    if all(state in {CommandState.FAILED, "refused"} for state in states):
        return ExitCode.FAILED
    return ExitCode.PARTLY_DONE
