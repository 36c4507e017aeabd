"""A runner as a real process: what it prints, the signals a terminal would send it, and what it leaves behind."""

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEADLINE = 30.0
MARK = "RUN_MARK"


class Running:
    """A started command. Its process group is its own, as a terminal gives it."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str | None]) -> None:
        self.mark = uuid.uuid4().hex
        self.lines: list[str] = []
        # Titles that programs give themselves would be written over what is read here.
        changed = {**os.environ, **env, MARK: self.mark, "SPT_NOENV": "1"}
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={name: value for name, value in changed.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",  # a kill may cut a letter
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Collect what is left of a command that was killed."""
        self.process.wait()
        self._reader.join(5)
        assert self.process.stdout
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    def wait_for(self, words: str, times: int = 1, deadline: float = DEADLINE) -> None:
        """Wait until the words were printed so many times; fail with the output when they are not."""
        until(lambda: self.output.count(words) >= times, f"{words!r} {times}x in:\n{{}}", lambda: self.output, deadline)

    def wait_for_end(self, deadline: float = DEADLINE) -> int:
        """Wait for the command to end and return its exit code."""
        try:
            code = self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline} s:\n{self.output}") from None
        self._reader.join(5)
        return code

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: interrupt the whole foreground process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def others(self) -> dict[int, str]:
        """Return the processes that this command has started, directly or not, and that still run: number → command."""
        return {pid: words for pid, words in _marked(self.mark) if pid != self.process.pid}

    def pid_of(self, words: str) -> int:
        """Return the number of the one process of these words that the command itself started."""
        (pid,) = (pid for pid, line in self.others().items() if words in line and _parent(pid) == self.process.pid)
        return pid

    def wait_until_nothing_runs(self, deadline: float = DEADLINE) -> None:
        """Wait until no process that this command started is left."""
        until(lambda: not self.others(), "these still run: {}", self.others, deadline)


@contextmanager
def running(argv: Sequence[str], env: Mapping[str, str | None]) -> Iterator[Running]:
    """Start a command with variables set, or unset where None; make sure at the end that nothing of it is left."""
    command = Running(argv, env)
    try:
        yield command
    finally:
        for pid in [command.process.pid, *command.others()]:
            _kill(pid)
        command.close()


def until(holds: Callable[[], bool], problem: str, seen: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Poll until it holds; fail with what was seen instead once the deadline (seconds) is over."""
    end = time.monotonic() + deadline
    while not holds():
        assert time.monotonic() < end, problem.format(seen())
        time.sleep(0.05)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _marked(mark: str) -> Iterator[tuple[int, str]]:
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has just ended
            continue


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
