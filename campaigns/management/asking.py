"""What pause_campaigns, resume_campaigns and cancel_campaigns share: ask, send, and wait a little for Flow to confirm."""

import time
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.domain.states import ACTION_TARGET, Action, CommandState
from campaigns.management.base import ConsoleCommand, ExitCode, Report
from campaigns.management.describe import command_data
from campaigns.models import Campaign
from campaigns.models import Command as CampaignCommand
from campaigns.models.commands import OPEN
from campaigns.services import commands, syncing
from campaigns.services.errors import Refused

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
        """Ask for each campaign; a command that is open already is taken up, not asked twice."""
        user = self.user(options["user"])
        ids = list(dict.fromkeys(options["tracking_ids"]))
        found = {campaign.tracking_id: campaign for campaign in Campaign.objects.filter(tracking_id__in=ids)}
        if missing := [tracking_id for tracking_id in ids if tracking_id not in found]:
            raise CommandError(f"There is no campaign {', '.join(missing)}. Nothing was asked. Check the tracking ids.")
        rows = [self._one(found[tracking_id], options["reason"], user) for tracking_id in ids]
        for row in rows:
            (self.say if row["state"] == CommandState.CONFIRMED else self.complain)(
                f"{row['tracking_id']}: {self.action.value} {row['state']}. {row['words']}"
            )
        return Report({"commands": rows}, _code([row["state"] for row in rows]))

    def _one(self, campaign: Campaign, reason: str, user: User) -> dict[str, Any]:
        if campaign.phase == ACTION_TARGET[self.action] and not campaign.commands.filter(state__in=OPEN).exists():
            return self._row(campaign, CommandState.CONFIRMED.value, "It is so already, by Flow's own status.")
        command = campaign.commands.filter(state__in=OPEN, action=self.action.value).first()
        try:
            command = command or commands.ask(campaign.pk, self.action, reason=reason, user=user, now=timezone.now())
        except Refused as error:
            return self._row(campaign, "refused", str(error))
        return command_data(_until_confirmed(command))

    def _row(self, campaign: Campaign, state: str, words: str) -> dict[str, Any]:
        unsaved = CampaignCommand(campaign=campaign, action=self.action.value, state=state, words=words)
        return command_data(unsaved)


def _until_confirmed(command: CampaignCommand) -> CampaignCommand:
    command = commands.send(command.pk)
    for look in range(LOOKS):
        syncing.check_now([command.campaign_id])
        command = CampaignCommand.objects.select_related("campaign").get(pk=command.pk)
        if command.state not in OPEN or look == LOOKS - 1:
            break
        time.sleep(PAUSE_BETWEEN)
    return command


def _code(states: list[str]) -> ExitCode:
    if all(state == CommandState.CONFIRMED for state in states):
        return ExitCode.DONE
    if all(state in {CommandState.FAILED, "refused"} for state in states):
        return ExitCode.FAILED
    return ExitCode.PARTLY_DONE
