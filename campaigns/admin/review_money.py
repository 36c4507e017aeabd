"""The money of an order under review: what remains of its branch's month, and whether a second person is asked for."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import User

from campaigns import selectors
from campaigns.admin.people import names
from campaigns.domain.money import format_money
from campaigns.domain.states import OrderState
from campaigns.models import Order
from campaigns.selectors import MonthlyBudget, Terms

Pair = tuple[str, str]


def month_of(order: Order, now: datetime) -> MonthlyBudget:
    """Return the month in which the order counts, without it: that of its start, else of its submission, else this one."""
    return selectors.monthly_budget(order.branch, order.start_at or order.submitted_at or now, without=order)


def month_pairs(order: Order, month: MonthlyBudget) -> list[Pair]:
    """Return the branch's budget of the month, what is committed, and what remains after the order."""
    name = f"{month.begins:%B %Y}"
    sums = [format_money(amount, currency) for currency, amount in sorted(month.committed.items())]
    limit = "None is set" if month.limit is None else format_money(month.limit, month.currency)
    return [
        (f"{name}, budget", f"{limit} for {order.branch.name}"),
        (f"{name}, committed", f"{' and '.join(sums)} by other orders" if sums else "Nothing by other orders"),
        (f"{name}, after this", after(order, month)),
    ]


def after(order: Order, month: MonthlyBudget) -> str:
    """Return what remains of the month's budget after the order, in words."""
    amount, currency = order.amount, order.amount_currency
    if month.limit is None:
        spent = month.committed.get(currency, Decimal(0)) + amount
        return f"{format_money(spent, currency)} committed, with no budget to hold it against"
    left = month.left(amount, currency)
    if left is None:
        return f"Can't be compared: the budget is in {month.currency}, this order in {currency}"
    if left < 0:
        return f"{format_money(-left, currency)} over the budget"
    return f"{format_money(left, currency)} remain"


def approval_words(order: Order, terms: Terms, user: User) -> str:
    """Return whether the order needs a second person, which threshold says so and whose it is, and who that could be."""
    threshold = selectors.threshold_of(order.branch)
    if threshold.amount is None:
        return f"Not needed: neither {order.branch.name} nor the site has a threshold"
    owner = f"{order.branch.name}'s" if threshold.of_branch else "the site's"
    bound = f"{owner} threshold is {format_money(threshold.amount, settings.CURRENCY)}"
    if not terms.second_person:
        return f"Not needed: {bound}"
    if terms.currency != settings.CURRENCY:
        return f"Needed: {bound}, and {terms.currency} can't be compared with it. {who_approves(order, user)}"
    return f"Needed: {bound}. {who_approves(order, user)}"


def who_approves(order: Order, user: User) -> str:
    """Return who may approve the order once this person has submitted it, or now if it is submitted."""
    barred = selectors.writers(order)
    if order.state == OrderState.DRAFT:
        barred |= {user.pk}
    who = names(["approve_order"], order.branch_id, user, without=barred)
    if who:
        return f"Who can: {who}."
    return f"Nobody can yet: ask an administrator to give somebody else of {order.branch.name} “approve_order”."
