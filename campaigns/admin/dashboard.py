"""The home page: what needs somebody, each with a link to exactly those rows."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from campaigns import selectors
from campaigns.admin.base import person

# The need, what the card says beneath its number, its icon, and whether a number above zero is an alarm.
ORDER_CARDS = [
    ("settling", "orders in doubt: settle", "help", True),
    ("mending", "orders rejected: mend or cancel", "block", True),
    ("approval", "orders waiting for approval", "how_to_reg", False),
    ("patience", "orders queued with a problem", "schedule_send", False),
]
CAMPAIGN_CARDS = [
    ("confirmation", "campaigns with a command not confirmed yet", "settings_remote", False),
    ("attention", "campaigns with a problem", "error", True),
]
FIRST_STEPS = [
    ("branch", "Add your branches", "each with Flow's external id and its time zone"),
    ("plan", "Add Flow's plans", "their references and default budgets"),
    ("listing", "Add listings", "the properties to advertise"),
    ("order", "Build the first order", "nothing is published until it is submitted"),
]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the home page's context with its cards."""
    user = person(request)
    return {
        **context,
        "title": "Home",
        "cards": [*_order_cards(request), *_campaign_cards(request)],
        "no_branch": not (selectors.works_everywhere(user) or selectors.branches_for(user).exists()),
        "first_steps": _first_steps(request) if selectors.nothing_yet() else [],
        "may_add_order": request.user.has_perm("campaigns.add_order"),
    }


def _order_cards(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm("campaigns.view_order"):
        return []
    counts = selectors.count_needs(selectors.orders_for(person(request)), selectors.ORDER_NEEDS)
    return [_card("order", counts, card) for card in ORDER_CARDS]


def _campaign_cards(request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm("campaigns.view_campaign"):
        return []
    counts = selectors.count_needs(selectors.campaigns_for(person(request)), selectors.CAMPAIGN_NEEDS)
    return [_card("campaign", counts, card) for card in CAMPAIGN_CARDS]


def _card(model: str, counts: dict[str, int], card: tuple[str, str, str, bool]) -> dict[str, Any]:
    need, text, icon, alarming = card
    url = f"{reverse(f'admin:campaigns_{model}_changelist')}?needs={need}"
    if need == "settling":
        url = reverse("admin:campaigns_order_doubts")
    return {
        "need": need,
        "text": text,
        "icon": icon,
        "count": counts[need],
        "url": url,
        "alarm": alarming and counts[need],
    }


def _first_steps(request: HttpRequest) -> list[dict[str, str]]:
    return [
        {"title": title, "text": text, "url": reverse(f"admin:campaigns_{model}_add")}
        for model, title, text in FIRST_STEPS
        if request.user.has_perm(f"campaigns.add_{model}")
    ]
