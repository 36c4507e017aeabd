"""Beat's scheduler: django-celery-beat's, which bears a clock that is set back, and says that it is alive."""

import time
from datetime import datetime
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from campaigns.domain.heartbeats import Part
from flowsite.signs import Signs

SIGN_EVERY = 15.0
SET_BACK = 1.0  # seconds; a clock that is merely kept right goes slower instead


class Entry(ModelEntry):  # type: ignore[misc]  # the library is not typed
    """A line of the schedule, which was never last sent at a time that is yet to come: a wrong clock wrote that."""

    last_run_at: datetime

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read the line; what was sent in the future was sent just now, and not again only when that time has come."""
        super().__init__(*args, **kwargs)
        self.last_run_at = min(self.last_run_at, self._default_now())


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the library is not typed
    """Reads the schedule from the database, and writes there that it went through it."""

    Entry = Entry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin; the first sign of life comes with the first round."""
        self._signs = Signs(Part.BEAT, SIGN_EVERY)
        self._last_round = time.time()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the seconds until the next round."""
        now = time.time()
        if now < self._last_round - SET_BACK:  # else it would send nothing until the clock is where it was
            self._last_full_sync = datetime.min  # noqa: DTZ901 - the library's own: it reads the schedule anew
        self._last_round = now
        seconds: float = super().tick(*args, **kwargs)
        self._signs.give()
        return seconds
