"""What a branch may spend in a month, and what its orders have committed: what is spent, may be, or is on its way."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.domain.money import CENT
from campaigns.domain.states import COMMITTED_STATES
from campaigns.domain.times import month_after, month_from, month_of
from campaigns.models import Branch, Order

COMMITTED = sorted(COMMITTED_STATES)
# When the money counts as spent. The index order_committed has the same words.
MOMENT = Coalesce("start_at", "submitted_at")
NEARLY = Decimal("0.80")

Money = dict[str, Decimal]
"""An amount for each currency."""


@dataclass(frozen=True)
class MonthlyBudget:
    """A branch's month: what it may spend, in the site's currency, and what other orders have committed by currency."""

    begins: datetime
    """The first moment of the month, on the branch's clock."""
    limit: Decimal | None
    currency: str
    committed: Money

    def left(self, amount: Decimal, currency: str) -> Decimal | None:
        """Return what remains after this amount as well, below 0 where it is too much.

        None where no budget is set, or where the amount is in another currency and can't be compared.
        """
        if self.limit is None or currency != self.currency:
            return None
        return self.limit - self.committed.get(currency, Decimal(0)) - amount


def monthly_budget(branch: Branch, moment: datetime, *, without: Order | None = None) -> MonthlyBudget:
    """Return the branch's calendar month of the moment; `without` leaves an order's own amount out."""
    first, after = month_of(moment, branch.zone)
    orders = committed_between(Order.objects.filter(branch=branch), first, after)
    if without:
        orders = orders.exclude(pk=without.pk)
    sums = orders.order_by().values_list("currency").annotate(total=Sum("budget"))
    return MonthlyBudget(first.astimezone(branch.zone), branch.monthly_budget, settings.CURRENCY, dict(sums))


def this_month(now: datetime) -> date:
    """Return the first day of the month that the site's clock shows: it has one name, also where a branch's clock is ahead."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE)).date().replace(day=1)


def next_month(now: datetime) -> date:
    """Return the first day of the month after that."""
    return month_after(this_month(now))


def committed(branches: QuerySet[Branch], month: date) -> dict[int, Money]:
    """Return, by branch and currency, what its orders of the month of this first day cost, on the branch's own clock.

    An order belongs to the month of its start, else of its submission. Branches without such orders are left out. Takes two
    queries, however many branches there are.
    """
    zones = set(branches.order_by().values_list("time_zone", flat=True))
    if not zones:
        return {}
    months = {zone: month_from(month, ZoneInfo(zone)) for zone in zones}
    orders = _committed(min(first for first, _ in months.values()), max(after for _, after in months.values()))
    if len(months) > 1:
        orders = orders.filter(_of_own_month(months))
    money: dict[int, Money] = {}
    sums = orders.filter(branch__in=branches.order_by().values("pk")).values_list("branch", "currency")
    for branch, currency, total in sums.annotate(total=Sum("budget")).order_by():
        money.setdefault(branch, {})[currency] = total.quantize(CENT)
    return money


def nearly_spent(branches: QuerySet[Branch], month: date) -> dict[int, Money]:
    """Return what they have committed of the branches that have committed more than 80 % of that month's budget.

    A budget is in the site's currency: what is committed in another can't be compared with it, and does not count.
    """
    limited = branches.filter(monthly_budget__isnull=False)
    money = committed(limited, month)
    return {
        pk: money[pk]
        for pk, budget in limited.order_by().values_list("pk", "monthly_budget")
        if budget is not None and pk in money and money[pk].get(settings.CURRENCY, Decimal(0)) > budget * NEARLY
    }


def committed_between(orders: QuerySet[Order], first: datetime, after: datetime) -> QuerySet[Order]:
    """Return those of the orders whose money is committed, with the `moment` it counts for, from `first` until `after`.

    Rehearsals count among themselves alone: they spend nothing.
    """
    committed = orders.filter(state__in=COMMITTED, rehearsal=settings.FLOW_IS_LOCAL)
    return committed.alias(moment=MOMENT).filter(moment__gte=first, moment__lt=after)


def add_up(money: dict[int, Money]) -> Money:
    """Return the amounts of all branches together."""
    sums: Money = {}
    for amounts in money.values():
        for currency, amount in amounts.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def _committed(first: datetime, after: datetime) -> QuerySet[Order]:
    return committed_between(Order.objects.all(), first, after)


def _of_own_month(months: dict[str, tuple[datetime, datetime]]) -> Q:
    condition = Q()
    for zone, (first, after) in months.items():
        condition |= Q(branch__time_zone=zone, moment__gte=first, moment__lt=after)
    return condition
