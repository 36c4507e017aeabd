"""Which parts of the console give signs of life, and when one of them is late."""

from datetime import datetime, timedelta
from enum import StrEnum


class Part(StrEnum):
    """Who or what gives a sign of life."""

    BEAT = "beat"
    WORKER = "worker"
    PUBLISH = "publish"
    SYNC = "sync"


BEAT_LATE_AFTER = timedelta(seconds=60)
# A worker gives its sign when a piece of work ends. With all its children in long calls that takes a task's time limit,
# after it had been idle until the schedule's next message.
WORKER_LATE_AFTER_TIME_LIMIT = timedelta(seconds=45)
CLOCKS_MAY_DIFFER = timedelta(minutes=1)


def late_after(part: Part, time_limit: float) -> timedelta | None:
    """Return how long a part may be silent, None for one that need not speak; `time_limit` is a task's, in seconds."""
    limits = {
        Part.BEAT: BEAT_LATE_AFTER,
        Part.WORKER: timedelta(seconds=time_limit) + WORKER_LATE_AFTER_TIME_LIMIT,
    }
    return limits.get(part)


def is_late(last: datetime | None, allowed: timedelta, now: datetime) -> bool:
    """Say whether a part is silent for too long. One that was never heard is; so is one heard in the future alone.

    A clock that was set back would otherwise keep a dead part alive until it has caught up.
    """
    return last is None or not now - allowed <= last <= now + CLOCKS_MAY_DIFFER
