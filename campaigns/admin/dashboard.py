"""The home page: what needs somebody, each with a link to exactly those rows, and what was committed and runs."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from campaigns import selectors
from campaigns.admin import charts
from campaigns.admin.base import person
from campaigns.admin.look import when
from campaigns.domain.money import format_money
from campaigns.selectors import CAMPAIGN_NEEDS, ORDER_NEEDS, Figure, Need

# Queues with a page of their own, which shows the same rows as the list with this filter.
QUEUES = {"settling": "admin:campaigns_order_doubts", "my_approval": "admin:campaigns_order_approvals"}


@dataclass(frozen=True)
class Card:
    """A need as the home page tells of it: words after its number, icon, and whether a number above zero is an alarm."""

    need: str
    words: str
    icon: str
    alarm: bool = False


MY_APPROVAL = Card("my_approval", "waiting for your approval", "how_to_reg")
ORDER_CARDS = [
    Card("settling", "in doubt: settle", "help", alarm=True),
    Card("by_mistake", "live at Flow by mistake, or twice: keep or cancel their campaigns", "paid", alarm=True),
    Card("mending", "rejected: mend or cancel", "block", alarm=True),
    Card("hurry", "not approved, to start within 24 hours or already late", "alarm"),
    Card("overdue", "queued, overdue and published by nobody", "hourglass_disabled"),
    Card("patience", "queued with a problem", "schedule_send"),
]
CAMPAIGN_CARDS = [
    Card("attention", "with a problem", "error", alarm=True),
    Card("confirmation", "with a command not confirmed yet", "settings_remote"),
    Card("gone", "running for a listing that is sold, withdrawn or inactive", "money_off"),
    Card("ending", "ending within 3 days", "event_upcoming"),
]
OVER = "with over 80 % of the budget of {month:%B %Y} committed"
BUDGET_CARDS = [
    (Card("budget", OVER, "account_balance_wallet"), selectors.this_month),
    (Card("next_budget", OVER, "event_repeat"), selectors.next_month),
]
FIRST_STEPS = [
    ("branch", "Add your branches", "each with Flow's external id and its time zone"),
    ("plan", "Add Flow's plans", "their references and default budgets"),
    ("listing", "Add listings", "the properties to advertise"),
    ("order", "Build the first order", "nothing is published until it is submitted"),
]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the home page's context: its cards and charts, all of one moment."""
    user, now, fresh = person(request), timezone.now(), selectors.nothing_yet()
    may_see_orders, may_see_campaigns = (user.has_perm(f"campaigns.view_{name}") for name in ("order", "campaign"))
    return {
        **context,
        "title": "Home",
        "as_of": when(now),
        "cards": [*_order_cards(request, now), *_campaign_cards(request, now), *_branch_cards(request, now)],
        "money_charts": charts.committed(user, now) if may_see_orders and not fresh else None,
        "phases": charts.phases(user) if may_see_campaigns and not fresh else None,
        "no_branch": not (selectors.works_everywhere(user) or selectors.branches_for(user).exists()),
        "first_steps": _first_steps(request) if fresh else [],
        "may_add_order": user.has_perm("campaigns.add_order"),
    }


def _order_cards(request: HttpRequest, now: datetime) -> list[dict[str, Any]]:
    user = person(request)
    if not user.has_perm("campaigns.view_order"):
        return []
    orders = selectors.orders_for(user)
    # Whoever approves counts their own queue; the others, all that waits.
    first = (
        MY_APPROVAL
        if user.has_perm("campaigns.approve_order")
        else Card("approval", "waiting for approval", "how_to_reg")
    )

    def figure(need: Need) -> Figure:
        return selectors.figure_of_orders(orders.filter(need.rows(user, now)))

    return [_shown("order", card, figure(ORDER_NEEDS[card.need])) for card in (first, *ORDER_CARDS)]


def _campaign_cards(request: HttpRequest, now: datetime) -> list[dict[str, Any]]:
    user = person(request)
    if not user.has_perm("campaigns.view_campaign"):
        return []
    campaigns = selectors.campaigns_for(user)

    def figure(need: Need) -> Figure:
        return selectors.figure_of_campaigns(campaigns.filter(need.rows(user, now)))

    return [_shown("campaign", card, figure(CAMPAIGN_NEEDS[card.need])) for card in CAMPAIGN_CARDS]


def _branch_cards(request: HttpRequest, now: datetime) -> list[dict[str, Any]]:
    user = person(request)
    if not user.has_perms(["campaigns.view_branch", "campaigns.view_order"]):
        return []
    branches, cards = selectors.branches_for(user), []
    for card, month_of in BUDGET_CARDS:
        month = month_of(now)
        # The same rows as the list's filter finds, and their money in the same queries.
        found = selectors.nearly_spent(branches, month)
        figure = Figure(len(found), selectors.add_up(found))
        cards.append(_shown("branch", replace(card, words=card.words.format(month=month)), figure))
    return cards


def _shown(model: str, card: Card, figure: Figure) -> dict[str, Any]:
    plural = "branches" if model == "branch" else f"{model}s"
    return {
        "need": card.need,
        "count": figure.number,
        "text": f"{model if figure.number == 1 else plural} {card.words}",
        "money": [format_money(amount, currency) for currency, amount in sorted(figure.money.items())],
        "icon": card.icon,
        "url": _url(model, card.need),
        "alarm": card.alarm and figure.number > 0,
    }


def _url(model: str, need: str) -> str:
    if need in QUEUES:
        try:
            return reverse(QUEUES[need])
        except NoReverseMatch:  # not every console has that page
            pass
    return f"{reverse(f'admin:campaigns_{model}_changelist')}?needs={need}"


def _first_steps(request: HttpRequest) -> list[dict[str, str]]:
    return [
        {"title": title, "text": text, "url": reverse(f"admin:campaigns_{model}_add")}
        for model, title, text in FIRST_STEPS
        if request.user.has_perm(f"campaigns.add_{model}")
    ]
