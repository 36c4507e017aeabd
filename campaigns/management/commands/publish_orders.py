"""`publish_orders`: publish queued orders here and now, or ask Flow to validate them."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.domain.states import OrderState
from campaigns.management.base import ConsoleCommand, ExitCode, Report, quoted
from campaigns.models import Order
from campaigns.services import dry_runs, publishing
from campaigns.services.errors import Refused
from campaigns.services.publishing import PublishResult
from campaigns.services.wording import when


class Command(ConsoleCommand):
    """Publish queued orders with the service that the workers use."""

    help = "Publish queued orders here and now. --dry-run asks Flow to validate them; no campaign is made."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which orders, and whether to publish at all."""
        parser.add_argument("--order", action="append", nargs="+", default=[], metavar="REF", help="these orders only")
        parser.add_argument("--limit", type=int, metavar="N", help="at most so many orders")
        parser.add_argument("--dry-run", action="store_true", help="ask Flow to validate; publish nothing")

    def run(self, **options: Any) -> Report:
        """Work on one order after the other; one that fails does not keep the next from its turn."""
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError("--limit takes a number of at least 1.", returncode=ExitCode.WRONG_USAGE)
        chosen = _chosen([ref for group in options["order"] for ref in group], options["limit"])
        work = self._dry_run if options["dry_run"] else self._publish
        rows = [work(order) for order in chosen]
        if not rows:
            self.say("No order is queued: nothing to do.")
        failed = sum(not row["ok"] for row in rows)
        code = ExitCode.DONE if not failed else ExitCode.FAILED if failed == len(rows) else ExitCode.PARTLY_DONE
        return Report({"orders": rows}, code)

    def _publish(self, order: Order) -> dict[str, Any]:
        result = publishing.publish_order(order.pk, due_only=False)
        if result.again:
            result = publishing.publish_order(order.pk, due_only=False)
        order.refresh_from_db()
        ok, words = order.state == OrderState.PUBLISHED, _words(order, result)
        (self.say if ok else self.complain)(f"{order.order_ref}: {order.state}. {words}")
        campaigns = list(order.campaigns.values_list("tracking_id", flat=True))
        return {
            "order_ref": order.order_ref,
            "ok": ok,
            "outcome": result.outcome,
            "state": order.state,
            "words": words,
            "tracking_ids": campaigns,
        }

    def _dry_run(self, order: Order) -> dict[str, Any]:
        try:
            result = dry_runs.dry_run(order.pk, user=None, now=timezone.now())
            ok, words = result.ok, result.told
        except Refused as error:
            ok, words = False, str(error)
        verdict = "Flow would take it" if ok else "not valid, or not answered"
        (self.say if ok else self.complain)(f"{order.order_ref}: {verdict}. {words}")
        return {"order_ref": order.order_ref, "ok": ok, "outcome": "dry_run", "state": order.state, "words": words}


def _words(order: Order, result: PublishResult) -> str:
    """Return why the order stands where it does, and what to do: its problem says that better than the last answer."""
    if order.state == OrderState.PUBLISHING:
        return result.words  # the problem is that of an earlier attempt
    words = order.problem or result.words
    if order.state == OrderState.QUEUED and order.next_attempt_at and result.outcome != "waiting":
        words += f" The workers try it again at {when(order.next_attempt_at)}."
    return words


def _chosen(refs: list[str], limit: int | None) -> list[Order]:
    orders = Order.objects.order_by("next_attempt_at", "pk")
    if not refs:
        return list(orders.filter(state=OrderState.QUEUED.value)[:limit])
    found = list(orders.filter(order_ref__in=refs))
    if missing := set(refs) - {order.order_ref for order in found}:
        raise CommandError(f"There is no order {quoted(missing)}. Nothing was done. Check the order_ref.")
    return found[:limit]
