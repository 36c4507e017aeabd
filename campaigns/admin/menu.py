"""The menu: what each person may see, and how many wait in each queue."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from campaigns.domain.states import OrderState
from campaigns.selectors import approvals_for, orders_for, pressing_alerts, proposals_for

Item = dict[str, Any]
Menu = Iterable[tuple[str, str, str]]

MENU: dict[str, Menu] = {
    "Work": [("campaigns.order", "Orders", "shopping_cart"), ("campaigns.campaign", "Campaigns", "campaign")],
    "Catalogue": [
        ("campaigns.branch", "Branches", "store"),
        ("campaigns.agent", "Agents", "badge"),
        ("campaigns.listing", "Listings", "home_work"),
        ("campaigns.plan", "Plans", "sell"),
    ],
    "Records": [
        ("campaigns.event", "History", "history"),
        ("campaigns.attempt", "Attempts", "outbox"),
        ("campaigns.command", "Commands", "settings_remote"),
    ],
    "Administration": [
        ("auth.user", "Users", "person"),
        ("auth.group", "Groups", "group"),
        ("django_celery_beat.periodictask", "Schedule", "event_repeat"),
    ],
}

MOST_PRESSING = 99


def navigation(request: HttpRequest) -> list[Item]:
    """Return the menu: what this user may see."""
    groups: list[Item] = [
        {"title": title, "separator": True, "items": _items(request, menu)} for title, menu in MENU.items()
    ]
    for model, item in _pages_beneath(request):
        _add_beneath(request, groups[0]["items"], model, item)
    if request.user.has_perm("campaigns.view_order") or request.user.has_perm("campaigns.view_campaign"):
        groups[0]["items"].append(_page("batch_changelist", "My batches", "checklist"))
    home = {"title": "Home", "icon": "dashboard", "link": reverse("admin:index")}
    return [{"items": [home, _alerts(request)]}, *[group for group in groups if group["items"]]]


def _items(request: HttpRequest, menu: Menu) -> list[Item]:
    items: list[Item] = []
    for model, title, icon in menu:
        app, name = model.split(".")
        if request.user.has_perms([f"{app}.view_{name}"]) or request.user.has_perms([f"{app}.change_{name}"]):
            items.append({"title": title, "icon": icon, "link": reverse(f"admin:{app}_{name}_changelist")})
    return items


def _alerts(request: HttpRequest) -> Item:
    """Return the bell, with how many alerts ask for the person and are not read; good news raise no number."""
    pressing = pressing_alerts(request.user)[: MOST_PRESSING + 1].count()
    badge = f"{MOST_PRESSING}+" if pressing > MOST_PRESSING else pressing
    item = {"title": "Alerts", "icon": "notifications", "link": reverse("alerts")}
    return {**item, "badge": badge, "badge_variant": "primary"}


def _pages_beneath(request: HttpRequest) -> Iterable[tuple[str, Item]]:
    """Yield the queues and other pages that stand beneath the lists of orders and campaigns, in the menu's order."""
    user = cast(User, request.user)
    if user.has_perm("campaigns.view_order"):
        doubts = orders_for(user).filter(state=OrderState.UNKNOWN.value)
        yield "order", _page("order_doubts", "In doubt", "help", badge=doubts.count())
        if user.has_perm("campaigns.approve_order"):
            yield "order", _page("order_approvals", "My approvals", "how_to_reg", badge=approvals_for(user).count())
        if user.has_perm("campaigns.add_order"):
            yield "order", _page("order_templates", "Templates", "bookmark")
    if user.has_perm("campaigns.view_campaign"):
        yield "campaign", _page("campaign_calendar", "Calendar", "calendar_month")
        proposals = proposals_for(user).count()
        yield "campaign", _page("campaign_pause_proposals", "Pause proposals", "motion_photos_paused", badge=proposals)


def _page(name: str, title: str, icon: str, **more: Any) -> Item:
    return {"title": title, "icon": icon, "link": reverse(f"admin:campaigns_{name}"), **more}


def _add_beneath(request: HttpRequest, items: list[Item], model: str, item: Item) -> None:
    """Put an item behind those of a model, whose addresses its own begins like: only one of them is active."""
    item["active"] = request.path.startswith(item["link"])
    home = reverse(f"admin:campaigns_{model}_changelist")
    beneath = [place for place, each in enumerate(items) if each["link"].startswith(home)]
    for place in beneath:
        was_active = items[place].get("active", request.path.startswith(items[place]["link"]))
        items[place]["active"] = was_active and not item["active"]
    items.insert(beneath[-1] + 1, item)
