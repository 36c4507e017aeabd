"""Reads: what pages, commands and tasks look at. Nothing here writes."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from campaigns.domain.states import FINAL_PHASES, OPEN_COMMAND_STATES, OrderState, Phase
from campaigns.models import Agent, Attempt, Branch, Campaign, Command, Event, Hold, Listing, Order, Plan, Settlement

RowT = TypeVar("RowT", Order, Campaign)

# What needs somebody's attention, by the word that the lists' filters and the home page use for it.
ORDER_NEEDS: dict[str, tuple[str, Q]] = {
    "settling": ("In doubt: settle", Q(state=OrderState.UNKNOWN.value)),
    "mending": ("Rejected: mend", Q(state=OrderState.REJECTED.value)),
    "approval": ("Waiting for approval", Q(state=OrderState.AWAITING_APPROVAL.value)),
    "patience": (
        "Queued with a problem",
        Q(state=OrderState.QUEUED.value) & (Q(failures__gt=0) | ~Q(problem="")),
    ),
}
CAMPAIGN_NEEDS: dict[str, tuple[str, Q]] = {
    "confirmation": (
        "Command not confirmed",
        Q(pk__in=Command.objects.filter(state__in=sorted(OPEN_COMMAND_STATES)).values("campaign")),
    ),
    # Flow may need a while until it knows a campaign that it has just published.
    "attention": (
        "Problem",
        ~Q(problem="")
        & Q(phase__in=sorted(set(Phase) - FINAL_PHASES))
        & (Q(missing_since__isnull=True) | Q(missing_since__lte=Now() - timedelta(minutes=30))),
    ),
}


def orders_for(user: User | AnonymousUser) -> QuerySet[Order]:
    """Return the orders that this person may see."""
    return Order.objects.all() if user.has_perm("campaigns.view_order") else Order.objects.none()


def campaigns_for(user: User | AnonymousUser) -> QuerySet[Campaign]:
    """Return the campaigns that this person may see."""
    return Campaign.objects.all() if user.has_perm("campaigns.view_campaign") else Campaign.objects.none()


def count_needs(rows: QuerySet[RowT], needs: dict[str, tuple[str, Q]]) -> dict[str, int]:
    """Return how many of the rows have each need."""
    return {name: rows.filter(condition).count() for name, (_, condition) in needs.items()}


def order_page(user: User | AnonymousUser) -> QuerySet[Order]:
    """Return the user's orders with the rows that an order's page names."""
    people = ("created_by", "submitted_by", "approved_by")
    return orders_for(user).select_related("plan", "branch", "agent", *people)


def campaign_page(user: User | AnonymousUser) -> QuerySet[Campaign]:
    """Return the user's campaigns with the rows that a campaign's page names."""
    return campaigns_for(user).select_related("order__plan", "branch", "attempt")


def history(subject: Order | Campaign, limit: int) -> list[Event]:
    """Return the newest lines of an order's or a campaign's history, the newest first."""
    return list(subject.events.select_related("actor", "campaign")[:limit])


def open_command(campaign: Campaign) -> Command | None:
    """Return what was asked of the campaign and is neither confirmed nor given up; there is at most one."""
    return campaign.commands.filter(state__in=sorted(OPEN_COMMAND_STATES)).select_related("asked_by").first()


def proposal_of_another(attempt: Attempt, user: User) -> Settlement | None:
    """Return the last word of another person on an attempt in doubt, if it waits for a second one."""
    others = attempt.settlements.filter(confirmed_at__isnull=True).exclude(proposed_by=user)
    return others.select_related("proposed_by").order_by("-proposed_at", "-pk").first()


def writers(order: Order) -> set[int]:
    """Return the ids of all who created, edited or submitted the order: none of them may approve it."""
    wrote = Event.objects.filter(order=order, kind__in=["order.created", "order.edited"], actor__isnull=False)
    submitted = {order.submitted_by_id} if order.submitted_by_id else set()
    return {order.created_by_id, *submitted, *wrote.values_list("actor_id", flat=True)}


def people_who_may(permission: str) -> QuerySet[User]:
    """Return the active staff with the permission, such as `approve_order`; superusers are among them."""
    may = User.objects.with_perm(f"campaigns.{permission}", backend="django.contrib.auth.backends.ModelBackend")
    return may.filter(is_staff=True).order_by("username")


def held_until(now: datetime) -> datetime | None:
    """Return until when Flow asked everybody to wait, None where it did not."""
    return Hold.objects.filter(until__gt=now).values_list("until", flat=True).first()


def nothing_yet() -> bool:
    """Say whether this is a fresh site: no catalogue and no orders."""
    return not any(model.objects.exists() for model in (Branch, Agent, Listing, Plan, Order))
