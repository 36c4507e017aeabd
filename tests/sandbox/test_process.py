"""Starting and ending the process, as the person at the terminal sees it."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.conftest import Caller
from tests.sandbox_process import START_DEADLINE, Sandbox, spawn


def refused(folder: Path, **env: str) -> str:
    """Start a sandbox that must refuse to run; return what it printed."""
    output = folder / "refused.txt"
    state = {"SANDBOX_STATE": str(folder / "refused.sqlite3")}
    assert spawn(output, **(state | env)).wait(timeout=START_DEADLINE) == 1
    return output.read_text()


def test_a_port_in_use_is_said_in_one_line(sandbox: Sandbox, tmp_path: Path) -> None:
    assert refused(tmp_path, SANDBOX_PORT=str(sandbox.port)) == (
        f"sandbox: Cannot listen on 127.0.0.1:{sandbox.port}: Address already in use. Set SANDBOX_PORT to another.\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SANDBOX_PORT", "http", "SANDBOX_PORT is 'http'. It must be a whole number from 1 to 65535."),
        ("SANDBOX_PORT", "70000", "SANDBOX_PORT is '70000'. It must be a whole number from 1 to 65535."),
        ("SANDBOX_TOKEN_SECONDS", "0", "SANDBOX_TOKEN_SECONDS is '0'. It must be a whole number from 1 to 86400."),
        ("SANDBOX_API_KEY", " ", "SANDBOX_API_KEY is empty. Set it, or unset it to use 'sandbox-api-key'."),
        ("SANDBOX_WAIT_FOR_START", "maybe", "SANDBOX_WAIT_FOR_START is 'maybe'. It must be true or false."),
    ],
)
def test_a_wrong_setting_is_said_in_one_line(tmp_path: Path, name: str, value: str, words: str) -> None:
    assert refused(tmp_path, **{name: value}) == f"sandbox: {words}\n"


def test_a_state_file_that_is_none_is_said_in_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    state.write_text("This is a diary, not a database. " * 100)

    printed = refused(tmp_path, SANDBOX_STATE=str(state))

    assert printed.startswith(f"sandbox: The state file {state} cannot be used: ")
    assert printed.endswith("Set SANDBOX_STATE to another path.\n")
    assert printed.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(sandbox: Sandbox, caller: Caller, number: signal.Signals) -> None:
    caller.published_id()

    assert sandbox.stop(number) == 0
    assert "Traceback" not in sandbox.output.read_text()
    assert not sandbox.answers()


def test_a_signal_does_not_wait_for_a_late_answer(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("late", calls=["publish"], seconds=600)
    with ThreadPoolExecutor() as pool:
        publish = pool.submit(caller.publish)
        while not sandbox.published_refs():
            pass
        assert sandbox.stop() == 0
        publish.exception(timeout=START_DEADLINE)


def test_a_kill_in_the_middle_of_many_publishes_loses_none_that_was_answered(sandbox: Sandbox, caller: Caller) -> None:
    def publish(number: int) -> str | None:
        try:
            response = caller.publish(orderRef=f"Order-{number}")
        except OSError:
            return None
        return f"Order-{number}" if response.status_code == 202 else None

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(publish, number) for number in range(200)]
        while len(sandbox.published_refs()) < 20:
            pass
        sandbox.kill()
        answered = {ref for answer in answers if (ref := answer.result())}
    sandbox.start()

    refs = sandbox.published_refs()
    assert len(refs) == len(set(refs))
    assert answered
    assert answered <= set(refs)
