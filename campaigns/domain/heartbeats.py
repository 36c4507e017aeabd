"""Which parts of the console give signs of life, and when one of them is late."""

from datetime import timedelta
from enum import StrEnum


class Part(StrEnum):
    """Who or what gives a sign of life."""

    BEAT = "beat"
    WORKER = "worker"
    PUBLISH = "publish"
    SYNC = "sync"


# A worker whose children are all in the middle of a publish has nothing to say until its time limit.
LATE_AFTER: dict[Part, timedelta] = {Part.BEAT: timedelta(seconds=60), Part.WORKER: timedelta(seconds=150)}
