"""`sync_campaigns`: ask Flow about campaigns here and now."""

import math
from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.domain.states import FINAL_PHASES
from campaigns.management.base import ConsoleCommand, ExitCode, Report, quoted
from campaigns.models import Campaign, Order
from campaigns.services import syncing
from campaigns.services.syncing import SyncResult
from campaigns.services.wording import when


class Command(ConsoleCommand):
    """Poll with the service that the workers use."""

    help = "Ask Flow about the campaigns that are due, about all that have not ended, or about those of some orders."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which campaigns."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--all", action="store_true", help="all that have not ended, due or not")
        which.add_argument(
            "--order", action="append", nargs="+", default=[], metavar="REF", help="those of these orders"
        )

    def run(self, **options: Any) -> Report:
        """Poll, and tell what changed and what could not be asked."""
        result = self._sync(options["all"], [ref for group in options["order"] for ref in group])
        self.say(f"Checked {result.checked}, changed {result.changed}, failed {result.failed}.")
        for tracking_id, problem in result.problems.items():
            self.complain(f"{tracking_id}: {problem}")
        if result.held_until:
            self.complain(f"Flow asked us to wait until {when(result.held_until)}; the rest is asked then.")
        data = {
            "checked": result.checked,
            "changed": result.changed,
            "failed": result.failed,
            "problems": result.problems,
            "held_until": result.held_until,
        }
        return Report(data, _code(result))

    def _sync(self, everything: bool, refs: list[str]) -> SyncResult:
        if not everything and not refs:
            return syncing.sync_due(stop_after=math.inf)
        if everything:
            campaigns = Campaign.objects.exclude(phase__in=[phase.value for phase in FINAL_PHASES])
        else:
            known = set(Order.objects.filter(order_ref__in=refs).values_list("order_ref", flat=True))
            if missing := set(refs) - known:
                raise CommandError(f"There is no order {quoted(missing)}. Nothing was asked.")
            campaigns = Campaign.objects.filter(order__order_ref__in=refs)
        return syncing.check_now(list(campaigns.values_list("pk", flat=True)))


def _code(result: SyncResult) -> ExitCode:
    if not result.failed and not result.held_until:
        return ExitCode.DONE
    return ExitCode.PARTLY_DONE if result.checked else ExitCode.FAILED
