"""How many, and how much money: of any rows, by week and branch, by phase."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import Case, Count, F, IntegerField, Min, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from campaigns.domain.money import CENT
from campaigns.models import Campaign, Order
from campaigns.selectors.budgets import Money, committed_between
from campaigns.selectors.scope import campaigns_for, phase_counts_for


@dataclass(frozen=True)
class Figure:
    """How many rows there are, and how much money they are, by currency."""

    number: int
    money: Money


@dataclass(frozen=True)
class PhaseNumbers:
    """How many campaigns are in each phase that one of them is in, and when they were counted; None: just now."""

    numbers: dict[str, int]
    counted_at: datetime | None = None


@dataclass(frozen=True)
class WeekSum:
    """What orders of a branch that belong to a week, counted from the first one, cost together in a currency."""

    week: int
    branch: int
    currency: str
    amount: Decimal


def figure_of_orders(orders: QuerySet[Order]) -> Figure:
    """Return how many the orders are and what they cost, in one query."""
    rows = orders.order_by().values_list(currency_of()).annotate(number=Count("*"), total=Sum(amount_of()))
    sums = [(currency, number, total.quantize(CENT)) for currency, number, total in rows]
    return Figure(sum(number for _, number, _ in sums), {currency: total for currency, _, total in sums})


def figure_of_campaigns(campaigns: QuerySet[Campaign]) -> Figure:
    """Return how many the campaigns are and what their orders cost, each order once: Flow does not share it out.

    Takes one query, of a row an order: meant for campaigns that need somebody, not for all.
    """
    rows = campaigns.order_by().values_list("order", currency_of("order__"), amount_of("order__"))
    number, money = 0, dict[str, Decimal]()
    for _, currency, amount, of_order in rows.annotate(number=Count("*")):
        number += of_order
        money[currency] = money.get(currency, Decimal(0)) + amount.quantize(CENT)
    return Figure(number, money)


def committed_by_week(orders: QuerySet[Order], starts: Sequence[datetime]) -> list[WeekSum]:
    """Return what the orders have committed by week, branch and currency; each week ends where the next one of `starts` begins.

    The last of them only ends the week before.
    """
    weeks = [When(moment__lt=after, then=Value(week)) for week, after in enumerate(starts[1:])]
    rows = committed_between(orders, starts[0], starts[-1]).order_by()
    sums = rows.annotate(week=Case(*weeks, output_field=IntegerField())).values_list("week", "branch", "currency")
    return [
        WeekSum(week, branch, currency, amount.quantize(CENT))
        for week, branch, currency, amount in sums.annotate(total=Sum("budget"))
    ]


def by_phase(user: User) -> PhaseNumbers:
    """Return how many campaigns that the person may see are in each phase: as kept, else counted now."""
    kept = phase_counts_for(user).order_by().values_list("phase").annotate(total=Sum("number"), at=Min("counted_at"))
    if rows := list(kept):
        return PhaseNumbers({phase: total for phase, total, _ in rows}, min(at for _, _, at in rows))
    return PhaseNumbers(dict(campaigns_for(user).order_by().values_list("phase").annotate(number=Count("*"))))


def amount_of(order: str = "") -> Coalesce:
    """Return what Order.amount reads, of the order at the end of the path, summed where it is."""
    return Coalesce(*(f"{order}{name}" for name in ("budget", "budget_override", "plan__default_budget")))


def currency_of(order: str = "") -> Case:
    """Return what Order.amount_currency reads, as `_amount` does."""
    return Case(When(**{f"{order}currency": ""}, then=F(f"{order}plan__currency")), default=F(f"{order}currency"))
