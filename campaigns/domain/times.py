"""From what a branch's clocks show to a moment, where times that a zone skips or has twice are refused; and times in words."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def in_zone(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment when the zone's clocks show `local`.

    Raises ValueError, in words for the person who typed it, where the clocks never show it or show it twice, or where the
    year is none in which anything is advertised: at the ends of the calendar no other zone has the moment.
    """
    if not 2000 <= local.year <= 2999:
        raise ValueError(f"{local.year} is not a year to advertise in. Write the year with four digits, such as 2027.")
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    written = f"{local:%H:%M on %-d %b %Y}"
    first, second = f"{early:%-d %b %Y, %H:%M %Z}", f"{late:%-d %b %Y, %H:%M %Z}"
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local:
        raise ValueError(
            f"{written} happens twice in {zone.key}: as {first} and again as {second}, because the clocks go back. "
            "Choose a time at least an hour earlier or later."
        )
    shown = early.astimezone(UTC).astimezone(zone)
    raise ValueError(
        f"{written} does not exist in {zone.key}: the clocks go forward past it. "
        f"Choose another time, such as {shown:%-d %b %Y, %H:%M %Z}."
    )


def in_utc(moment: datetime) -> str:
    """Return the moment in UTC to the second, such as `12 Mar 2026, 09:00:05 UTC`."""
    return f"{moment.astimezone(UTC):%-d %b %Y, %H:%M:%S UTC}"


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """Return the moment as the zone's clocks show it, with its abbreviation, such as `12 Mar 2026, 09:00 SAST`."""
    return f"{moment.astimezone(zone):%-d %b %Y, %H:%M %Z}"


def window(first: datetime, last: datetime) -> str:
    """Return the time from one moment to another in UTC, widened to whole seconds; the date once where it is the same."""
    first, last = first.astimezone(UTC), (last + timedelta(microseconds=999_999)).astimezone(UTC)
    end = f"{last:%H:%M:%S UTC}" if first.date() == last.date() else in_utc(last)
    return f"{first:%-d %b %Y, %H:%M:%S} to {end}"


def lasted(age: timedelta) -> str:
    """Return how long something has lasted, in its two largest units, such as `5 min`, `3 h 20 min` or `2 days 4 h`."""
    minutes = max(0, age // timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        units = [f"{days} day{'' if days == 1 else 's'}", f"{hours} h" if hours else ""]
    else:
        units = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, units)) or "less than a minute"


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment when the day begins on the zone's clocks, in UTC; where they skip midnight, the first moment after."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def month_of(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the calendar month of the moment begins on the zone's clocks, and when the next one does."""
    return month_from(now.astimezone(zone).date().replace(day=1), zone)


def month_from(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the month of this first day begins on the zone's clocks, and when the next one does."""
    return midnight(first, zone), midnight(month_after(first), zone)


def month_after(first: date) -> date:
    """Return the first day of the month after the one of this first day."""
    return (first + timedelta(days=31)).replace(day=1)


def monday_of(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def weeks_about(now: datetime, zone: ZoneInfo, before: int, coming: int) -> list[date]:
    """Return the Mondays of the moment's week on the zone's clocks, and of so many weeks before and after it."""
    monday = monday_of(now.astimezone(zone).date())
    return [monday + timedelta(weeks=week) for week in range(-before, coming + 1)]


def week_from(monday: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the week begins on the zone's clocks, and when the next one does."""
    return midnight(monday, zone), midnight(monday + timedelta(weeks=1), zone)
