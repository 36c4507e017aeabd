"""A console whose Flow is nasty, and whose processes are watched."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import witness
from tests.chaos.conftest import chaos_site
from tests.chaos.flow import NastyFlow, nasty_flow
from tests.chaos.judge import judge
from tests.processes.site import CELERY, Site
from tests.run.running import Running

LARGE_WORKER = (*CELERY, "worker", "--concurrency", "6", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
"""So that six stalling answers can be waited for at the same time."""
LOOK_EVERY = 0.2  # seconds
Looks = dict[str, dict[str, Any]]


@dataclass
class Console:
    """A site, the Flow that it publishes to, and what it can be asked."""

    site: Site
    flow: NastyFlow
    folder: Path

    def deed(self, name: str, **arguments: Any) -> Any:
        """Have something done at the desk."""
        return self.site.desk(f"tests.chaos.answer_deeds.{name}", **arguments)

    def looks(self, prefix: str) -> Looks:
        """Return what has become of the orders of this prefix."""
        found: Looks = self.deed("looks", prefix=prefix)
        return found

    def worker(self) -> Running:
        """Start a worker that is watched."""
        return self.site.start(LARGE_WORKER, " ready.", **witness.environment(self.folder))

    def until(self, holds: Callable[[], bool], problem: Callable[[], str]) -> None:
        """Poll until it holds, but seldom: whoever looks at all orders takes time from those who publish them."""
        due = time.monotonic()

        def seldom() -> bool:
            nonlocal due
            if time.monotonic() < due:
                return False
            found, due = holds(), time.monotonic() + LOOK_EVERY
            return found

        self.site.until(seldom, problem)

    def wait_for(self, wanted: Mapping[str, Any], seen: Callable[[], Mapping[str, Any]]) -> None:
        """Wait until everything is as wanted; fail with what is not."""
        state: dict[str, Any] = {}

        def holds() -> bool:
            state.clear()
            state.update(seen())
            return state == wanted

        self.until(holds, lambda: differences(wanted, state))

    def publish(self, *refs: str) -> None:
        """Submit these orders and wait until Flow has taken each of them."""
        self.deed("submit_all", refs=list(refs))
        self.wait_until_published(*refs)

    def wait_until_published(self, *refs: str) -> None:
        """Wait until each of the orders is published; back-offs and holds are over as soon as all others are done."""
        missing: dict[str, list[Any]] = {}

        def all_are() -> bool:
            missing.clear()
            missing.update(self.deed("unpublished", refs=refs))
            if missing and all(state == "queued" and waits > 0 for state, waits, _ in missing.values()):
                self.deed("let_waits_run_out")
                self.deed("sweep")
            return not missing

        self.until(all_are, lambda: f"not published: {missing}")

    def judge(self, prefix: str) -> None:
        """Let Flow's ledger and our books be compared, and look for every token that Flow has ever given out."""
        flow = self.flow
        judge(self.site, prefix, ledger=flow.ledger(), statuses=flow.last_words(), secrets=flow.tokens.issued)


def differences(wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    """Write what is not as wanted, a line each."""
    names = [name for name in sorted({*wanted, *seen}) if wanted.get(name) != seen.get(name)]
    return "\n".join(f"{name}: wanted {wanted.get(name)}, seen {seen.get(name)}" for name in names)


@contextmanager
def nasty_console(request: pytest.FixtureRequest, stack: str, folder: Path, **env: str) -> Iterator[Console]:
    """Prepare a console with short deadlines on a stack, and a nasty Flow for it."""
    with nasty_flow(folder) as flow, chaos_site(request, stack, folder, flow=flow.url, **env) as site:
        yield Console(site, flow, folder)


def most_memory(process: Running) -> int:
    """Return the most memory, in bytes, that the process or one of its children has ever had."""
    return max(_high_water(pid) for pid in [process.process.pid, *process.others()])


def _high_water(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
