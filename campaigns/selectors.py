"""Reads: what pages, commands and tasks look at. Nothing here writes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Exists, Min, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Now

from campaigns.domain.heartbeats import Part, is_late, late_after
from campaigns.domain.schedule import JITTER, LIVE_INTERVAL
from campaigns.domain.states import FINAL_PHASES, OPEN_COMMAND_STATES, OrderState, Phase
from campaigns.flow.retry import LONGEST_RETRY_AFTER
from campaigns.models import (
    Agent,
    Attempt,
    Branch,
    Campaign,
    Command,
    Event,
    Heartbeat,
    Hold,
    Listing,
    Order,
    Plan,
    Reminder,
    Settlement,
)

RowT = TypeVar("RowT", Order, Campaign)

OVERDUE_AFTER = timedelta(minutes=5)
# No honest wait is longer, neither one that Flow asked for nor a back-off: a clock that was ahead wrote what lies beyond.
LONGEST_WAIT = timedelta(seconds=LONGEST_RETRY_AFTER) + timedelta(minutes=1)

# The same for the next check of a campaign: an hour when live, and 10 % more by chance.
LONGEST_INTERVAL = LIVE_INTERVAL * (1 + JITTER) + timedelta(minutes=1)

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


@dataclass(frozen=True)
class Sign:
    """When a part was last heard of, None where it never was; of the workers the one that was heard last."""

    part: Part
    last: datetime | None
    node: str
    late: bool


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


def last_words(settlements: Iterable[Settlement]) -> list[Settlement]:
    """Return each person's last word among those that wait for a second one, the oldest first."""
    in_order = sorted(settlements, key=lambda word: (word.proposed_at, word.pk))
    last = {word.proposed_by_id: word for word in in_order}
    return [word for word in in_order if last[word.proposed_by_id] is word]


def proposals_of_others(attempt: Attempt, user: User) -> list[Settlement]:
    """Return the last word of each other person on an attempt in doubt, the newest first.

    Whoever may not settle any more, or cannot log in any more, has no word.
    """
    others = attempt.settlements.filter(confirmed_at__isnull=True).exclude(proposed_by=user)
    words = last_words(others.select_related("proposed_by"))
    return [word for word in reversed(words) if word.proposed_by.has_perm("campaigns.settle_order")]


def words_on_other_doubts(order: Order) -> list[Settlement]:
    """Return each person's last word on each other order in doubt, where it waits for a second one."""
    waiting = Settlement.objects.filter(confirmed_at__isnull=True, order__state=OrderState.UNKNOWN.value)
    words: dict[int, list[Settlement]] = {}
    for word in waiting.exclude(order=order).select_related("order", "proposed_by"):
        words.setdefault(word.attempt_id, []).append(word)
    last = [word for each in words.values() for word in last_words(each)]
    return [word for word in last if word.proposed_by.has_perm("campaigns.settle_order")]


def own_proposal(attempt: Attempt, user: User) -> Settlement | None:
    """Return the person's own last word on an attempt in doubt, if it waits for a second one."""
    own = attempt.settlements.filter(confirmed_at__isnull=True, proposed_by=user)
    return own.order_by("-proposed_at", "-pk").first()


def in_doubt(orders: QuerySet[Order]) -> QuerySet[Attempt]:
    """Return the last attempt of each of the orders that is in doubt, the oldest doubt first."""
    last = Attempt.objects.filter(order=OuterRef("order")).order_by("-number").values("number")[:1]
    attempts = Attempt.objects.filter(order__in=orders.filter(state=OrderState.UNKNOWN.value), number=Subquery(last))
    return attempts.select_related("order__plan", "order__branch").order_by("finished_at", "pk")


def doubt_queue(orders: QuerySet[Order]) -> QuerySet[Attempt]:
    """Return what `in_doubt` does, each with the answers that wait for a second person and with its reminders."""
    waiting = Settlement.objects.filter(confirmed_at__isnull=True).select_related("proposed_by")
    return in_doubt(orders).prefetch_related(Prefetch("settlements", waiting), Prefetch("reminders", reminded()))


def reminded() -> QuerySet[Reminder]:
    """Return the reminders that went out: a reminder without its line of history is still under way."""
    lines = Event.objects.filter(kind="order.reminded", order=OuterRef("order"), at=OuterRef("at"))
    return Reminder.objects.filter(Exists(lines)).order_by("number")


def money_in_doubt(orders: QuerySet[Order]) -> list[tuple[str, Decimal]]:
    """Return (currency, amount) of all that the orders in doubt cost together, each currency once."""
    totals: dict[str, Decimal] = {}
    columns = ("budget", "currency", "budget_override", "plan__default_budget", "plan__currency")
    for order in orders.filter(state=OrderState.UNKNOWN.value).select_related("plan").only(*columns):
        totals[order.amount_currency] = totals.get(order.amount_currency, Decimal(0)) + order.amount
    return sorted(totals.items())


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
    """Return until when Flow asked everybody to wait, None where it did not, or longer than it can ask."""
    honest = Hold.objects.filter(until__gt=now, until__lte=now + LONGEST_WAIT)
    return honest.values_list("until", flat=True).first()


def nothing_yet() -> bool:
    """Say whether this is a fresh site: no catalogue and no orders."""
    return not any(model.objects.exists() for model in (Branch, Agent, Listing, Plan, Order))


def signs_of_life(now: datetime) -> dict[Part, Sign]:
    """Return the last sign of life of each part, in the order of the parts; takes one query."""
    heard = {Part(row.part): row for row in Heartbeat.objects.order_by("at")}
    return {part: _sign(part, heard.get(part), now) for part in Part}


def _sign(part: Part, row: Heartbeat | None, now: datetime) -> Sign:
    last, node = (row.at, row.node) if row else (None, "")
    allowed = late_after(part, settings.CELERY_TASK_TIME_LIMIT)
    return Sign(part, last, node, late=allowed is not None and is_late(last, allowed, now))


def due_campaigns(by: datetime, now: datetime, limit: int) -> QuerySet[Campaign] | None:
    """Return at most `limit` campaigns due by then, else those due too far ahead of now to be true; None if there are none."""
    for due in (Q(next_check_at__lte=by), Q(next_check_at__gt=now + LONGEST_INTERVAL)):
        campaigns = Campaign.objects.filter(due)
        ids = list(campaigns.order_by("next_check_at").values_list("pk", flat=True)[:limit])
        if ids:
            return campaigns.filter(pk__in=ids)
    return None


def due_orders(now: datetime, late_by: timedelta = timedelta(0)) -> QuerySet[Order]:
    """Return the queued orders whose turn came at least `late_by` ago, and those whose turn is too far ahead to be true."""
    due = Q(next_attempt_at__lte=now - late_by) | Q(next_attempt_at__gt=now + LONGEST_WAIT)
    return Order.objects.filter(due, state=OrderState.QUEUED.value)


def overdue_orders(now: datetime) -> tuple[int, datetime | None]:
    """Return how many queued orders nobody has taken though their turn came long ago, and when it came for the first.

    One whose turn is too far ahead to be true counts as well.
    """
    late = due_orders(now, OVERDUE_AFTER)
    found = late.aggregate(number=Count("pk"), first=Min("next_attempt_at"))
    return found["number"], found["first"]
