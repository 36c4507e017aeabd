"""A console of real processes: workers and beats over a broker and a database of their own, and the sandbox as Flow."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.run.running import ROOT, Running, running, until
from tests.sandbox_process import Sandbox

CELERY = (str(Path(sys.executable).parent / "celery"), "--app", "flowsite")
WORKER = (*CELERY, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO")
BEAT = (*CELERY, "beat", "--loglevel", "INFO")
DEADLINE = 45.0


class Desk:
    """Somebody at the console, in another process; see desk.py for what can be done there."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
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
        self._log = log

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
        self._process.communicate(timeout=DEADLINE)


class Site:
    """One database, one broker, one sandbox; as many workers and beats as a test wants."""

    def __init__(self, env: dict[str, str], sandbox: Sandbox, desk: Desk, log: Path, stack: ExitStack) -> None:
        self.env, self.sandbox, self.desk, self.desk_log = env, sandbox, desk, log
        self._stack = stack
        self.started: list[Running] = []

    def start(self, argv: tuple[str, ...]) -> Running:
        """Start a worker or a beat; whatever is left of it ends with the site."""
        process = self._stack.enter_context(running(argv, dict(self.env)))
        self.started.append(process)
        return process

    def worker(self) -> Running:
        """Start a worker and wait until it takes messages."""
        worker = self.start(WORKER)
        worker.wait_for(" ready.", deadline=DEADLINE)
        return worker

    def beat(self) -> Running:
        """Start a beat and wait until it has begun."""
        beat = self.start(BEAT)
        beat.wait_for("beat: Starting...", deadline=DEADLINE)
        return beat

    def wait(self, order_ref: str, **wanted: Any) -> dict[str, Any]:
        """Wait until the order is as wanted, and return it."""
        seen: dict[str, Any] = {}

        def is_so() -> bool:
            seen.update(self.desk("look", order_ref=order_ref))
            return all(seen[name] == value for name, value in wanted.items())

        until(is_so, "{}", lambda: f"{order_ref} should have {wanted}, has {seen}\n{self.logs()[-6000:]}", DEADLINE)
        return seen

    def wait_for_command(self, number: int, state: str) -> None:
        """Wait until a command is in a state."""
        until(
            lambda: bool(self.desk("command", number=number)[0] == state),
            f"the command should be {state}, is {{}}",
            lambda: f"{self.desk('command', number=number)}\n{self.logs()[-6000:]}",
            DEADLINE,
        )

    def logs(self) -> str:
        """Return all that the processes have printed."""
        return "\n".join([*(process.output for process in self.started), self.desk_log.read_text()])


@contextmanager
def console(folder: Path, sandbox: Sandbox, env: dict[str, str]) -> Iterator[Site]:
    """Prepare a console that publishes to the sandbox; nothing of it runs yet but the desk."""
    flow = {"FLOW_BASE_URL": sandbox.url, "SANDBOX_PORT": str(sandbox.port)}
    own = {**flow, **env, "BROKER_DIR": str(folder / "broker")}
    with ExitStack() as stack:
        desk = Desk(own, folder / "desk.log")
        stack.callback(desk.close)
        desk("prepare")
        yield Site(own, sandbox, desk, folder / "desk.log", stack)
