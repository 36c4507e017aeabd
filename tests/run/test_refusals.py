"""What `python -m runner` refuses: it says why and what to type instead, and starts nothing."""

import fcntl
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.run.real import Console

pytestmark = pytest.mark.processes


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def refused(console: Console, **env: str) -> str:
    """Start the runner; make sure that it ends by itself without having started or written anything."""
    with console.start(**env) as command:
        assert command.wait_for_end() == 1
        assert command.others() == {}
    assert tables(console) == []
    assert command.lines[-1] == "run     | Nothing was started."
    return command.output


def tables(console: Console) -> list[str]:
    """Return the names of the tables that the console's database has, none where there is no database."""
    if not console.database.exists():
        return []
    with closing(sqlite3.connect(console.database)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]


def offered(output: str) -> dict[str, int]:
    """Return the ports that the message names to use instead."""
    (line,) = (line for line in output.splitlines() if "make run " in line)
    return {name: int(port) for name, port in (word.split("=") for word in line.split("make run ")[1].split())}


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_port_in_use_is_named_with_another_to_use(console: Console, taken: int, name: str) -> None:
    output = refused(console, **{name: str(taken)})
    assert f"run     | Port {taken} is in use by another program." in output
    assert list(offered(output)) == [name]
    socket.create_server(("127.0.0.1", offered(output)[name])).close()


def test_both_ports_in_use_are_told_at_once(console: Console, taken: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as second:
        output = refused(console, PORT=str(taken), SANDBOX_PORT=str(second.getsockname()[1]))
    assert set(offered(output)) == {"PORT", "SANDBOX_PORT"}
    assert len({taken, *offered(output).values()}) == 3


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "80.5", "８０００"])
def test_a_port_that_is_no_port_is_refused(console: Console, text: str) -> None:
    assert f"PORT is {text!r}. Set it to a whole number from 1 to 65535, such as PORT=8000." in refused(
        console, PORT=text
    )


def test_the_same_port_for_both_is_refused(console: Console) -> None:
    assert "PORT and SANDBOX_PORT are the same port." in refused(console, SANDBOX_PORT=str(console.port))


def test_a_second_run_on_the_same_data_is_refused(console: Console, tmp_path: Path) -> None:
    with (tmp_path / "broker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "runs already on this data" in refused(console)


def test_a_database_that_cannot_be_opened_is_refused(console: Console, tmp_path: Path) -> None:
    missing = tmp_path / "no such folder" / "db.sqlite3"
    output = refused(console, DATABASE_URL=f"sqlite:///{missing}")
    assert "unable to open database file" in output
    assert "`manage.py migrate` failed (exit code 1); see above." in output


def test_a_wrong_setting_is_named(console: Console) -> None:
    assert "FLOW_READ_TIMEOUT" in refused(console, FLOW_READ_TIMEOUT="soon")


def test_settings_of_production_are_refused(console: Console) -> None:
    assert "run the processes of the Procfile" in refused(console, DEBUG="false", SECRET_KEY="x" * 64)
