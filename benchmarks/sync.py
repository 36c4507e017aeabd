"""Row `sync`: due campaigns are asked about and the database is written; beside it, one task a campaign and a bare client."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks.flow import running
from benchmarks.growth import note
from benchmarks.stage import ROOT, Stage, plain_environment
from benchmarks.syncing import PROCESSES

ROWS = 20_000
COUNT = 10_000
LATENCY, IN_FLIGHT, SLOW = 0.05, 64, 10
IDEAL = COUNT * LATENCY / IN_FLIGHT
PEERS = {
    "prefork, 2 children": (("-P", "prefork", "-c", "2"), 400),
    "32 threads": (("-P", "threads", "-c", "32"), 1_000),
}
RUNS = 3
SIZES, SOME = (10_000, 100_000, 1_000_000), 1_000
"""How many campaigns there are, and how many of them are due, for the picture of growth."""


def measure(stage: Stage) -> str:
    """Return the section."""
    with stage.postgresql(ROWS) as database, running(LATENCY) as flow:
        bench = Bench(stage, database)
        pairs = [(bench.ours(flow), bench.run("bare", COUNT, flow)) for _ in range(RUNS)]
        changed, bare = [ours for ours, _ in pairs], [bare for _, bare in pairs]
        idle = [bench.run("again", COUNT, flow) for _ in range(RUNS)]
        peers = {name: [bench.peer(flow, argv, some) for _ in range(RUNS)] for name, (argv, some) in PEERS.items()}
        with running(LATENCY, "--slow-seconds", str(SLOW)) as slow_flow:
            slow = [bench.ours(slow_flow) for _ in range(RUNS)]
    growing = [(size, _among(stage, size)) for size in SIZES]
    return "\n\n".join((_sync(changed, bare, peers), _idle(idle, changed), _slow(slow, changed), _growing(growing)))


def _among(stage: Stage, size: int) -> float:
    """Return how long it takes to sync some among so many campaigns."""
    with stage.postgresql(size) as database, running(LATENCY) as flow:
        bench = Bench(stage, database)
        seconds = median(bench.ours(flow, SOME)["seconds"] for _ in range(RUNS))
    note(f"sync of {SOME:,}, PostgreSQL", size, seconds * 1000)
    return seconds


class Bench:
    """A database, and the processes that work on it."""

    def __init__(self, stage: Stage, database: str) -> None:
        self._stage = stage
        self._settings = {
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": stage.redis,
            "DEBUG": "false",
            "SECRET_KEY": "s" * 60,
            "FLOW_CONCURRENCY": str(IN_FLIGHT // PROCESSES),
            "FLOW_MAX_PER_SECOND": "5000",
        }

    def run(self, way: str, count: int, flow: str) -> Any:
        """Run one way of benchmarks.syncing."""
        return self._stage.run("benchmarks.syncing", way, count, FLOW_BASE_URL=flow, **self._settings)

    def ours(self, flow: str, count: int = COUNT) -> Any:
        """Sync from a fresh start, where every answer is news."""
        self.run("reset", count, flow)
        return self.run("ours", count, flow)

    def peer(self, flow: str, argv: tuple[str, ...], count: int) -> float:
        """Return how long one task a campaign takes for COUNT of them, from so many."""
        with self._worker(flow, argv):
            self.run("reset", 64, flow)
            self.run("peer", 64, flow)  # whose connections are there from then on
            self.run("reset", count, flow)
            return float(self.run("peer", count, flow)["seconds"]) * COUNT / count

    @contextmanager
    def _worker(self, flow: str, options: tuple[str, ...]) -> Iterator[None]:
        argv = [sys.executable, "-m", "celery", "-A", "benchmarks.peer_worker", "worker", "-Q", "peer", *options]
        environment = {**plain_environment(), **self._settings, "FLOW_BASE_URL": flow}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        worker = subprocess.Popen([*argv, "--loglevel", "ERROR"], cwd=ROOT, env=environment, **quiet)
        try:
            yield
        finally:
            os.kill(worker.pid, signal.SIGTERM)
            worker.wait()


def _of(runs: list[Any], key: str) -> float:
    return median(run[key] for run in runs)


def _sync(ours: list[Any], bare: list[Any], peers: dict[str, list[float]]) -> str:
    seconds = _of(ours, "seconds")
    cpu, bare_cpu = (_of(runs, "cpu") / COUNT * 1000 for runs in (ours, bare))
    rows = [
        f"| one Celery task a campaign, {name} | **{median(took) / seconds:.0f} ×** as long | {COUNT / median(took):,.0f} | |"
        for name, took in peers.items()
    ]
    rows += [
        f"| bare client, nothing written | {_of(bare, 'seconds') / seconds:.2f} × | {COUNT / _of(bare, 'seconds'):,.0f} "
        f"| {bare_cpu:.2f} |",
        f"| **ours** | **{IDEAL / seconds:.2f}** of the ideal | {COUNT / seconds:,.0f} | "
        f"{cpu:.2f}: **{cpu / bare_cpu:.2f} ×** the bare client's |",
    ]
    return "\n".join(
        (
            f"## sync: {COUNT:,} due campaigns, answers after {LATENCY * 1000:.0f} ms, {IN_FLIGHT} under way",
            "",
            "| | time against ours | polls a second | CPU seconds per 1,000 |",
            "|---|---|---|---|",
            *rows,
            "",
            f"Every answer is news: each campaign is written, with its line of history, in {_of(ours, 'statements'):.0f} "
            f"statements for all of them. The ideal is polls × latency ÷ under way = {IDEAL:.1f} s. The bare client is one "
            "requests.Session without look-ups of proxies, in as many threads. The tasks of one "
            "campaign each were counted from "
            f"{' and '.join(f'{some:,}' for _, some in PEERS.values())} and scaled to {COUNT:,}: "
            f"their time grows with the number. "
            "Goals: 40 × and 8 × as fast as one task a campaign, 0.85 of the ideal, 1.2 × the bare "
            "client's CPU, 100 statements. What ours takes beyond the bare client's CPU is to read each answer into its "
            "campaign and to write that with its line of history and hash; values go to PostgreSQL as one array a column.",
        )
    )


def _idle(idle: list[Any], changed: list[Any]) -> str:
    return "\n".join(
        (
            "### sync-idle: the same, and nothing has changed",
            "",
            "| time against a sync in which all changed | columns written beside the times of checks "
            "| lines of history | statements |",
            "|---|---|---|---|",
            f"| **{_of(idle, 'seconds') / _of(changed, 'seconds'):.2f} ×** | **{_of(idle, 'news'):.0f}** "
            f"| **{_of(idle, 'lines'):.0f}** | {_of(idle, 'statements'):.0f} |",
        )
    )


def _slow(slow: list[Any], changed: list[Any]) -> str:
    usual, prompt, whole = _of(changed, "prompt"), _of(slow, "prompt"), _of(slow, "seconds")
    return "\n".join(
        (
            f"### sync-slow: one answer in a hundred takes {SLOW} s, one in a hundred is an HTTP 500",
            "",
            "| until all are written but the slow | until the slow are, too | memory gained |",
            "|---|---|---|",
            f"| **{prompt / usual:.2f} ×** the time without them | {whole:.1f} s; the last was asked "
            f"about after {whole - SLOW:.1f} s "
            f"| {_of(slow, 'memory'):.0f} MB, without them {_of(changed, 'memory'):.0f} MB |",
            "",
            "Goal: 1.5 × the time. An answer that takes longer than a second gives its place to "
            "another campaign, up to three times "
            f"as many as are under way otherwise; it is written when it comes. No sync of any design "
            f"can end sooner than {SLOW} s after it "
            "asked about the last of the slow. Failed polls are asked three times, as always.",
        )
    )


def _growing(among: list[tuple[int, float]]) -> str:
    least = among[0][1]
    return "\n".join(
        (
            f"### {SOME:,} due campaigns among more and more",
            "",
            "| campaigns | beside the fewest | time |",
            "|---|---|---|",
            *(f"| {size:,} | {seconds / least:.2f} × | {seconds * 1000:,.0f} ms |" for size, seconds in among),
        )
    )
