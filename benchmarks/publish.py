"""Row `publish`: queued orders are published by real workers, never twice; beside it, as many bare POSTs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks.flow import running
from benchmarks.stage import ROOT, Stage, plain_environment

CAMPAIGNS, COUNT, LATENCY, IN_FLIGHT, RUNS = 10_000, 1_000, 0.2, 8, 3


def measure(stage: Stage, count: int = COUNT, runs: int = RUNS) -> str:
    """Return the section."""
    with stage.postgresql(CAMPAIGNS) as database, running(LATENCY) as flow:
        settings = {
            "DATABASE_URL": database,
            "CELERY_BROKER_URL": stage.redis,
            "DEBUG": "false",
            "SECRET_KEY": "s" * 60,
            "FLOW_CONCURRENCY": str(IN_FLIGHT),
            "FLOW_MAX_PER_SECOND": "5000",
            "FLOW_BASE_URL": flow,
        }
        stage.run("benchmarks.publishing", "make", count * runs + IN_FLIGHT * 4, **settings)
        with _worker(settings):
            stage.run(
                "benchmarks.publishing", "ours", IN_FLIGHT * 4, **settings
            )  # each child has its token and connections
            pairs = [
                tuple(stage.run("benchmarks.publishing", way, count, **settings) for way in ("ours", "bare"))
                for _ in range(runs)
            ]
    ours, bare = (median(pair[which]["seconds"] for pair in pairs) for which in (0, 1))
    sessions = median(pair[0]["sessions"] for pair in pairs)
    ideal = count * LATENCY / IN_FLIGHT
    return "\n".join(
        (
            f"## publish: {count:,} queued orders, answers after {LATENCY * 1000:.0f} ms, {IN_FLIGHT} under way",
            "",
            "| | time | orders a second | of the ideal |",
            "|---|---|---|---|",
            f"| bare POSTs | 1 × | {count / bare:.0f} | {ideal / bare:.2f} |",
            f"| **the whole way of an order** | **{ours / bare:.2f} ×** | {count / ours:.0f} | {ideal / ours:.2f} |",
            "",
            f"The whole way: message from Redis, a worker with {IN_FLIGHT} children, token, pace, "
            f"claim, `sent_at`, a connection of its "
            "own for the POST, result, campaigns and three lines of history; each step committed to "
            "PostgreSQL before the next. "
            f"{sessions / count:.2f} database sessions an order. Goal: 1.5 ×.",
        )
    )


@contextmanager
def _worker(settings: dict[str, str]) -> Iterator[None]:
    argv = [sys.executable, "-m", "celery", "-A", "flowsite", "worker", "-c", str(IN_FLIGHT), "--loglevel", "ERROR"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen(argv, cwd=ROOT, env={**plain_environment(), **settings}, **quiet)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGTERM)
        worker.wait()
