"""Approval: which threshold asks for a second person, and which orders wait for whom."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import QuerySet, Sum

from campaigns.domain.money import format_money, needs_second_person
from campaigns.models import Branch, Order


@dataclass(frozen=True)
class Threshold:
    """From which budget on, in the site's currency, an order needs a second person; None: none ever does."""

    amount: Decimal | None
    of_branch: bool


@dataclass(frozen=True)
class Terms:
    """What submitting a draft means for the money."""

    amount: Decimal
    currency: str
    second_person: bool

    def __str__(self) -> str:
        fate = "to a second person" if self.second_person else "at once"
        return f"{format_money(self.amount, self.currency)}, {fate}"


def threshold_of(branch: Branch) -> Threshold:
    """Return the branch's own threshold, else the site's."""
    own = branch.approval_threshold
    return Threshold(settings.APPROVAL_THRESHOLD if own is None else own, of_branch=own is not None)


def terms_of(order: Order) -> Terms:
    """Return what submitting the order as it is now means."""
    amount, currency = order.amount, order.amount_currency
    second = needs_second_person(amount, currency, threshold_of(order.branch).amount, settings.CURRENCY)
    return Terms(amount, currency, second)


def money_of(orders: QuerySet[Order]) -> list[tuple[str, Decimal]]:
    """Return (currency, amount) of what submitted orders cost together, each currency once."""
    return list(orders.order_by("currency").values_list("currency").annotate(total=Sum("budget")))
