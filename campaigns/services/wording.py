"""How texts for staff name a moment: everywhere in the site's time zone, as its pages do."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from campaigns.domain.times import shown


def when(moment: datetime) -> str:
    """Return a moment in the site's time zone with its abbreviation, such as `12 Mar 2026, 09:00 SAST`."""
    return shown(moment, ZoneInfo(settings.TIME_ZONE))
