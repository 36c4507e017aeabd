"""`show_order`: one order with its attempts, campaigns and history."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.domain.money import format_money
from campaigns.domain.times import in_utc, lasted, window
from campaigns.management.base import ConsoleCommand, Report
from campaigns.management.describe import attempt_in_doubt, event_data, order_data, orders
from campaigns.models import Attempt, Order
from campaigns.models.choices import label


class Command(ConsoleCommand):
    """Show one order."""

    help = "Show an order with its attempts, campaigns and history."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the order."""
        parser.add_argument("order_ref", metavar="REF")

    def run(self, **options: Any) -> Report:
        """Read the order and print it."""
        order = orders().filter(order_ref=options["order_ref"]).first()
        if order is None:
            raise CommandError(f"There is no order “{options['order_ref']}”. Check the order_ref.")
        data = order_data(order)
        data["events"] = [
            event_data(event) for event in order.events.select_related("actor", "campaign").order_by("pk")
        ]
        self._print(order, data)
        return Report(data)

    def _print(self, order: Order, data: dict[str, Any]) -> None:
        money = format_money(order.amount, order.amount_currency)
        number = len(data["listings"])
        listings = "1 listing" if number == 1 else f"{number} listings"
        self.say(f"Order {order.order_ref}: {label(order.state).lower()}, {money}, {listings}")
        if order.problem:
            self.say(f"  {order.problem}")
        if doubt := attempt_in_doubt(order):
            self._print_doubt(doubt, data["reminders"])
        for attempt in data["attempts"]:
            tried = f"tried {attempt['sent_at']:%-d %b %Y, %H:%M:%S %Z}" if attempt["sent_at"] else "never tried"
            outcome = label(attempt["outcome"]).lower()
            self.say(f"  Attempt {attempt['number']}: {outcome}, {tried}. {attempt['words']}")
        for campaign in data["campaigns"]:
            heard = f"{campaign['checked_at']:%-d %b %Y, %H:%M:%S %Z}" if campaign["checked_at"] else "never"
            status = f"{label(campaign['phase']).lower()} (Flow: {campaign['flow_status'] or 'nothing yet'})"
            self.say(f"  Campaign {campaign['tracking_id']}: {status}, last heard {heard}. {campaign['message']}")
            if campaign["problem"]:
                self.say(f"    {campaign['problem']}")
        for event in data["events"]:
            self.say(f"  {event['at']:%-d %b %Y, %H:%M:%S %Z} {event['by']}: {event['text']}")

    def _print_doubt(self, attempt: Attempt, reminders: list[dict[str, Any]]) -> None:
        self.say(f"  In doubt for {lasted(timezone.now() - attempt.ended_at)}, since {in_utc(attempt.ended_at)}")
        if attempt.sent_at:
            self.say(f"  Something may have been sent: {window(attempt.sent_at, attempt.ended_at)}")
        sent = [reminder["at"] for reminder in reminders if reminder["attempt"] == attempt.number]
        self.say(f"  Reminders sent: {', '.join(map(in_utc, sent)) or 'none yet'}")
