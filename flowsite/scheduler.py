"""Beat's scheduler: django-celery-beat's, and it says that it is alive."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from campaigns.domain.heartbeats import Part
from flowsite.signs import Signs

SIGN_EVERY = 15.0


class Scheduler(DatabaseScheduler):  # type: ignore[misc]  # the library is not typed
    """Reads the schedule from the database, and writes there that it went through it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin; the first sign of life comes with the first round."""
        self._signs = Signs(Part.BEAT, SIGN_EVERY)
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; return the seconds until the next round."""
        seconds: float = super().tick(*args, **kwargs)
        self._signs.give()
        return seconds
