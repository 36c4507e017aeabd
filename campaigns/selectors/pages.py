"""What the pages of one order or campaign show."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Prefetch, QuerySet

from campaigns.domain.states import OPEN_COMMAND_STATES, OrderState
from campaigns.models import Agent, Branch, Campaign, Command, Event, Listing, Order, Plan
from campaigns.selectors.holders import of_the_present_holder
from campaigns.selectors.scope import campaigns_for, orders_for

MOST_EDITS = 50


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


def with_open_commands(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Return the campaigns, each with the command that is open as its only one in `commands.all()`, in one more query."""
    return campaigns.prefetch_related(Prefetch("commands", open_commands()))


def open_commands() -> QuerySet[Command]:
    """Return the commands that were asked and are neither confirmed nor over; a campaign has at most one."""
    return Command.objects.filter(state__in=sorted(OPEN_COMMAND_STATES))


def nothing_yet() -> bool:
    """Say whether this is a fresh site: no catalogue and no orders."""
    return not any(model.objects.exists() for model in (Branch, Agent, Listing, Plan, Order))


def edits(order: Order) -> list[Event]:
    """Return the newest lines that tell of edits of the order, the newest first."""
    return list(order.events.filter(kind="order.edited").select_related("actor")[:MOST_EDITS])


def changes_of(subject: str, noun: str) -> list[Event]:
    """Return the newest lines that tell of changes of an entry of the catalogue, such as `branch:B1`, the newest first."""
    kinds = (f"{noun}.changed", f"{noun}.renamed")
    lines = Event.objects.filter(of_the_present_holder(), subject=subject, kind__in=kinds)
    return list(lines.select_related("actor")[:MOST_EDITS])


def refusal(order: Order) -> Event | None:
    """Return the line of who rejected the order, where its draft came back by that and its `problem` is their comment."""
    told = order.events.filter(kind__in=["order.not_approved", "order.returned", "order.late_answer"])
    last = told.select_related("actor").order_by("-pk").first()
    return last if order.state == OrderState.DRAFT and last and last.kind == "order.not_approved" else None
