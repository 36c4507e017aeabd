"""`list_orders`: orders, the newest first."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from campaigns.domain.money import format_money
from campaigns.domain.states import OrderState
from campaigns.domain.times import lasted
from campaigns.management.base import ConsoleCommand, Report
from campaigns.management.describe import attempt_in_doubt, order_data, orders
from campaigns.models.choices import label


class Command(ConsoleCommand):
    """List orders."""

    help = "List orders, the newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which orders."""
        parser.add_argument("--state", choices=[state.value for state in OrderState], help="only those in this state")

    def run(self, **options: Any) -> Report:
        """Read the orders and print a line each."""
        chosen = orders().filter(state=options["state"]) if options["state"] else orders()
        found, now = list(chosen), timezone.now()
        for order in found:
            money, doubt = format_money(order.amount, order.amount_currency), attempt_in_doubt(order)
            age = f"for {lasted(now - doubt.ended_at)}. " if doubt else ""
            told = f"{age}{order.problem}"
            self.say(f"{order.order_ref}  {label(order.state):18}  {money:>18}  {order.branch.name}  {told}")
        if not found:
            self.say("There is no such order.")
        return Report([order_data(order) for order in found])
