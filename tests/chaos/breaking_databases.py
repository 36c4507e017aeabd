"""Ways to break the database of a console, for the cases that do so at a marker."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

FULL = "53100"  # PostgreSQL's code for a full disk
JUNK = 2_000_000  # bytes


# PostgreSQL -----------------------------------------------------------------------------------------------------------
@contextmanager
def read_only(server: str) -> Iterator[None]:
    """Let a PostgreSQL server refuse every write, as one does that was made a stand-by; sessions that run notice."""
    with psycopg.connect(server, autocommit=True) as boss:
        boss.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        boss.execute("SELECT pg_reload_conf()")
        _wait_until_setting(boss, "on")
    try:
        yield
    finally:
        with psycopg.connect(server, autocommit=True) as boss:
            boss.execute("ALTER SYSTEM RESET default_transaction_read_only")
            boss.execute("SELECT pg_reload_conf()")
            _wait_until_setting(boss, "off")


def _wait_until_setting(boss: psycopg.Connection, value: str) -> None:
    _wait_for(boss, "SHOW default_transaction_read_only", lambda found: found == value)
    # The server tells one session after the other, and this one perhaps first. Before it tells this one again it has told all.
    heard = boss.execute("SELECT pg_conf_load_time()").fetchone()
    boss.execute("SELECT pg_reload_conf()")
    _wait_for(boss, "SELECT pg_conf_load_time()", lambda found: (found,) != heard)


def _wait_for(boss: psycopg.Connection, question: LiteralString, is_so: Callable[[object], bool]) -> None:
    end = time.monotonic() + 10
    while (row := boss.execute(question).fetchone()) is None or not is_so(row[0]):
        assert time.monotonic() < end, row


@contextmanager
def full(database: str, *, at_commit: bool) -> Iterator[None]:
    """Let a PostgreSQL database have no room for a `sent_at`: at once, or only when it is committed."""
    kind = "CONSTRAINT TRIGGER" if at_commit else "TRIGGER"
    late = " DEFERRABLE INITIALLY DEFERRED" if at_commit else ""
    make = f"CREATE {kind} full_disk AFTER UPDATE OF sent_at ON campaigns_attempt{late} FOR EACH ROW"
    with psycopg.connect(database, autocommit=True) as boss:
        boss.execute(
            sql.SQL(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = {}; END $$"
            ).format(sql.Literal(FULL))
        )
        boss.execute(f"{make} EXECUTE FUNCTION full_disk()".encode())
    try:
        yield
    finally:
        with psycopg.connect(database, autocommit=True) as boss:
            boss.execute("DROP FUNCTION full_disk CASCADE")


# SQLite ---------------------------------------------------------------------------------------------------------------
@contextmanager
def no_room_to_write(file: Path, pids: Sequence[int]) -> Iterator[None]:
    """Let processes find no room behind the end of an SQLite database's log: their next commit fails for real.

    The log is made longer than any other file that they write, and a reader keeps it from beginning anew.
    """
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as reader:
        with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as writer:
            writer.execute("CREATE TABLE junk (bytes BLOB)")
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM junk").fetchone()
            writer.execute("INSERT INTO junk VALUES (zeroblob(?))", [JUNK])
        room = JUNK // 2
        assert file.with_name(f"{file.name}-wal").stat().st_size > room
        for pid, (_, most) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, most))
        try:
            yield
        finally:
            for pid, limit in limits.items():
                with suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
    with closing(sqlite3.connect(file, timeout=20, isolation_level=None)) as writer:
        writer.execute("DROP TABLE junk")


@contextmanager
def full_at_sent_at(file: Path) -> Iterator[None]:
    """Let an SQLite database have no room for a `sent_at`."""
    with closing(sqlite3.connect(file, timeout=20)) as boss:
        boss.execute(
            "CREATE TRIGGER full_disk BEFORE UPDATE OF sent_at ON campaigns_attempt "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    try:
        yield
    finally:
        with closing(sqlite3.connect(file, timeout=20)) as boss:
            boss.execute("DROP TRIGGER full_disk")


@contextmanager
def busy_writer(file: Path, log: Path, held: float, free: float) -> Iterator[None]:
    """Let another process hold the write lock again and again, with hardly a breath between; it notes each time."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        argv = [sys.executable, str(Path(__file__)), str(file), str(held), str(free)]
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def write_for_ever(file: str, held: float, free: float) -> None:
    """Hold the write lock for so many seconds, let it go for so many, and print a dot each time."""
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as writer:
        writer.execute("CREATE TABLE IF NOT EXISTS busy (number INTEGER)")
        while True:
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO busy VALUES (1)")
            time.sleep(held)
            writer.execute("COMMIT")
            os.write(1, b".")
            time.sleep(free)


if __name__ == "__main__":
    write_for_ever(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
