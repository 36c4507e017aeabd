"""Between what people write beside a branch's clock and a moment: local times that a zone skips or has twice are refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from campaigns.admin.look import when


def parse_local(text: str) -> datetime:
    """Return the time without a zone that is written in `text`. Raises ValueError in words for the person who typed it."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"“{text}” is not a date and time. Write it such as 2026-03-31 09:00.") from None
    if moment.tzinfo is not None:
        raise ValueError(
            "Leave the zone out: the time is read in the branch's own zone. Write it such as 2026-03-31 09:00."
        )
    return moment


def in_zone(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment when the zone's clocks show `local`.

    Raises ValueError, in words for the person who typed it, where the clocks never show it or show it twice.
    """
    early, late = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if early.utcoffset() == late.utcoffset():
        return early
    written = f"{local:%H:%M on %-d %b %Y}"
    if _shown(early, zone) == local:
        raise ValueError(
            f"{written} happens twice in {zone.key}: as {when(early, zone)} and again as {when(late, zone)}, because the "
            "clocks go back. Choose a time at least an hour earlier or later."
        )
    raise ValueError(
        f"{written} does not exist in {zone.key}: the clocks go forward past it. "
        f"Choose another time, such as {when(early.astimezone(UTC), zone)}."
    )


def local_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return the moment as a browser's date and time field wants it, in the zone; to the minute unless it has seconds."""
    if moment is None:
        return ""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def _shown(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
