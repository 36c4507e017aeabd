"""What a branch may spend in a month, and what its orders have committed already: defined here alone."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from campaigns.domain.states import COMMITTED_STATES
from campaigns.domain.times import month_around
from campaigns.models import Branch, Order


@dataclass(frozen=True)
class MonthlyBudget:
    """A branch's month: what it may spend, in the site's currency, and what other orders have committed by currency."""

    begins: datetime
    """The first moment of the month, on the branch's clock."""
    limit: Decimal | None
    currency: str
    committed: dict[str, Decimal]

    def left(self, amount: Decimal, currency: str) -> Decimal | None:
        """Return what remains after this amount as well, below 0 where it is too much.

        None where no budget is set, or where the amount is in another currency and can't be compared.
        """
        if self.limit is None or currency != self.currency:
            return None
        return self.limit - self.committed.get(currency, Decimal(0)) - amount


def committed_orders(branch: Branch, moment: datetime) -> QuerySet[Order]:
    """Return the branch's orders whose money is spent or on its way in the calendar month of the moment.

    An order counts in the month of its start, on the branch's clock; without a start, in the month of its submission.
    Rehearsals count among themselves alone: they spend nothing.
    """
    begins, ends = month_around(moment, branch.zone)
    orders = Order.objects.filter(
        branch=branch,
        state__in=sorted(state.value for state in COMMITTED_STATES),
        rehearsal=settings.FLOW_IS_LOCAL,
    )
    return orders.alias(counts_at=Coalesce("start_at", "submitted_at")).filter(
        counts_at__gte=begins, counts_at__lt=ends
    )


def monthly_budget(branch: Branch, moment: datetime, *, without: Order | None = None) -> MonthlyBudget:
    """Return the branch's calendar month of the moment; `without` leaves an order's own amount out."""
    orders = committed_orders(branch, moment)
    if without:
        orders = orders.exclude(pk=without.pk)
    sums = orders.order_by().values_list("currency").annotate(total=Sum("budget"))
    begins, _ = month_around(moment, branch.zone)
    return MonthlyBudget(begins, branch.monthly_budget, settings.CURRENCY, dict(sums))
