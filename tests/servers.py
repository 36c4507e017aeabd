"""PostgreSQL and Redis servers of the tests' own, from binaries on the machine; and Chromium, if it is there.

`TEST_DATABASE_URL` and `TEST_REDIS_URL` name servers to use instead. The database role must be allowed to create
databases; the Redis database must be empty.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

from runner.leash import leash

DEADLINE = 30.0


class UnavailableError(Exception):
    """A server can't be had on this machine; the message says why and what to do."""


def nothing_may_be_missing() -> bool:
    """Tell whether a missing server is a failure, as it is where CI is set."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


# PostgreSQL -----------------------------------------------------------------------------------------------------------
@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the address of a PostgreSQL server: TEST_DATABASE_URL, else one started here and stopped afterwards.

    Raises UnavailableError where neither can be had.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    initdb, postgres = _postgresql_program("initdb"), _postgresql_program("postgres")
    user = _other_user_when_root()
    with _folder(user) as folder:
        data = str(folder / "data")
        _run([initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], user)
        url = f"postgresql://postgres@/postgres?host={folder}"
        argv = [postgres, "-D", data, "-k", str(folder), "-h", "", "-F", "-c", "full_page_writes=off"]
        with _server(argv, user, folder, lambda: psycopg.connect(url).close(), (psycopg.OperationalError,)):
            yield url


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Yield the address of a new, empty database on the server; drop it afterwards, whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        _execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def postgresql_version(server: str) -> str:
    """Return the version of the server at the address."""
    with psycopg.connect(server) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]) if row else "?"


def _execute(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def _postgresql_program(name: str) -> str:
    if found := shutil.which(name):
        return str(Path(found).resolve())
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    if not installed:
        raise UnavailableError(f"PostgreSQL: no {name} on this machine (apt install postgresql), no TEST_DATABASE_URL")
    return str(installed[-1])


# Redis ----------------------------------------------------------------------------------------------------------------
@contextmanager
def redis_server() -> Iterator[str]:
    """Yield the address of a Redis server: TEST_REDIS_URL, else one started here and stopped afterwards.

    Raises UnavailableError where neither can be had.
    """
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    program = shutil.which("redis-server")
    if not program:
        raise UnavailableError("Redis: no redis-server on this machine (apt install redis-server), no TEST_REDIS_URL")
    with _folder(None) as folder:
        port = free_port()
        url = f"redis://127.0.0.1:{port}/0"
        argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with _server([*argv, "--dir", str(folder)], None, folder, lambda: _ping(url), (redis.ConnectionError,)):
            yield url


@contextmanager
def empty_redis(server: str, database: int) -> Iterator[str]:
    """Yield the address of an empty database, by number, on the Redis server; empty it again afterwards."""
    url = urlunsplit(urlsplit(server)._replace(path=f"/{database}"))
    with redis.Redis.from_url(url) as client:
        assert client.dbsize() == 0, (
            f"database {database} of the Redis given by TEST_REDIS_URL is not empty: use another"
        )
        try:
            yield url
        finally:
            client.flushdb()


def redis_version(server: str) -> str:
    """Return the version of the server at the address."""
    with redis.Redis.from_url(server) as client:
        return str(client.info("server")["redis_version"])


def _ping(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.ping()


# Chromium -------------------------------------------------------------------------------------------------------------
def chromium() -> str:
    """Return the path of Chromium: CHROMIUM, else what the machine has. Raises UnavailableError without one."""
    candidates = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in candidates if name and (path := shutil.which(name))), None)
    if not found:
        raise UnavailableError("Chromium: none on this machine (apt install chromium, or set CHROMIUM to its path)")
    return found


# Common ---------------------------------------------------------------------------------------------------------------
def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as candidate:
        candidate.bind(("127.0.0.1", 0))
        return int(candidate.getsockname()[1])


@contextmanager
def _folder(owner: str | None) -> Iterator[Path]:
    # Not pytest's tmp_path: that is closed to other users, and too long for a socket's address.
    folder = Path(tempfile.mkdtemp(prefix="server-"))
    try:
        if owner:
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(
    argv: Sequence[str], user: str | None, folder: Path, greet: Callable[[], None], not_yet: tuple[type[Exception], ...]
) -> Iterator[None]:
    """Run a server; wait until it can be greeted; end it with SIGINT, which both servers take as "finish and go"."""
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            process_group=0,  # Ctrl-C in the terminal must not end it under the tests' feet
            preexec_fn=leash(signal.SIGINT),
        )
    try:
        _wait_until(greet, not_yet, process, log)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(
    greet: Callable[[], None], not_yet: tuple[type[Exception], ...], process: subprocess.Popen[bytes], log: Path
) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return greet()
        except not_yet:
            if process.poll() is not None or time.monotonic() > end:
                words = log.read_text(errors="replace")[-2000:]
                raise UnavailableError(f"a server for the tests does not start: {words}") from None
        time.sleep(0.05)


def _run(argv: Sequence[str], user: str | None) -> None:
    done = subprocess.run(argv, cwd="/", user=user, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{Path(argv[0]).name} fails: {done.stderr[-2000:]}")


def _other_user_when_root() -> str | None:
    """Return somebody to run PostgreSQL as, which refuses to be run by root; None when not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
