"""Remind those who may settle of the orders in doubt: after 5 minutes, after an hour, then daily.

A reminder is claimed by its row, which the database holds unique; then the mail goes out; then its line of history is
written. A claim without that line is given up when the mail fails, and when the worker died over it: the next run sends it.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max

from campaigns import selectors
from campaigns.domain.reminders import newest_due
from campaigns.domain.states import ActorKind, OrderState
from campaigns.domain.times import lasted
from campaigns.models import Attempt, Order, Reminder
from campaigns.services.addresses import is_address
from campaigns.services.history import record
from campaigns.services.reminder_mail import message

logger = logging.getLogger(__name__)

CLAIM_LEASE = timedelta(minutes=5)  # longer than any task may run
STOP_AFTER = 45.0  # seconds; a mail server that hangs must not bring the task to its time limit


@dataclass(frozen=True)
class RemindResult:
    """The order_refs of which people were reminded, and those whose mail did not go out and is tried again."""

    reminded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def remind(now: datetime, *, stop_after: float = STOP_AFTER) -> RemindResult:
    """Send what is due: one mail an order, the newest reminder alone where some were missed.

    No new order is begun after `stop_after` seconds; a mail that fails keeps no other from going out.
    """
    _give_up_claims_of_the_dead(now)
    result, begun = RemindResult(), time.monotonic()
    for attempt, number in _due(now):
        if time.monotonic() - begun > stop_after:
            logger.warning("Reminders take too long; the rest follows in a minute. Is the mail server well?")
            break
        if reminder := _claim(attempt, number, now):
            sent = _send(reminder, attempt, now)
            (result.reminded if sent else result.failed).append(attempt.order.order_ref)
    return result


def _give_up_claims_of_the_dead(now: datetime) -> None:
    sent = selectors.reminded().values("pk")
    Reminder.objects.filter(at__lt=now - CLAIM_LEASE, order__state=OrderState.UNKNOWN.value).exclude(
        pk__in=sent
    ).delete()


def _due(now: datetime) -> list[tuple[Attempt, int]]:
    attempts = selectors.in_doubt(Order.objects.all()).annotate(newest=Max("reminders__number"))
    due = [(attempt, newest_due(attempt.ended_at, now), attempt.newest or 0) for attempt in attempts]
    return [(attempt, number) for attempt, number, newest in due if number > newest]


def _claim(attempt: Attempt, number: int, now: datetime) -> Reminder | None:
    """Take the reminder for this run; None where another run has it, or where the doubt is settled."""
    still = Order.objects.select_for_update(no_key=True).filter(pk=attempt.order_id, version=attempt.order.version)
    try:
        with transaction.atomic():
            if not still.first():
                return None
            return Reminder.objects.create(order=attempt.order, attempt=attempt, number=number, at=now)
    except IntegrityError:
        return None


def _send(reminder: Reminder, attempt: Attempt, now: datetime) -> bool:
    """Send the mail and write its line of history, or give the claim up; say whether people were reminded."""
    people = selectors.people_who_may("settle_order", attempt.order.branch_id)
    told = [person for person in people if is_address(person.email)]
    waiting = attempt.settlements.filter(confirmed_at__isnull=True).select_related("proposed_by")
    if told:
        addresses = list(dict.fromkeys(person.email for person in told))
        try:
            message(attempt, selectors.last_words(waiting), addresses, now).send()
        except Exception as error:  # noqa: BLE001 - whatever a mail server does must not keep the others from being told
            logger.error("The reminder of order %s did not go out: %s: %s", attempt.order, type(error).__name__, error)
            reminder.delete()
            return False
    else:
        logger.warning("Order %s is in doubt, and nobody who may settle it has an e-mail address", attempt.order)
    _record(reminder, attempt, told, now)
    return True


def _record(reminder: Reminder, attempt: Attempt, told: list[User], now: datetime) -> None:
    names = [person.get_username() for person in told]
    whom = f"told by e-mail: {', '.join(names)}" if names else "nobody who may settle it has an e-mail address"
    words = f"Reminder {reminder.number}: the order has been in doubt for {lasted(now - attempt.ended_at)}; {whom}."
    data = {"attempt": attempt.number, "number": reminder.number, "told": names}
    record("order.reminded", words, now=reminder.at, by=ActorKind.SCHEDULER, order=attempt.order, data=data)
