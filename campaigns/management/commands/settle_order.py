"""`settle_order`: settle an order whose outcome is unknown."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns import selectors, tasks
from campaigns.domain.states import Resolution
from campaigns.management.base import ConsoleCommand, ExitCode, Report
from campaigns.models import Order
from campaigns.services import settling
from campaigns.services.history import require


class Command(ConsoleCommand):
    """Settle an order in doubt with the service that the admin uses."""

    help = (
        "Settle an order in doubt. Two different people must say the same, unless one may settle alone; until then the exit "
        "code is 3."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the order, one of the three ways out, and who says so."""
        parser.add_argument("order_ref", metavar="REF")
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--live", nargs="+", metavar="ID", help="it is live at Flow, with these tracking ids")
        way.add_argument("--not-live", metavar="TEXT", help="it is not live; how you know. It is sent again")
        way.add_argument("--abandon", metavar="TEXT", help="give it up; why. It is cancelled here")
        parser.add_argument("--user", required=True, metavar="NAME", help="who says so")

    def run(self, **options: Any) -> Report:
        """Settle the order or record the proposal, and tell which."""
        user = self.user(options["user"])
        require(user, "settle_order", "settle orders in doubt")
        theirs = Order.objects.filter(branch__in=selectors.branches_for(user))
        order = theirs.filter(order_ref=options["order_ref"]).first()
        if order is None:
            raise CommandError(f"There is no order “{options['order_ref']}”. Nothing was settled. Check the order_ref.")
        resolution, ids, evidence = _way(options)
        result = settling.settle(
            order.pk, resolution, tracking_ids=ids, evidence=evidence, user=user, now=timezone.now()
        )
        if result.settled and resolution is Resolution.NOT_LIVE:
            tasks.nudge_publish(order.pk)
        order.refresh_from_db()
        self.say(result.words)
        data = {"order_ref": order.order_ref, "state": order.state, "settled": result.settled, "words": result.words}
        return Report(data, ExitCode.DONE if result.settled else ExitCode.PARTLY_DONE)


def _way(options: dict[str, Any]) -> tuple[Resolution, list[str], str]:
    if options["live"] is not None:
        return Resolution.LIVE, options["live"], ""
    if options["not_live"] is not None:
        return Resolution.NOT_LIVE, [], options["not_live"]
    return Resolution.ABANDON, [], options["abandon"]
