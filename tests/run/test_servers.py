"""The tests' own servers: started, empty, and gone afterwards."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests import servers
from tests.run.running import running, until

HOLDS_A_SERVER = """
import time
from tests import servers
with servers.{name}() as url:
    print("up", url, flush=True)
    time.sleep(600)
"""


def test_each_test_has_an_empty_postgresql_database(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE only_mine (id int)")
        found = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
        assert found.fetchone() == (1,)


def test_postgresql_knows_letters_beyond_ascii(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url) as connection:
        assert connection.execute("SELECT upper('é')").fetchone() == ("É",)


def test_a_database_is_dropped_after_its_test_though_somebody_is_still_connected(postgresql_server: str) -> None:
    with servers.fresh_database(postgresql_server) as url:
        connection = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    connection.close()


def test_redis_is_empty_again_after_use(redis_server: str) -> None:
    with servers.empty_redis(redis_server, 9) as url, redis.Redis.from_url(url) as client:
        client.set("left", "behind")
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0


def test_a_redis_database_that_holds_something_is_refused_and_left_alone(redis_server: str) -> None:
    with servers.empty_redis(redis_server, 9) as url, redis.Redis.from_url(url) as client:
        client.set("somebody's", "data")
        with pytest.raises(AssertionError, match="is not empty"), servers.empty_redis(redis_server, 9):
            pytest.fail("it was handed out")
        assert client.get("somebody's") == b"data"


def test_given_addresses_are_used_instead_of_servers_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgresql://given/database")
    monkeypatch.setenv("TEST_REDIS_URL", "redis://given/0")
    with servers.postgresql() as database, servers.redis_server() as broker:
        assert (database, broker) == ("postgresql://given/database", "redis://given/0")


def test_a_machine_without_the_programs_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TEST_REDIS_URL", "CHROMIUM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(servers.UnavailableError, match="apt install redis-server"), servers.redis_server():
        pytest.fail("there is no redis-server to start")
    with pytest.raises(servers.UnavailableError, match="apt install chromium"):
        servers.chromium()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may enter; a server that is killed can't clear up after itself."""
    with tempfile.TemporaryDirectory(prefix="test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("name", "version"),
    [("postgresql", servers.postgresql_version), ("redis_server", servers.redis_version)],
)
def test_a_server_is_gone_when_the_tests_are_killed(
    name: str,
    version: Callable[[str], str],
    open_folder: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request.getfixturevalue("postgresql_server" if name == "postgresql" else name)  # skips where there is none
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.delenv("TEST_REDIS_URL", raising=False)
    with running([sys.executable, "-c", HOLDS_A_SERVER.format(name=name)], {"TMPDIR": str(open_folder)}) as command:
        command.wait_for("up ")
        url = command.output.removeprefix("up ")
        assert version(url)
        os.kill(command.process.pid, signal.SIGKILL)
        until(lambda: not answers(version, url), "{} still answers", lambda: url)


def answers(version: Callable[[str], str], url: str) -> bool:
    """Tell whether a server answers at the address."""
    try:
        return bool(version(url))
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


@pytest.mark.parametrize(("ci", "closing"), [("", "1 skipped"), ("true", "1 error")])
def test_a_missing_server_skips_with_the_reason_but_fails_where_ci_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, closing: str
) -> None:
    monkeypatch.delenv("TEST_REDIS_URL", raising=False)
    test = tmp_path / "test_needs_redis.py"
    test.write_text("from tests.conftest import *\n\ndef test_it(redis_url: str) -> None: ...\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-ra", str(test)],
        env={**os.environ, "PATH": str(tmp_path), "CI": ci, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert closing in done.stdout.splitlines()[-1]
    assert "no redis-server on this machine (apt install redis-server), no TEST_REDIS_URL" in done.stdout
