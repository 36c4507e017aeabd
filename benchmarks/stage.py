"""What rows are measured on: databases filled by benchmarks.population, a Redis, and fresh processes of Python."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from benchmarks import population
from tests import servers

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "benchmarks"


class Stage:
    """The servers of one run of `make bench`; each is started when a row first asks for it.

    `BENCHMARK_DATABASE_URL` and `TEST_REDIS_URL` name servers to use instead; on such a PostgreSQL the filled databases
    (`population_…`) are kept for the next run.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._server = self._redis = ""

    @property
    def server(self) -> str:
        """Return the address of the PostgreSQL server, which keeps what it has written through a crash."""
        if not self._server:
            given = os.environ.get("BENCHMARK_DATABASE_URL")
            self._server = given or self._stack.enter_context(servers.own_postgresql(durable=True)).url
        return self._server

    @property
    def redis(self) -> str:
        """Return the address of a Redis server."""
        self._redis = self._redis or self._stack.enter_context(servers.redis_server())
        return self._redis

    @contextmanager
    def postgresql(self, campaigns: int) -> Iterator[str]:
        """Yield the address of a PostgreSQL database with that many campaigns, to do with as a row likes."""
        filled = f"population_{campaigns}_{_edition()}"
        if not self._execute("SELECT 1 FROM pg_database WHERE datname = %s", [filled]):
            unfinished = f"{filled}_unfinished"
            self._execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(unfinished)))
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
            self._fill(self._address(unfinished), campaigns)
            self._execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(unfinished), sql.Identifier(filled))
            )
        copy = f"benchmark_{uuid.uuid4().hex[:12]}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(copy), sql.Identifier(filled)))
        try:
            yield self._address(copy)
        finally:
            self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(copy)))

    @contextmanager
    def sqlite(self, campaigns: int) -> Iterator[str]:
        """Yield the address of an SQLite database with that many campaigns, to do with as a row likes."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        filled = FOLDER / f"population_{campaigns}_{_edition()}.sqlite3"
        if not filled.exists():
            unfinished = filled.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            self._fill(f"sqlite:///{unfinished}", campaigns)
            unfinished.rename(filled)
        copy = FOLDER / f"benchmark_{uuid.uuid4().hex[:12]}.sqlite3"
        shutil.copyfile(filled, copy)
        try:
            yield f"sqlite:///{copy}"
        finally:
            for file in FOLDER.glob(f"{copy.name}*"):
                file.unlink()

    def run(self, module: str, *arguments: object, **environment: str) -> Any:
        """Run `python -m MODULE ARGUMENTS…` in a process of its own; return the JSON of the last line that it prints."""
        argv = [sys.executable, "-m", module, *map(str, arguments)]
        done = subprocess.run(
            argv, cwd=ROOT, env={**plain_environment(), **environment}, stdout=subprocess.PIPE, text=True, check=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    def _fill(self, address: str, campaigns: int) -> None:
        print(f"Making {campaigns:,} campaigns …", flush=True)
        argv = [sys.executable, "-m", "benchmarks.population", str(campaigns)]
        subprocess.run(argv, cwd=ROOT, env={**plain_environment(), "DATABASE_URL": address}, check=True)

    def _address(self, database: str) -> str:
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{database}"))

    def _execute(self, statement: Any, values: Any = None) -> bool:
        with psycopg.connect(self.server, autocommit=True) as connection:
            return connection.execute(statement, values).rowcount == 1


def plain_environment() -> dict[str, str]:
    """Return the environment without the settings of a console that may be set here."""
    from tests.__main__ import setting_free

    return {**setting_free(os.environ), "DJANGO_SETTINGS_MODULE": "flowsite.settings"}


def _edition() -> str:
    """Return a name for what the filled databases depend on: their making, and the tables."""
    files = [Path(population.__file__), *sorted((ROOT / "campaigns" / "migrations").glob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
