"""A console of real processes: workers and beats over a broker and a database of their own, and the sandbox as Flow."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.run.running import ROOT, Running, running, until
from tests.sandbox_process import Sandbox, running_sandbox

CELERY = (str(Path(sys.executable).parent / "celery"), "--app", "flowsite")
WORKER = (*CELERY, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
BEAT = (*CELERY, "beat", "--loglevel", "INFO")
API_KEY = "k3y-of-the-process-tests"
DEADLINE = 45.0


class Desk:
    """Somebody at the console, in another process; see desk.py for what can be done there."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.processes.desk"],
                cwd=ROOT,
                env={**os.environ, **env, "DJANGO_SETTINGS_MODULE": "flowsite.settings"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def __call__(self, deed: str, **arguments: Any) -> Any:
        """Have a deed done and return what came of it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([deed, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{deed} failed:\n{self._log.read_text()[-4000:]}"
        return json.loads(line)

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=DEADLINE)


class Site:
    """One database, one broker, one sandbox; as many workers and beats as a test wants."""

    def __init__(self, folder: Path, env: dict[str, str], sandbox: Sandbox, stack: ExitStack) -> None:
        self.env, self.sandbox, self._stack = env, sandbox, stack
        self.folder, self.stack = folder, ""
        self._desk_log = folder / "desk.log"
        self.desk = Desk(env, self._desk_log)
        stack.callback(self.desk.close)
        self.started: list[tuple[Sequence[str], Running]] = []
        self.further_logs: list[Path] = []
        self.lose_messages: Callable[[], None]

    def worker(self) -> Running:
        """Return a worker that takes messages: one that runs, else a new one."""
        return next(iter(self._that_run(WORKER)), None) or self.another_worker()

    def another_worker(self) -> Running:
        """Start a worker and wait until it takes messages."""
        return self.start(WORKER, " ready.")

    def beat(self) -> Running:
        """Return a beat: one that runs, else a new one."""
        return next(iter(self._that_run(BEAT)), None) or self.another_beat()

    def another_beat(self) -> Running:
        """Start a beat and wait until it has begun."""
        return self.start(BEAT, "beat: Starting...")

    @contextmanager
    def frozen(self, *kinds: tuple[str, ...]) -> Iterator[None]:
        """Stop every worker, every beat or both in their tracks, and let them go on afterwards."""
        pids = [process.process.pid for kind in kinds for process in self._that_run(kind)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def start(self, argv: Sequence[str], words: str, **env: str) -> Running:
        """Start a process of the console and wait until it has printed the words; without any, do not wait."""
        process = self._stack.enter_context(running(argv, {**self.env, **env}))
        self.started.append((argv, process))
        if words:
            process.wait_for(words, deadline=DEADLINE)
        return process

    def kill(self, process: Running) -> None:
        """End a process and its children as a power cut would."""
        for pid in [process.process.pid, *process.others()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait_for_end()

    def wait(self, order_ref: str, deadline: float = DEADLINE, **wanted: Any) -> dict[str, Any]:
        """Wait until the order is as wanted, at most so many seconds, and return it."""
        seen: dict[str, Any] = {}

        def is_so() -> bool:
            seen.update(self.desk("look", order_ref=order_ref))
            return all(seen[name] == value for name, value in wanted.items())

        self.until(is_so, lambda: f"{order_ref} should have {wanted}, has {seen}", deadline)
        return seen

    def wait_for_command(self, number: int, state: str, deadline: float = DEADLINE) -> None:
        """Wait until a command is in a state, at most so many seconds."""
        self.until(lambda: bool(self.desk("command", number=number)[0] == state), lambda: f"not {state}", deadline)

    def until(self, holds: Callable[[], bool], problem: Callable[[], str], deadline: float = DEADLINE) -> None:
        """Poll until it holds; fail with the problem and the logs once it takes longer than so many seconds."""
        until(holds, "{}", lambda: f"{problem()}\n{self.logs()[-8000:]}", deadline)

    def times_published(self, order_ref: str) -> int:
        """Return how often Flow has published the order, for money."""
        return self.sandbox.published_refs().count(order_ref)

    def logs(self) -> str:
        """Return all that the processes have printed."""
        printed = [process.output for _, process in self.started]
        files = [self._desk_log, self.sandbox.output, *self.further_logs]
        return "\n".join([*printed, *(file.read_text(errors="replace") for file in files if file.exists())])

    def _that_run(self, kind: tuple[str, ...]) -> list[Running]:
        return [process for argv, process in self.started if argv == kind and process.process.poll() is None]


@contextmanager
def prepared_site(folder: Path, env: Mapping[str, str], flow: str | None = None) -> Iterator[Site]:
    """Prepare a console that publishes to a sandbox, or to `flow`, an address; nothing of it runs yet but the desk."""
    pace = {"SANDBOX_QUEUED_SECONDS": 0, "SANDBOX_IN_PROGRESS_SECONDS": 0}
    with running_sandbox(SANDBOX_API_KEY=API_KEY, **pace) as sandbox, ExitStack() as stack:
        at_flow = {"FLOW_BASE_URL": flow or sandbox.url, "SANDBOX_PORT": str(sandbox.port), "FLOW_API_KEY": API_KEY}
        site = Site(folder, {**at_flow, "BROKER_DIR": str(folder / "broker"), **env}, sandbox, stack)
        site.desk("prepare")
        yield site
