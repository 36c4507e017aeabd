"""Orders made from others: what each is to the other, and when the next period begins."""

from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.domain.times import in_zone

LEAD = timedelta(hours=1)
"""The least time between a click and the start that it gives: somebody may have to approve, and a worker to send."""
TOO_CLOSE = timedelta(minutes=15)
"""A start that is closer than this may be past before the order is at Flow."""


class CopyHow(StrEnum):
    """Why an order was made from another."""

    DUPLICATE = "duplicate"
    RENEWAL = "renewal"
    REPLACEMENT = "replacement"


def next_period(ended: datetime, length: timedelta, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end of the period after one that ends or ended at `ended`: the same length, never before it ends."""
    start = max(ended, _whole_minute(now + LEAD))
    return start, start + length


def next_start(start: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the next moment, at least LEAD from now, when the zone's clocks show the same time of day as at `start`."""
    wanted = start.astimezone(zone).time()
    earliest = (now + LEAD).astimezone(zone)
    day = earliest.date()
    while True:
        with suppress(ValueError):  # the clocks may skip that time of one day, or show it twice
            moment = in_zone(datetime.combine(day, wanted), zone)
            if moment >= earliest:
                return moment
        day += timedelta(days=1)


def is_too_close(start: datetime | None, now: datetime) -> bool:
    """Say whether an order with this start would come too late, or may."""
    return start is not None and start <= now + TOO_CLOSE


def _whole_minute(moment: datetime) -> datetime:
    """Return the moment, or the next full minute after it."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(minutes=1)
