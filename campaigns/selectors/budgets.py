"""What the branches have committed: money that is spent, may have been spent, or will be unless somebody says no."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.domain.money import CENT
from campaigns.domain.states import OrderState
from campaigns.domain.times import month_of
from campaigns.models import Branch, Order

COMMITTED = sorted(
    {
        OrderState.AWAITING_APPROVAL,
        OrderState.QUEUED,
        OrderState.PUBLISHING,
        OrderState.PUBLISHED,
        OrderState.UNKNOWN,
    }
)
# When the money counts as spent. The index order_committed has the same words.
MOMENT = Coalesce("start_at", "submitted_at")
NEARLY = Decimal("0.80")

Money = dict[str, Decimal]
"""An amount for each currency."""


def committed(branches: QuerySet[Branch], now: datetime) -> dict[int, Money]:
    """Return, by branch and currency, what its orders of this calendar month cost, on the branch's own clock.

    An order belongs to the month of its start, else of its submission. Branches without such orders are left out. Takes two
    queries, however many branches there are.
    """
    zones = set(branches.order_by().values_list("time_zone", flat=True))
    if not zones:
        return {}
    months = {zone: month_of(now, ZoneInfo(zone)) for zone in zones}
    orders = _committed(min(first for first, _ in months.values()), max(after for _, after in months.values()))
    if len(months) > 1:
        orders = orders.filter(_of_own_month(months))
    money: dict[int, Money] = {}
    sums = orders.filter(branch__in=branches.order_by().values("pk")).values_list("branch", "currency")
    for branch, currency, total in sums.annotate(total=Sum("budget")).order_by():
        money.setdefault(branch, {})[currency] = total.quantize(CENT)
    return money


def nearly_spent(branches: QuerySet[Branch], now: datetime) -> list[int]:
    """Return the ids of the branches that have committed more than 80 % of their month's budget.

    A budget is in the site's currency: what is committed in another can't be compared with it, and does not count.
    """
    limited = branches.filter(monthly_budget__isnull=False)
    money = committed(limited, now)
    return [
        pk
        for pk, budget in limited.order_by().values_list("pk", "monthly_budget")
        if budget is not None and money.get(pk, {}).get(settings.CURRENCY, Decimal(0)) > budget * NEARLY
    ]


def between(orders: QuerySet[Order], first: datetime, after: datetime) -> QuerySet[Order]:
    """Return those of the orders whose money is committed, with the `moment` it counts for, from `first` until `after`."""
    return orders.alias(moment=MOMENT).filter(state__in=COMMITTED, moment__gte=first, moment__lt=after)


def add_up(money: dict[int, Money]) -> Money:
    """Return the amounts of all branches together."""
    sums: Money = {}
    for amounts in money.values():
        for currency, amount in amounts.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def _committed(first: datetime, after: datetime) -> QuerySet[Order]:
    return between(Order.objects.all(), first, after)


def _of_own_month(months: dict[str, tuple[datetime, datetime]]) -> Q:
    condition = Q()
    for zone, (first, after) in months.items():
        condition |= Q(branch__time_zone=zone, moment__gte=first, moment__lt=after)
    return condition
