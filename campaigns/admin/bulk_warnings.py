"""What should make somebody look twice before they publish many orders at once: what the review of each would say, and more.

For orders that are published together may want the same listing, and the month of a branch may hold each but not all of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import User

from campaigns import selectors
from campaigns.admin.review_warnings import CLOSE
from campaigns.domain.money import format_money
from campaigns.models import Branch, Order

ELSEWHERE = "with a listing that is in another order, too: one that runs, is on its way, or is one of these"
GONE = "with a listing that is sold or withdrawn"
SOON = "to start within the hour, by when it must be approved and sent"


@dataclass(frozen=True)
class Warnings:
    """Sentences about all of the orders, and what to look at in each, by its id."""

    of_all: list[str]
    of_each: dict[int, list[str]]


def warnings(orders: Sequence[Order], user: User, now: datetime) -> Warnings:
    """Return all warnings about publishing these orders together; takes as many queries as branches and months are meant."""
    ids = [order.pk for order in orders]
    soon = {order.pk for order in orders if order.start_at and now < order.start_at < now + CLOSE}
    found = {
        ELSEWHERE: selectors.advertised_twice(ids, user),
        GONE: selectors.with_listings_gone(ids),
        SOON: soon,
    }
    of_each: dict[int, list[str]] = defaultdict(list)
    for words, those in found.items():
        for pk in those:
            of_each[pk].append(words)
    counted = [f"{len(those):,} × {words}." for words, those in found.items() if those]
    return Warnings([*_over_budget(orders, now), *counted], dict(of_each))


def _over_budget(orders: Sequence[Order], now: datetime) -> list[str]:
    """Return a sentence for each month of a branch that does not hold what it has committed and all of these orders."""
    together: dict[tuple[Branch, int, int], list[Order]] = defaultdict(list)
    for order in orders:
        if order.branch.monthly_budget is not None:
            local = (order.start_at or now).astimezone(order.branch.zone)
            together[order.branch, local.year, local.month].append(order)
    return [words for (branch, *_), those in together.items() if (words := _too_much(branch, those, now))]


def _too_much(branch: Branch, orders: list[Order], now: datetime) -> str:
    month = selectors.monthly_budget(branch, orders[0].start_at or now)
    amount = sum((order.amount for order in orders if order.amount_currency == month.currency), Decimal(0))
    left = month.left(amount, month.currency)
    if left is None or left >= 0:
        return ""
    asked, over = format_money(amount, month.currency), format_money(-left, month.currency)
    return f"{branch.name}'s budget of {month.begins:%B %Y} does not cover {asked} more: {over} too much."
