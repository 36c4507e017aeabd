"""`list_orders`: orders, the newest first."""

from typing import Any

from django.core.management.base import CommandParser

from campaigns.domain.money import format_money
from campaigns.domain.states import OrderState
from campaigns.management.base import ConsoleCommand, Report
from campaigns.management.describe import order_data
from campaigns.models import Order
from campaigns.models.choices import label


class Command(ConsoleCommand):
    """List orders."""

    help = "List orders, the newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which orders."""
        parser.add_argument("--state", choices=[state.value for state in OrderState], help="only those in this state")

    def run(self, **options: Any) -> Report:
        """Read the orders and print a line each."""
        orders = Order.objects.select_related("plan", "branch", "agent")
        orders = orders.prefetch_related("listings", "attempts", "campaigns")
        if options["state"]:
            orders = orders.filter(state=options["state"])
        found = list(orders)
        for order in found:
            money = format_money(order.amount, order.amount_currency)
            self.say(f"{order.order_ref}  {label(order.state):18}  {money:>18}  {order.branch.name}  {order.problem}")
        if not found:
            self.say("There is no such order.")
        return Report([order_data(order) for order in found])
