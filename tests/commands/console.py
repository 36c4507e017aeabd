"""The commands as a shell runs them: a process of their own, on a database of their own."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.commands.secrets import expect_no_secret

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 120


class Console:
    """`manage.py` on one SQLite database. No output of any command may hold a secret."""

    def __init__(self, database: Path, **settings: str) -> None:
        self.database = database
        self.command = (sys.executable, str(ROOT / "manage.py"))
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "flowsite.settings",
            "DATABASE_URL": f"sqlite:///{database}",
            **settings,
        }

    def run(self, *words: str | bytes, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.finish(self.start(*words, **environment))

    def start(self, *words: str | bytes, **environment: str) -> subprocess.Popen[str]:
        """Start a command; `finish` waits for its end."""
        return subprocess.Popen(
            (*self.command, *words),
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def finish(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for the end of a command; look at what it said for secrets."""
        try:
            stdout, stderr = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()  # harmless where it has ended
        expect_no_secret(stdout + stderr)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def json(self, *words: str) -> Any:
        """Run a command that must succeed with `--json`; return its data."""
        done = self.run(*words, "--json")
        if done.returncode:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database past all our code."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()

    def states(self) -> dict[str, str]:
        """Return every order's state."""
        return dict(self.rows("SELECT order_ref, state FROM campaigns_order ORDER BY order_ref"))
