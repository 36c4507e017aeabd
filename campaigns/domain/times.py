"""From what a branch's clocks show to a moment: local times that a zone skips or has twice are refused."""

from datetime import UTC, datetime
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
