"""The clock of deadlines."""

import time

# Unlike the monotonic clock it goes on while the machine sleeps: a call that was asleep must know that it is late.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return seconds that never go back, sleep of the machine included."""
    return time.clock_gettime(_CLOCK)
