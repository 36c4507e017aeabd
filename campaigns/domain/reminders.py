"""When to remind people of an order in doubt: after 5 minutes, after an hour, then daily. Pure functions of their arguments."""

from datetime import datetime, timedelta

FIRST = timedelta(minutes=5)
SECOND = timedelta(hours=1)
DAILY = timedelta(days=1)


def due_at(number: int, since: datetime) -> datetime:
    """Return when the reminder with this number, counted from 1, is due; `since` is when the doubt began."""
    return since + (FIRST if number == 1 else SECOND + DAILY * (number - 2))


def newest_due(since: datetime, now: datetime) -> int:
    """Return the number of the newest reminder that is due, 0 where none is yet. Those that were missed are passed over."""
    age = now - since
    if age < SECOND:
        return int(age >= FIRST)
    return 2 + (age - SECOND) // DAILY
