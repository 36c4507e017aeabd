"""`create_order`: build one order, with the rules of the admin."""

import argparse
from datetime import MAXYEAR, MINYEAR, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone

from campaigns import selectors, tasks
from campaigns.domain.money import format_money, parse_amount
from campaigns.domain.states import OrderState
from campaigns.domain.times import in_zone
from campaigns.management.base import ConsoleCommand, ExitCode, Report, in_words
from campaigns.management.describe import order_data
from campaigns.models import Branch, Order, Plan
from campaigns.models.choices import label
from campaigns.services import orders
from campaigns.services.errors import Refused
from campaigns.services.history import require
from campaigns.services.orders import Content


class Command(ConsoleCommand):
    """Build an order; with --submit, send it on its way as well."""

    help = (
        "Build an order with the rules of the admin; --submit sends it on its way. The same --order-ref with the same content "
        "again answers the order that is there; with other content it is refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what an order is made of."""
        parser.add_argument("--plan", required=True, metavar="REF", help="reference of the plan")
        parser.add_argument("--branch", required=True, metavar="ID", help="external id of the branch")
        parser.add_argument("--listing", required=True, action="append", nargs="+", metavar="ID", help="external ids")
        parser.add_argument("--agent", metavar="ID", help="external id of the agent")
        parser.add_argument("--start", type=_moment, metavar="ISO", help="without an offset: the branch's time")
        parser.add_argument("--end", type=_moment, metavar="ISO", help="without an offset: the branch's time")
        parser.add_argument("--budget", type=_amount, metavar="N", help="instead of the plan's default")
        parser.add_argument("--order-ref", type=_order_ref, metavar="REF", help="made for you when left out")
        parser.add_argument("--user", required=True, metavar="NAME", help="who creates (and submits) the order")
        parser.add_argument("--submit", action="store_true", help="submit the order as well")

    def run(self, **options: Any) -> Report:
        """Create or find the order, submit it where asked for, and tell where it stands."""
        user, code = self.user(options["user"]), ExitCode.DONE
        require(user, "add_order", "create orders")
        order, created = _found_or_created(_content(options, user), user, options["order_ref"] or "")
        if created:
            self.say(f"Created order {order.order_ref} for {format_money(order.amount, order.amount_currency)}.")
        else:
            self.say(f"Order {order.order_ref} is there already with this content.")
        if options["submit"] and order.state == OrderState.DRAFT:
            try:
                order = _submit(order, user)
            except (Refused, ValidationError) as error:
                if not created:
                    raise
                self.complain(str(in_words(error)))
                code = ExitCode.PARTLY_DONE  # with the order_ref in the data: it is there, and can be submitted later
        self.say(f"Order {order.order_ref} is now: {label(order.state).lower()}.")
        return Report(order_data(Order.objects.get(pk=order.pk)), code)


def _found_or_created(content: Content, user: User, order_ref: str) -> tuple[Order, bool]:
    there = _there(order_ref, content, user)
    if there:
        return there, False
    try:
        return orders.create_order(content, user=user, now=timezone.now(), order_ref=order_ref), True
    except ValidationError:
        there = _there(order_ref, content, user)  # another process was faster
        if there is None:
            raise
        return there, False


def _there(order_ref: str, content: Content, user: User) -> Order | None:
    """Return the order that has this order_ref and this content. Raises Refused where it has other content, or isn't theirs."""
    order = Order.objects.filter(order_ref=order_ref).first() if order_ref else None
    if order is None:
        return None
    if not selectors.works_for(user, order.branch_id):
        raise Refused(
            f"The order_ref {order_ref} can't be used. No order was created. Choose another, or leave --order-ref out."
        )
    return orders.find_same(order_ref, content)


def _submit(order: Order, user: User) -> Order:
    order = orders.submit(order.pk, order.version, user=user, now=timezone.now())
    if order.state == OrderState.QUEUED:
        tasks.nudge_publish(order.pk)
    return order


def _content(options: dict[str, Any], user: User) -> Content:
    """Return the content that the options name. Raises ValidationError for every id that nothing of the user's branches has."""
    errors: dict[str, list[str]] = {}
    plan = Plan.objects.filter(ref=options["plan"]).first()
    branch = selectors.branches_for(user).filter(external_id=options["branch"]).first()
    agent = selectors.agents_for(user).filter(external_id=options["agent"]).first() if options["agent"] else None
    ids = list(dict.fromkeys(external_id for group in options["listing"] for external_id in group))
    found = {listing.external_id: listing for listing in selectors.listings_for(user).filter(external_id__in=ids)}
    if plan is None:
        errors["plan"] = [_unknown("plan", options["plan"])]
    if branch is None:
        errors["branch"] = [_unknown("branch", options["branch"])]
    if options["agent"] and agent is None:
        errors["agent"] = [_unknown("agent", options["agent"])]
    if missing := [external_id for external_id in ids if external_id not in found]:
        errors["listings"] = [_unknown("listing", external_id) for external_id in missing]
    moments = {}
    for name in ("start", "end"):
        try:
            moments[name] = _in_branch(options[name], branch)
        except ValueError as error:
            errors[f"{name}_at"] = [str(error)]
    if errors or plan is None or branch is None:
        raise ValidationError(errors)
    return Content(
        plan=plan,
        branch=branch,
        listings=tuple(found[external_id] for external_id in ids),
        agent=agent,
        start_at=moments["start"],
        end_at=moments["end"],
        budget_override=options["budget"],
    )


def _unknown(kind: str, external_id: str) -> str:
    return f"There is no {kind} “{external_id}”. Check the id, or import the {kind} first."


def _in_branch(moment: datetime | None, branch: Branch | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None or branch is None:
        return moment
    return in_zone(moment, branch.zone)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if not MINYEAR < moment.year < MAXYEAR:  # in another zone it would be out of all calendars
            raise ValueError(text)
        return moment
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"“{text}” is not a date and time. Write it such as 2027-03-01T09:00 or 2027-03-01T07:00:00Z."
        ) from None


def _order_ref(text: str) -> str:
    if not text.strip():  # an empty variable of a script: each run would create one more order
        raise argparse.ArgumentTypeError("it is empty. Give a reference of your own, or leave --order-ref out.")
    return text.strip()


def _amount(text: str) -> Decimal:
    try:
        return parse_amount(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
