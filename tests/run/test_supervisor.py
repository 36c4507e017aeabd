"""The supervisor on stand-ins: small real programs that do what web, worker and sandbox do when all goes wrong."""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.run.running import Running, running, until

pytestmark = pytest.mark.processes

SERVES = "import time; print('up'); time.sleep(600)"
FINISHES_FIRST = """
import signal, time
def finish(*_):
    print('one thing left to do')
    time.sleep({seconds})
    print('the thing is done')
    raise SystemExit
signal.signal(signal.SIGTERM, finish)
print('up')
while True: time.sleep(0.1)
"""
SAYS_GOODBYE = """
import signal, time
def leave(*_):
    print('goodbye')
    raise SystemExit
signal.signal(signal.SIGTERM, leave)
print('up')
while True: time.sleep(0.1)
"""


def started(*table: dict[str, Any]) -> AbstractContextManager[Running]:
    return running([sys.executable, "-m", "tests.run.standins", json.dumps(table)], {})


@pytest.fixture
def two() -> Iterator[Running]:
    """A web that serves and a worker that finishes what it has in hand."""
    table = {"name": "web", "code": SERVES}, {"name": "worker", "code": FINISHES_FIRST.format(seconds=2)}
    with started(*table) as command:
        command.wait_for("Ready")
        yield command


def test_it_says_ready_only_once_every_process_answers(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waits = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.1); print('tick')\n{SERVES}"
    with started({"name": "web", "code": SERVES}, {"name": "worker", "code": waits}) as command:
        command.wait_for("web     | up")
        command.wait_for("tick", times=20)
        assert "Ready" not in command.output
        go.touch()
        command.wait_for("run     | Ready: everything answers")


def test_every_line_carries_the_name_of_who_says_it() -> None:
    speaks = "import sys; print('up'); print('an error', file=sys.stderr); print('no end', end='')"
    with started({"name": "web", "code": SERVES}, {"name": "worker", "code": speaks}) as command:
        command.wait_for("worker has ended (exit code 0)")
        assert {"web     | up", "worker  | up", "worker  | an error", "worker  | no end"} < set(command.lines)


def test_a_process_killed_with_kill_9_is_started_again_with_a_visible_line(two: Running) -> None:
    before = two.pid_of("the thing is done")
    os.kill(before, signal.SIGKILL)
    two.wait_for("run     | worker has ended (killed by SIGKILL). Starting it again, time 1 of 4.")
    two.wait_for("run     | worker answers again.")
    assert two.pid_of("the thing is done") != before
    assert two.output.count("Ready") == 1


def test_what_a_dead_process_had_started_is_killed_before_it_starts_again() -> None:
    parent = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(601)'])\nprint('up'); time.sleep(600)"
    )
    with started({"name": "worker", "code": parent}) as command:
        command.wait_for("Ready")
        (left,) = (pid for pid, words in command.others().items() if "time.sleep(601) " in words and pid)
        os.kill(command.pid_of("subprocess"), signal.SIGKILL)
        command.wait_for("worker answers again")
        assert left not in command.others()


def test_a_process_that_keeps_dying_ends_everything_with_its_last_words() -> None:
    dies = "print('line 1')\nfor n in range(2, 31): print(f'line {n}')\nraise SystemExit('no database here')"
    with started({"name": "web", "code": SERVES}, {"name": "worker", "code": dies}) as command:
        assert command.wait_for_end() == 1
        assert command.others() == {}
        assert command.output.count("Starting it again") == 4
        assert "Ready" not in command.output
        assert command.lines[-21] == "run     | worker kept ending, so nothing runs now. Its last words:"
        assert command.lines[-20:] == [*(f"worker  | line {n}" for n in range(12, 31)), "worker  | no database here"]


def test_ctrl_c_lets_a_process_finish_what_it_has_in_hand(two: Running) -> None:
    two.press_ctrl_c()
    assert two.wait_for_end() == 0
    assert "worker  | the thing is done" in two.lines
    assert two.lines[-1] == "run     | All processes have ended."
    assert two.others() == {}


def test_what_the_others_need_ends_after_them() -> None:
    with started(
        {"name": "sandbox", "code": SAYS_GOODBYE, "ends_last": True},
        {"name": "worker", "code": FINISHES_FIRST.format(seconds=1)},
    ) as command:
        command.wait_for("Ready")
        command.press_ctrl_c()
        assert command.wait_for_end() == 0
        assert command.lines.index("worker  | the thing is done") < command.lines.index("sandbox | goodbye")


def test_the_person_is_told_what_is_waited_for() -> None:
    slow = {"name": "worker", "code": FINISHES_FIRST.format(seconds=4), "waiting_for": "a publish may be under way"}
    with started(slow) as command:
        command.wait_for("Ready")
        command.press_ctrl_c()
        command.wait_for("Waiting for worker, ")
        assert re.search(r"Waiting for worker, [2-9] s of at most 10 s: a publish may be under way\.", command.output)
        assert command.wait_for_end() == 0


def test_a_second_ctrl_c_hurries_and_says_what_that_may_cost() -> None:
    slow = {"name": "worker", "code": FINISHES_FIRST.format(seconds=600), "cut_short": "Money may be spent."}
    sandbox = {"name": "sandbox", "code": SAYS_GOODBYE, "ends_last": True}
    with started(sandbox, {**slow, "patience": 600}) as command:
        command.wait_for("Ready")
        command.press_ctrl_c()
        command.wait_for("Waiting for worker")
        command.press_ctrl_c()
        assert command.wait_for_end() == 0
        assert "run     | worker is killed. Money may be spent." in command.lines
        assert "worker  | the thing is done" not in command.lines
        assert "sandbox | goodbye" in command.lines
        assert command.others() == {}


def test_a_process_that_does_not_end_in_time_is_killed_with_a_word() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"
    with started({"name": "web", "code": deaf, "patience": 1}) as command:
        command.wait_for("Ready")
        command.press_ctrl_c()
        assert command.wait_for_end() == 0
        assert "run     | web did not end within 1 s and is killed." in command.lines
        assert command.others() == {}


def test_kill_9_of_the_runner_leaves_no_process_behind(two: Running) -> None:
    assert len(two.others()) == 2
    two.process.kill()
    two.wait_until_nothing_runs()


def test_the_same_signal_twice_at_once_counts_as_one(two: Running) -> None:
    two.process.send_signal(signal.SIGTERM)
    two.process.send_signal(signal.SIGTERM)
    assert two.wait_for_end() == 0
    assert "worker  | the thing is done" in two.lines


def test_a_starter_that_vanishes_counts_as_ctrl_c() -> None:
    table = json.dumps([{"name": "worker", "code": FINISHES_FIRST.format(seconds=1)}])
    starter = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'tests.run.standins', sys.argv[1]])"
    with running([sys.executable, "-c", starter, table], {}) as command:
        command.wait_for("Ready")
        command.process.kill()
        command.wait_until_nothing_runs()
        until(lambda: "All processes have ended." in command.output, "{}", lambda: command.output)
        assert "worker  | the thing is done" in command.lines
