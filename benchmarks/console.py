"""The processes of a console that a row measures: workers and beat, each ended with the row."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.stage import ROOT
from runner.leash import leash

PATIENCE = 120.0


@contextmanager
def celery(*words: str, ready: str, log: Path, **environment: str) -> Iterator[float]:
    """Run `celery` in a process group of its own; yield the seconds until its log had the word that says it is ready."""
    argv = [sys.executable, "-m", "celery", "--app", "flowsite", *words, "--loglevel", "INFO"]
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            process_group=0,
            preexec_fn=leash(signal.SIGKILL),
        )
        try:
            until(lambda: ready in log.read_text(errors="replace"), lambda: log.read_text(errors="replace")[-3000:])
            yield time.perf_counter() - begun
        finally:
            end(process)


def worker(name: str, *words: str, log: Path, **environment: str) -> Any:
    """Run a worker of this name, as the Procfile does."""
    words = ("worker", "--hostname", f"worker@{name}", "--without-gossip", "--without-mingle", *words)
    return celery(*words, ready=" ready.", log=log, **environment)


def end(process: "subprocess.Popen[Any]", patience: float = 60) -> None:
    """End a process that leads a group: kindly, then not."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(found: Callable[[], bool], words: Callable[[], str], patience: float = PATIENCE, poll: float = 0.02) -> None:
    """Wait until it is so; raise RuntimeError with the words where it never is."""
    deadline = time.monotonic() + patience
    while not found():
        if time.monotonic() > deadline:
            raise RuntimeError(words())
        time.sleep(poll)


def fullest(moments: list[float], seconds: float) -> int:
    """Return how many of the moments at most lie within so many seconds, wherever these begin."""
    moments, most, first = sorted(moments), 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table in Markdown; the first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
