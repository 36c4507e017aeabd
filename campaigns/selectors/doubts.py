"""Orders in doubt: who has said what about each, and how much money they are."""

from collections.abc import Iterable
from decimal import Decimal

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from campaigns.domain.states import OrderState
from campaigns.models import Attempt, Event, Order, Reminder, Settlement
from campaigns.selectors.scope import works_for


def last_words(settlements: Iterable[Settlement]) -> list[Settlement]:
    """Return each person's last word among those that wait for a second one, the oldest first."""
    in_order = sorted(settlements, key=lambda word: (word.proposed_at, word.pk))
    last = {word.proposed_by_id: word for word in in_order}
    return [word for word in in_order if last[word.proposed_by_id] is word]


def proposals_of_others(attempt: Attempt, user: User) -> list[Settlement]:
    """Return the last word of each other person on an attempt in doubt, the newest first.

    Whoever may not settle the branch's orders any more, or cannot log in any more, has no word.
    """
    others = attempt.settlements.filter(confirmed_at__isnull=True).exclude(proposed_by=user)
    words = last_words(others.select_related("order", "proposed_by"))
    return [word for word in reversed(words) if _counts(word)]


def words_on_other_doubts(order: Order) -> list[Settlement]:
    """Return each person's last word on each other order in doubt, where it waits for a second one."""
    waiting = Settlement.objects.filter(confirmed_at__isnull=True, order__state=OrderState.UNKNOWN.value)
    words: dict[int, list[Settlement]] = {}
    for word in waiting.exclude(order=order).select_related("order", "proposed_by"):
        words.setdefault(word.attempt_id, []).append(word)
    last = [word for each in words.values() for word in last_words(each)]
    return [word for word in last if _counts(word)]


def _counts(word: Settlement) -> bool:
    person = word.proposed_by
    return person.has_perm("campaigns.settle_order") and works_for(person, word.order.branch_id)


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
