"""Workers that can be struck at any marker, for a console of the tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.markers import FOLDER
from tests.processes.site import DEADLINE, Site
from tests.run.running import ROOT, until


@dataclass
class Worker:
    """A worker of the nursery: its process number, which is its group's as well, and what it prints."""

    pid: int
    log: Path

    @property
    def alive(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return True
        return False

    @property
    def output(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the parent and its children as a power cut would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait_for(self, words: str) -> None:
        until(lambda: words in self.output, f"{words!r} in {{}}", lambda: self.output, DEADLINE)

    def wait_for_end(self) -> None:
        until(lambda: not self.alive, "still running: {}", lambda: self.output, DEADLINE)


class Workshop:
    """A console's workers with markers, and the plans of what becomes of them."""

    def __init__(self, site: Site, folder: Path, nursery: "subprocess.Popen[str]") -> None:
        self.site, self.folder, self._nursery = site, folder, nursery
        self.workers: list[Worker] = []

    def worker(self, concurrency: int = 1, conf: Mapping[str, Any] | None = None, *, ready: bool = True) -> Worker:
        """Start a worker, with settings of Celery that differ; wait until it takes messages, or do not."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        argv = ["worker", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
        argv += ["--loglevel", "INFO", "--hostname", f"{log.stem}@chaos"]
        assert self._nursery.stdin
        assert self._nursery.stdout
        self._nursery.stdin.write(json.dumps([argv, str(log), conf or {}]) + "\n")
        self._nursery.stdin.flush()
        answer = self._nursery.stdout.readline()
        assert answer, (self.folder / "nursery.log").read_text()[-4000:]
        worker = Worker(int(answer), log)
        self.workers.append(worker)
        self.site.further_logs.append(log)
        if ready:
            worker.wait_for(" ready.")
        return worker

    def submit(self, plans: Mapping[str, str], nudges: int = 1) -> dict[str, int]:
        """Submit orders by their refs, each with its plan: “deed marker”, or nothing. Return their primary keys."""
        numbers: dict[str, int] = self.site.desk(
            "tests.chaos.planning.submit", plans=plans, folder=str(self.folder), nudges=nudges
        )
        return numbers

    def markers(self, order_id: int) -> list[str]:
        """Return the markers that the process which published an order reached, in turn."""
        lines = [line.split(" ", 1) for line in self._lines(order_id)]
        publisher = next(pid for pid, name in lines if name == "task: begun")
        return [name for pid, name in lines if pid == publisher]

    def times(self, order_id: int, marker: str) -> int:
        """Return how often a marker was reached with an order, by whichever process."""
        return sum(line.endswith(f" {marker}") for line in self._lines(order_id))

    def wait_for_marker(self, order_id: int, marker: str, times: int = 1) -> None:
        """Wait until a marker was reached so many times with an order."""
        self.site.until(
            lambda: self.times(order_id, marker) >= times,
            lambda: f"{marker}: {self.times(order_id, marker)} times, not {times}",
        )

    def done(self, order_id: int) -> bool:
        """Tell whether the deed that was planned for an order is done, or about to be."""
        return (self.folder / f"{order_id}.done").exists()

    def pid_of(self, order_id: int) -> int:
        """Return the process that did the deed."""
        return int((self.folder / f"{order_id}.done").read_text().split()[0])

    def wait_until_dead(self, order_id: int) -> None:
        """Wait until the process that did the deed is dead and buried."""
        pid = self.pid_of(order_id)
        self.site.until(lambda: not Path(f"/proc/{pid}").exists(), lambda: f"{pid} lives")

    def seconds_since(self, order_id: int) -> float:
        """Return how long ago the deed was done."""
        return time.time() - (self.folder / f"{order_id}.done").stat().st_mtime

    def let_go_on(self, order_id: int) -> None:
        """Let the process that was stopped with an order go on, and wait until it is through with it."""
        os.kill(self.pid_of(order_id), signal.SIGCONT)
        self.wait_until_through(order_id)

    def wait_until_through(self, order_id: int) -> None:
        """Wait until the process that did the deed is through with the order, in whatever way."""
        pid = self.pid_of(order_id)
        ends = {f"{pid} task: over", f"{pid} task: interrupted"}
        self.site.until(lambda: not ends.isdisjoint(self._lines(order_id)), lambda: f"{pid} is not through")

    def go(self, order_id: int) -> None:
        """Let a process that holds go on."""
        (self.folder / f"{order_id}.go").touch()

    def states(self, prefix: str) -> dict[str, str]:
        """Return the states of the orders of a prefix."""
        found: dict[str, str] = self.site.desk("tests.chaos.planning.look", prefix=prefix)
        return found

    def keep(self, number: int) -> None:
        """Have so many workers alive: start those that are missing."""
        for _ in range(number - sum(worker.alive for worker in self.workers)):
            self.worker(ready=False)

    def wait_until_done(self, order_ids: Sequence[int], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until every planned deed is done; call `meanwhile` again and again."""
        missing: list[int] = []

        def all_done() -> bool:
            meanwhile()
            missing[:] = [order_id for order_id in order_ids if not self.done(order_id)]
            return not missing

        self.site.until(all_done, lambda: f"nothing was done to {missing}")

    def wait_for_states(self, wanted: Mapping[str, str]) -> None:
        """Wait until each order is in its state."""
        seen: dict[str, str] = {}

        def all_there() -> bool:
            seen.update(self.states(""))
            return all(seen.get(ref) == state for ref, state in wanted.items())

        def problem() -> str:
            return "\n".join(f"{ref} is {seen[ref]}, not {wanted[ref]}" for ref in wanted if seen[ref] != wanted[ref])

        self.site.until(all_there, problem)

    def close(self) -> None:
        """Kill every worker."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.wait_for_end()

    def _lines(self, order_id: int) -> list[str]:
        path = self.folder / f"{order_id}.markers"
        return path.read_text().splitlines() if path.exists() else []


@contextmanager
def workshop(site: Site, folder: Path) -> Iterator[Workshop]:
    """Open a workshop for a console."""
    log = folder / "nursery.log"
    with log.open("wb") as errors:
        nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=ROOT,
            env={**os.environ, **site.env, FOLDER: str(folder), "DJANGO_SETTINGS_MODULE": "flowsite.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    site.further_logs.append(log)
    shop = Workshop(site, folder, nursery)
    try:
        yield shop
    finally:
        shop.close()
        nursery.communicate(timeout=DEADLINE)
