"""`python -m tests.chaos [pytest's arguments]`: the long form of every case; what `make chaos` calls.

When every promise held it rewrites the table in docs/promises.md.
"""

import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import django

from tests import servers
from tests.__main__ import PROCESSES, say, setting_free, version_or_reason

PAGE = Path(__file__).parents[2] / "docs" / "promises.md"
STORIES = "tests/services/test_state_machine.py"
LONGER_HERE = ("tests/chaos", STORIES)
BEGIN, END = "<!-- cases -->", "<!-- end of cases -->"


def main(arguments: list[str]) -> int:
    """Run the long form; keep its table where all of it ran and held. Return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.md"
        environment = setting_free(os.environ)
        code = run_pytest(environment, f"--chaos-table={table}", *(arguments or LONGER_HERE))
        if not arguments:
            code = code or stories_on_postgresql(environment)
        if code == 0 and not arguments:
            keep(table.read_text())
            say(f"The table is in {PAGE.relative_to(PAGE.parents[1])}.")
    return code


def run_pytest(environment: Mapping[str, str], *arguments: str) -> int:
    """Run the long form of these tests; return pytest's exit code."""
    argv = [sys.executable, "-m", "pytest", "--chaos-long", "-n", PROCESSES, "--dist", "worksteal", *arguments]
    return subprocess.run(argv, env=environment, check=False).returncode


def stories_on_postgresql(environment: Mapping[str, str]) -> int:
    """Run the state machine once more, on PostgreSQL; return pytest's exit code."""
    try:
        with servers.postgresql() as address:
            there = {**environment, "DATABASE_URL": address, "TEST_DATABASE_URL": address}
            return run_pytest(there, "--database-only", STORIES)
    except servers.UnavailableError as missing:
        say(f"The state machine's long form on PostgreSQL is left out. {missing}")
        return int(servers.nothing_may_be_missing())


def keep(table: str) -> None:
    """Put the table between the marks of the page, with the date and what it ran on."""
    page = PAGE.read_text()
    between = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)
    assert between.search(page), f"{PAGE} has no place for the table: {BEGIN} … {END}"
    PAGE.write_text(between.sub(lambda _: f"{BEGIN}\n{heading()}\n\n{table}\n{END}", page))


def heading() -> str:
    """Return when and on what the cases ran."""
    ran_on = [
        f"Python {platform.python_version()}",
        f"Django {django.__version__}",
        f"SQLite {sqlite3.sqlite_version}",
        version_or_reason("PostgreSQL", servers.postgresql, servers.postgresql_version),
        version_or_reason("Redis", servers.redis_server, servers.redis_version),
    ]
    today = f"{datetime.now(UTC):%d %B %Y}"
    return f"The last run in which all held: {today}, on {', '.join(ran_on)}, with {os.cpu_count()} processors."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
