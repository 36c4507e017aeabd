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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
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
    with own_postgresql() as server:
        yield server.url


@contextmanager
def own_postgresql(*, durable: bool = False) -> Iterator["Server"]:
    """Start a PostgreSQL that the tests may break; a `durable` one writes as in production.

    Raises UnavailableError where it can't be had.
    """
    initdb, postgres = _postgresql_program("initdb"), _postgresql_program("postgres")
    user = _other_user_when_root()
    with _folder(user) as folder:
        data = str(folder / "data")
        _run([initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"], user)
        url = f"postgresql://postgres@/postgres?host={folder}"
        argv = [postgres, "-D", data, "-k", str(folder), "-h", ""]
        argv += [] if durable else ["-F", "-c", "full_page_writes=off"]
        server = Server(url, argv, user, folder, lambda: psycopg.connect(url).close(), (psycopg.OperationalError,))
        with server.running():
            yield server


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
    with own_redis() as server:
        yield server.url


@contextmanager
def own_redis() -> Iterator["Server"]:
    """Start a Redis that keeps nothing and that the tests may break. Raises UnavailableError where it can't be had."""
    program = shutil.which("redis-server")
    if not program:
        raise UnavailableError("Redis: no redis-server on this machine (apt install redis-server), no TEST_REDIS_URL")
    with _folder(None) as folder:
        port = free_port()
        url = f"redis://127.0.0.1:{port}/0"
        argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        argv += ["--dir", str(folder)]
        with Server(url, argv, None, folder, lambda: _ping(url), (redis.ConnectionError,)).running() as server:
            yield server


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
def _own_ports() -> Iterator[int]:
    """Yield ports that the kernel gives nobody who asks for any, and that other processes of one run of the tests don't try."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")) % 10
    for number in count(os.getpid()):
        yield 20_000 + 1_000 * worker + number % 1_000


_ports = _own_ports()


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free, and stays so until somebody asks for just this one."""
    for port in _ports:
        with suppress(OSError), socket.socket() as candidate:
            candidate.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is always a next port")


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


@dataclass
class Server:
    """A server of the tests' own at an address that it keeps, however often it is ended and started."""

    url: str
    argv: Sequence[str]
    user: str | None
    folder: Path
    greet: Callable[[], None]
    not_yet: tuple[type[Exception], ...]
    process: "subprocess.Popen[bytes] | None" = None

    @contextmanager
    def running(self) -> Iterator["Server"]:
        """Run it; end it with SIGINT, which both servers take as "finish and go"."""
        self.start()
        try:
            yield self
        finally:
            self.end(signal.SIGINT)

    def start(self) -> None:
        """Start it and wait until it can be greeted. Raises UnavailableError where it does not start."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=self.user,
                process_group=0,  # Ctrl-C in the terminal must not end it under the tests' feet
                preexec_fn=leash(signal.SIGINT),
            )
        try:
            _wait_until(self.greet, self.not_yet, self.process, log)
        except BaseException:
            self.end(signal.SIGINT)
            raise

    def end(self, number: signal.Signals) -> None:
        """End it with a signal, if it runs."""
        if not (process := self.process):
            return
        self.process = None
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it in its tracks: it takes connections, as its machine does for it, and never answers."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)


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
