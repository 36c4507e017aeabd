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
from datetime import UTC, datetime
from pathlib import Path

import django

from tests import servers
from tests.__main__ import PROCESSES, say, setting_free, version_or_reason

PAGE = Path(__file__).parents[2] / "docs" / "promises.md"
LONGER_HERE = ("tests/chaos", "tests/services/test_state_machine.py")
BEGIN, END = "<!-- cases -->", "<!-- end of cases -->"


def main(arguments: list[str]) -> int:
    """Run the long form; keep its table where all of it ran and held. Return pytest's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.md"
        options = ["--chaos-long", f"--chaos-table={table}", "-n", PROCESSES, "--dist", "worksteal"]
        argv = [sys.executable, "-m", "pytest", *options, *(arguments or LONGER_HERE)]
        code = subprocess.run(argv, env=setting_free(os.environ), check=False).returncode
        if code == 0 and not arguments:
            keep(table.read_text())
            say(f"The table is in {PAGE.relative_to(PAGE.parents[1])}.")
    return code


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
    return f"Last run: {datetime.now(UTC):%d %B %Y}, on {', '.join(ran_on)}, with {os.cpu_count()} processors."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
