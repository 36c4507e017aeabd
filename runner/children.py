"""One process that is kept running: how it is started, heard, asked to end, and made to end."""

import contextlib
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.leash import leash

LINES_KEPT = 200


@dataclass(frozen=True)
class Process:
    """What to run under a name, how to tell that it answers, and how to end it."""

    name: str
    argv: tuple[str, ...]
    answers: Callable[["Child"], str]
    """Returns nothing once the process answers, else why it does not yet."""
    patience: float = 10
    """Seconds it may take to end after it is asked to."""
    waiting_for: str = ""
    """What it may have to finish first, in words."""
    cut_short: str = ""
    """What it means when it is not allowed to finish, in words."""
    ends_last: bool = False
    """Whether the others need it until they have ended."""


class Child:
    """The running instance of a Process, in a process group of its own: Ctrl-C in the terminal does not reach it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.name = process.name
        self.popen: subprocess.Popen[bytes] | None = None
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.deaths: list[float] = []
        self.starts_at = 0.0
        self.answered = False
        self.cut = False
        self._half_line = b""

    def start(self) -> None:
        """Start the process; its lines are kept from here on."""
        self.lines.clear()
        self.answered = False
        self._half_line = b""
        self.popen = spawn(self.process.argv, stdout=subprocess.PIPE)
        assert self.popen.stdout is not None  # noqa: S101 - tells mypy what PIPE promises
        os.set_blocking(self.popen.stdout.fileno(), False)

    def read(self) -> list[str]:
        """Return the whole lines it has printed since the last call."""
        data = b""
        if self.popen and self.popen.stdout:
            while piece := self.popen.stdout.read(65536):
                data += piece
        *lines, self._half_line = (self._half_line + data).split(b"\n")
        return self._keep(lines)

    def read_rest(self) -> list[str]:
        """Return all that is left once it has ended, a last line without an end included."""
        lines = self.read()
        rest, self._half_line = self._half_line, b""
        return lines + (self._keep([rest]) if rest else [])

    def _keep(self, lines: Sequence[bytes]) -> list[str]:
        texts = [line.decode(errors="replace").rstrip() for line in lines]
        self.lines.extend(texts)
        return texts

    def has_ended(self) -> bool:
        """Tell whether the process is over. Whatever it left of its own children is killed with it."""
        if self.popen is None:
            return True
        ended = os.waitid(os.P_PID, self.popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return False
        self.kill()  # while its number is not free yet: nobody else can have it
        self.popen.wait()
        return True

    def close(self) -> None:
        """Forget the process that has ended."""
        if self.popen and self.popen.stdout:
            self.popen.stdout.close()
        self.popen = None

    def how_it_ended(self) -> str:
        """Return its exit code or the signal that killed it, in words."""
        code = self.popen.returncode if self.popen else None
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process alone: its own children finish what they have in hand."""
        if self.popen:
            os.kill(self.popen.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process and all that it started."""
        if self.popen:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)


def spawn(argv: Sequence[str], stdout: int) -> subprocess.Popen[bytes]:
    """Start a command in its own process group, ended by the kernel when this process dies."""
    return subprocess.Popen(  # noqa: S603 - the table of processes is ours, no outsider's words are in it
        argv,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        process_group=0,
        preexec_fn=leash(),
    )
