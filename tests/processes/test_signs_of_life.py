"""A real worker and a real beat give their signs of life, and one that is alive but deaf is noticed."""

import os
import signal

import pytest

from tests.processes.site import WORKER, Site
from tests.run.running import Running

pytestmark = pytest.mark.processes
# Each message is worked on by a new process, so that the ten seconds between two signs of one process need not pass.
LISTENER = (*WORKER, "--hostname", "listener@here", "--max-tasks-per-child", "1")
MESSAGES = 5  # more than a worker takes ahead


def listener(site: Site) -> Running:
    """Return the worker of these tests, which takes messages."""
    running = (process for argv, process in site.started if argv == LISTENER and process.process.poll() is None)
    return next(running, None) or site.start(LISTENER, " ready.")


def wait_for_late(site: Site, *parts: str) -> None:
    """Wait until these parts, and no others, are silent for too long."""
    late: list[str] = []

    def is_so() -> bool:
        late[:] = site.desk("tests.processes.signs.late")
        return late == list(parts)

    site.until(is_so, lambda: f"{parts} should be late, {late} are")


def wait_for_messages(site: Site) -> None:
    """Wait until beat has sent some more messages than wait now."""
    enough = site.desk("tests.processes.signs.waiting") + MESSAGES
    site.until(lambda: bool(site.desk("tests.processes.signs.waiting") >= enough), lambda: "no more messages")


def test_a_worker_that_is_alive_but_deaf_is_noticed_and_so_is_its_return(site: Site) -> None:
    desk = site.desk
    worker = listener(site)
    assert desk("tests.processes.signs.late") == ["beat", "worker"]  # being there is no sign of life
    site.beat()
    wait_for_late(site)
    assert desk("tests.processes.signs.nodes") == ["listener@here"]
    assert desk("tests.processes.signs.doctor") == {}

    os.kill(worker.process.pid, signal.SIGSTOP)

    def is_late() -> bool:
        # Its child ends what it was at, and may give one more sign.
        wait_for_messages(site)
        assert desk("tests.processes.signs.turn_back", part="worker") == 1
        wait_for_messages(site)
        return bool(desk("tests.processes.signs.late") == ["worker"])

    site.until(is_late, lambda: "the worker is not late")
    ((part, words),) = desk("tests.processes.signs.doctor").items()
    assert part == "workers"
    assert "(listener@here). Orders stay queued and nothing is lost" in words

    os.kill(worker.process.pid, signal.SIGCONT)
    wait_for_late(site)
    assert desk("tests.processes.signs.doctor") == {}


def test_a_beat_that_is_gone_is_noticed_though_a_worker_works(site: Site) -> None:
    listener(site)
    site.kill(site.beat())
    site.desk("tests.processes.signs.turn_back", part="beat")
    site.desk("submit", order_ref="without-beat", nudges=1)
    site.wait("without-beat", state="published")
    wait_for_late(site, "beat")
    assert list(site.desk("tests.processes.signs.doctor")) == ["scheduler"]
