"""Markers on the way of a publish, and what a process does to itself when it reaches one.

Nothing of this is in the console: `worker_app` puts it around the steps of a real worker. Each order has files of its own
in CHAOS_FOLDER, by its primary key: `.markers` has every marker that was reached, one a line after the process's number;
`.plan` says at which marker to do what to oneself, and becomes `.done`, with the process's number, before that is done. So
a deed is done once, whoever publishes the order next, and a test knows that it was.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from celery.exceptions import SoftTimeLimitExceeded

FOLDER = "CHAOS_FOLDER"
HOLD_AT_MOST = 40.0


class Passage:
    """One order's way through this process."""

    def __init__(self, order_id: int) -> None:
        self.seen: Counter[str] = Counter()
        self.file = Path(os.environ[FOLDER]) / str(order_id)

    def reach(self, name: str) -> None:
        """Note that a marker is reached, and do what is planned there. A name that comes again gets a number."""
        self.seen[name] += 1
        if self.seen[name] > 1:
            name = f"{name} ({self.seen[name]})"
        with self.file.with_suffix(".markers").open("ab", buffering=0) as markers:
            markers.write(f"{os.getpid()} {name}\n".encode())
        if deed := self._planned_at(name):
            DEEDS[deed](self)

    def _planned_at(self, name: str) -> str:
        plan, done = self.file.with_suffix(".plan"), self.file.with_suffix(".done")
        try:
            deed, _, marker = plan.read_text().partition(" ")
            if marker != name:
                return ""
            mine = self.file.with_suffix(f".{os.getpid()}")
            mine.write_text(f"{os.getpid()} {deed}")
            plan.rename(self.file.with_suffix(".over"))  # whoever is first does the deed
            mine.rename(done)
        except FileNotFoundError:
            return ""
        return deed


def kill(_: Passage) -> None:
    """Kill this process: the child of the pool that has the task."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_worker(_: Passage) -> None:
    """Kill the whole worker: the parent and every child."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def stop(_: Passage) -> None:
    """Stop this process in its tracks, until somebody lets it go on."""
    os.kill(os.getpid(), signal.SIGSTOP)


def run_out_of_time(_: Passage) -> None:
    """Do what Celery does when the soft time limit is over."""
    raise SoftTimeLimitExceeded


def read_only(_: Passage) -> None:
    """Make this process's connection to the database refuse every write, until it is made anew (SQLite)."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")


def hold(passage: Passage) -> None:
    """Wait for the test's word, the file `.go`; Celery's signals and limits do come in meanwhile."""
    end = time.monotonic() + HOLD_AT_MOST
    while not passage.file.with_suffix(".go").exists() and time.monotonic() < end:
        time.sleep(0.02)


DEEDS: dict[str, Callable[[Passage], None]] = {
    deed.__name__: deed for deed in (kill, kill_worker, stop, run_out_of_time, read_only, hold)
}
