"""`python -m runner` with the real web, worker, beat and sandbox."""

import os
import signal
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.run.real import Console
from tests.run.running import Running, until

pytestmark = pytest.mark.processes

READY = 90.0


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Console:
    return Console(tmp_path_factory.mktemp("console"))


@pytest.fixture(scope="module")
def ready(console: Console) -> Iterator[Running]:
    """The whole of it, once everything answers."""
    with console.start() as command:
        command.wait_for("Ready:", deadline=READY)
        yield command


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


def test_it_tells_the_address_and_the_logins(console: Console, ready: Running) -> None:
    until(lambda: "Ctrl-C ends all of it." in ready.output, "{}", lambda: ready.output)
    welcome = ready.output[ready.output.index("Ready:") :]
    assert welcome.startswith(f"Ready:  {console.url}/admin/\n")
    assert f"the sandbox, {console.sandbox_url}/ (no money is spent)" in welcome
    assert "password" in welcome


def test_what_it_calls_ready_answers(console: Console, ready: Running) -> None:
    assert status_of(f"{console.url}/admin/login/") == 200
    assert status_of(f"{console.url}/static/unfold/css/styles.css") == 200
    assert status_of(f"{console.sandbox_url}/health") == 200


@pytest.mark.parametrize(
    ("name", "words"), [("web", "gunicorn"), ("worker", " worker "), ("beat", " beat "), ("sandbox", "-m sandbox")]
)
def test_each_process_is_started_again_when_it_is_killed(ready: Running, name: str, words: str) -> None:
    os.kill(ready.pid_of(words), signal.SIGKILL)
    ready.wait_for(f"run     | {name} has ended (killed by SIGKILL). Starting it again")
    ready.wait_for(f"run     | {name} answers again.", deadline=READY)


def test_another_stand_in_for_flow_is_used_instead_of_the_sandbox(tmp_path: Path) -> None:
    console = Console(tmp_path)
    with console.start(FLOW_BASE_URL="http://127.0.0.1:9") as command:
        command.wait_for("Ready:", deadline=READY)
        command.wait_for("Flow:   http://127.0.0.1:9 (FLOW_BASE_URL; the sandbox is not started)")
        assert not any("-m sandbox" in words for words in command.others().values())
        command.press_ctrl_c()
        assert command.wait_for_end() == 0


def test_no_demo_data_is_loaded_where_orders_would_cost_money(tmp_path: Path) -> None:
    console = Console(tmp_path)
    real = {"FLOW_BASE_URL": "https://flow.invalid", "FLOW_ORGANISATION_ID": "ours", "FLOW_API_KEY": "ours-alone"}
    with console.start(**real) as command:
        command.wait_for("Ready:", deadline=READY)
        command.wait_for("Logins: your own; no demo data is loaded here")
    with closing(sqlite3.connect(console.database)) as connection:
        for table in ("campaigns_order", "campaigns_branch", "auth_user"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
