"""`celery --app tests.chaos.beat_app beat …`: the console's own beat, with a clock that a test sets; it prints what it sends.

SIGUSR1 sets it an hour ahead and SIGUSR2 an hour back, as whoever mends a machine's clock does. What counts seconds
whatever the clock says (time.monotonic) goes on, as it does on a machine.
"""

import signal
import time
from datetime import timedelta
from typing import Any

import time_machine
from celery.signals import after_task_publish, beat_init

from flowsite.celery import app

__all__ = ["READY", "SENT", "app"]
READY = "Its clock can be set."
SENT = "Sent "
AN_HOUR = timedelta(hours=1)


@beat_init.connect
def let_the_clock_be_set(**_: Any) -> None:
    """Take this process's clock into our hands, and tell of each message from now on."""
    clock = time_machine.travel(time.time()).start()
    signal.signal(signal.SIGUSR1, lambda *_: clock.shift(AN_HOUR))
    signal.signal(signal.SIGUSR2, lambda *_: clock.shift(-AN_HOUR))
    after_task_publish.connect(_tell)
    print(READY, flush=True)  # noqa: T201 - what the test waits for


def _tell(sender: str, **_: Any) -> None:
    print(f"{SENT}{sender}", flush=True)  # noqa: T201 - what the test counts
