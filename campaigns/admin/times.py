"""Between what people write in a date and time field and what is shown in it."""

from datetime import datetime
from zoneinfo import ZoneInfo


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


def local_text(moment: datetime | None, zone: ZoneInfo) -> str:
    """Return the moment as a browser's date and time field wants it, in the zone; to the minute unless it has seconds."""
    if moment is None:
        return ""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")
