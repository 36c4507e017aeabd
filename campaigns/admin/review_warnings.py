"""What does not forbid an order to leave, but should make somebody look twice."""

from datetime import datetime, timedelta
from itertools import groupby

from django.contrib.auth.models import User
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import look
from campaigns.admin.actions import state_words
from campaigns.admin.review_money import after
from campaigns.domain.states import OrderState
from campaigns.domain.times import lasted
from campaigns.models import Order
from campaigns.selectors import MonthlyBudget, Terms

CLOSE = timedelta(hours=1)
MOST = 20


def warnings(order: Order, user: User, now: datetime, terms: Terms, month: MonthlyBudget) -> list[SafeString | str]:
    """Return all warnings, the money first."""
    return [*_over_budget(order, month), *_close(order, now, terms), *_gone(order), *_elsewhere(order, user)]


def _over_budget(order: Order, month: MonthlyBudget) -> list[str]:
    left = month.left(order.amount, order.amount_currency)
    if left is None or left >= 0:
        return []
    return [f"{order.branch.name}'s budget of {month.begins:%B %Y} does not cover it: {after(order, month)}."]


def _close(order: Order, now: datetime, terms: Terms) -> list[str]:
    if order.start_at is None or not now < order.start_at < now + CLOSE:
        return []
    second = order.state == OrderState.DRAFT and terms.second_person
    who = "a second person must approve it and a worker send it" if second else "a worker must send it"
    left = lasted(order.start_at - now)
    return [f"Its start is close, in {left}: {who} before then, else it is rejected and nothing is sent."]


def _gone(order: Order) -> list[SafeString]:
    gone = selectors.listings_gone(order)[: MOST + 1]
    words = [
        format_html("<bdi>{}</bdi> is marked “<bdi>{}</bdi>”: advertising it may be wasted.", listing, listing.status)
        for listing in gone[:MOST]
    ]
    return [*words, *_more(len(gone), "listings that are sold or withdrawn")]


def _elsewhere(order: Order, user: User) -> list[SafeString]:
    rows = list(selectors.listings_elsewhere(order, user)[: MOST + 1])
    words = []
    for listing, its_rows in groupby(rows[:MOST], key=lambda row: row.listing):
        others = [row.order for row in its_rows]
        runs = [each for each in others if each.state == OrderState.PUBLISHED]
        to_come = [each for each in others if each.state != OrderState.PUBLISHED]
        told = [("is advertised already, by ", runs), ("is also in ", to_come)]
        parts = [(verb, _names(those, order, user)) for verb, those in told if those]
        words.append(format_html("<bdi>{}</bdi> {}.", listing, format_html_join(", and ", "{}{}", parts)))
    return [*words, *_more(len(rows), "orders with these listings")]


def _names(others: list[Order], order: Order, user: User) -> SafeString:
    told = [(look.link(user, "order", each.pk, each), state_words(each), _branch_words(each, order)) for each in others]
    return format_html_join(" and ", "order {} ({}{})", told)


def _branch_words(other: Order, order: Order) -> str:
    return "" if other.branch_id == order.branch_id else ", of another branch"


def _more(found: int, what: str) -> list[SafeString]:
    return [format_html("There are more {} than the {} named here.", what, MOST)] if found > MOST else []
