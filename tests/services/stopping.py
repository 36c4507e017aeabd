"""Workers that stop where a test tells them to, and later go on or die as kill -9 lets them: no line of theirs runs any more.

They share the test's connection to the database, so that all that they do can be rolled back with it. So only one moves at
a time: whoever lets a worker run waits until it stops or ends.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from campaigns.flow import FlowClient

Place = int | str
BEFORE_POST = "before the POST"


class Killed(BaseException):
    """What unwinds the thread of a dead worker."""


class Gone:
    """The database as the dead have it: whatever would clean up after them can do nothing."""

    def __getattr__(self, name: str) -> Any:
        raise Killed


class Worker(threading.Thread):
    """Runs a deed up to a place: one of the looks at the clock, by number, or BEFORE_POST."""

    def __init__(self, deed: Callable[["Worker"], object], place: Place) -> None:
        super().__init__(daemon=True)
        self._deed, self._place, self._looks = deed, place, 0
        self._may_run, self._rests = threading.Semaphore(0), threading.Semaphore(0)
        self.is_stopped = self._killed = False
        self._error: BaseException | None = None
        self._connection = connections["default"]
        self.result: object = None
        self.start()
        self._let_run()

    def look(self) -> None:
        """Count a look at the clock, and stop if it is the one."""
        self._looks += 1
        self.reach(self._looks)

    def reach(self, place: Place) -> None:
        """Stop here if it is the place, until told how it ends."""
        if place == self._place:
            self.is_stopped = True
            self._rests.release()
            self._may_run.acquire()
            self.is_stopped = False
            if self._killed:
                connections["default"] = Gone()  # type: ignore[assignment]  # that is the point
                raise Killed

    def go_on(self) -> None:
        """Let it run to its end. Raises what the deed raised."""
        self._place = ""
        self._let_run()

    def kill(self) -> None:
        """Let it be as if its process had ended at once."""
        self._killed = True
        self._let_run()

    def run(self) -> None:
        """Do the deed, once somebody waits for it."""
        self._may_run.acquire()
        connections["default"] = self._connection
        try:
            self.result = self._deed(self)
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            self._error = error
        finally:
            self._rests.release()

    def _let_run(self) -> None:
        self._connection.inc_thread_sharing()
        self._may_run.release()
        assert self._rests.acquire(timeout=60), "the worker hangs"
        self._connection.dec_thread_sharing()
        if self._error:
            raise self._error


def stop_before_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers reach BEFORE_POST right before they ask Flow to publish, or to change a campaign."""
    for name in ("publish", "update_status"):
        monkeypatch.setattr(FlowClient, name, _stopping(getattr(FlowClient, name)))


def _stopping(call: Callable[..., Any]) -> Callable[..., Any]:
    def stop_then_call(*arguments: Any) -> Any:
        worker = threading.current_thread()
        if isinstance(worker, Worker):
            worker.reach(BEFORE_POST)
        return call(*arguments)

    return stop_then_call
