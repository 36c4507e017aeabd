"""A real sandbox in a process of its own, for every test that needs Flow at the other end of a socket."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.servers import free_port

ROOT = Path(__file__).parent.parent
START_DEADLINE = 30.0
ORGANISATION_ID = "sandbox-organisation"
API_KEY = "sandbox-api-key"
REQUEST_TYPE = "campaignAPI"


class Sandbox:
    """A sandbox on a port and a state file of its own. It can be stopped or killed, and started again on both."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = folder / "state" / "sandbox.sqlite3"
        self.output = folder / "output.txt"
        self._env = {"SANDBOX_PORT": str(self.port), "SANDBOX_STATE": str(self.state)} | env
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers. Raise AssertionError with its output if it never does."""
        assert self._process is None, "the sandbox is running already"
        self._process = spawn(self.output, **self._env)
        deadline = time.monotonic() + START_DEADLINE
        while not self.answers():
            late = time.monotonic() > deadline
            assert not late, f"the sandbox did not answer: {self.output.read_text()}"
            assert self._process.poll() is None, f"the sandbox ended: {self.output.read_text()}"
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the process as a runner would. Return its exit code."""
        return self._end(number)

    def kill(self) -> None:
        """End the process as a power cut would."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End the process if it is still running."""
        if self._process is not None:
            self.kill()

    def answers(self) -> bool:
        """Tell whether the sandbox is up."""
        try:
            return requests.get(f"{self.url}/health", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def ledger(self) -> dict[str, list[dict[str, Any]]]:
        """Return the accepted publishes and the commands, oldest first."""
        ledger: dict[str, list[dict[str, Any]]]
        ledger = self._json(requests.get(f"{self.url}/sandbox/ledger", timeout=10))
        return ledger

    def published_refs(self) -> list[str | None]:
        """Return the order_ref of every accepted publish, oldest first."""
        return [publish["orderRef"] for publish in self.ledger()["publishes"]]

    def set_fault(self, fault: str, **setting: Any) -> None:
        """Set a fault: `calls` (a list), `count` (None: until cleared), and `seconds`, `retry_after` or `status`."""
        self._json(requests.put(f"{self.url}/sandbox/faults", json={"fault": fault, **setting}, timeout=10))

    def clear_faults(self) -> None:
        """Clear all faults, which also releases campaigns that are stuck in the queue."""
        self._json(requests.delete(f"{self.url}/sandbox/faults", timeout=10))

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that are set, each with the count that is left."""
        active: list[dict[str, Any]] = self._json(requests.get(f"{self.url}/sandbox/faults", timeout=10))["active"]
        return active

    @staticmethod
    def _json(response: requests.Response) -> Any:
        assert response.status_code == 200, response.text
        return response.json()

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None, "the sandbox is not running"
        self._process.send_signal(number)
        code = self._process.wait(timeout=START_DEADLINE)
        self._process = None
        return code


def spawn(output: Path, **env: str) -> subprocess.Popen[bytes]:
    """Start `python -m sandbox` with these variables and no other SANDBOX_… ones; its output goes to a file."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    with output.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox"], cwd=ROOT, env=inherited | env, stdout=sink, stderr=subprocess.STDOUT
        )


@contextmanager
def running_sandbox(**env: str | int) -> Iterator[Sandbox]:
    """Run a sandbox with the given SANDBOX_… variables; it and its state are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        sandbox = Sandbox(Path(folder), {name: str(value) for name, value in env.items()})
        try:
            sandbox.start()
            yield sandbox
        finally:
            sandbox.close()
