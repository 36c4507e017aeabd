"""`python -m tests [pytest's arguments]`: everything on SQLite, faults on purpose apart, then the database's on PostgreSQL.

What `make test` calls. Says at the end what it ran on, and how many tests passed and failed in all passes together.
"""

import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import django

from tests import servers

PROCESSES = "3"  # many tests wait for other processes: a third keeps two processors busy
# Faults on purpose stop processes for seconds and look at what others make of it: beside browsers they would look too late.
FAULTS, FAULTS_AT_ONCE = "tests/chaos", "2"


@dataclass(frozen=True)
class Outcome:
    """How one pass went; errors in fixtures count as failures."""

    code: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0


def main(arguments: list[str]) -> int:
    """Run all passes; return 0 only if each was without a failure and none was empty."""
    environment = setting_free(os.environ)
    ran_on = [f"Python {platform.python_version()}, Django {django.__version__}, {os.cpu_count()} processors"]
    ran_on.append(f"SQLite {sqlite3.sqlite_version}")
    with ExitStack() as stack:
        if arguments:
            outcomes = [run_pass("SQLite", environment, arguments)]
        else:
            outcomes = [
                run_pass("SQLite", environment, [f"--ignore={FAULTS}"]),
                run_pass("Faults on purpose", environment, [FAULTS], FAULTS_AT_ONCE),
            ]
        try:
            address = stack.enter_context(servers.postgresql())
            again = {**environment, "DATABASE_URL": address, "TEST_DATABASE_URL": address}
            outcomes.append(run_pass("PostgreSQL", again, ["--database-only", *arguments]))
            ran_on.append(f"PostgreSQL {servers.postgresql_version(address)}")
        except servers.UnavailableError as missing:
            say(f"The pass on PostgreSQL is left out. {missing}")
            ran_on.append(f"not on {missing}")
            outcomes.append(Outcome(code=int(servers.nothing_may_be_missing())))
    ran_on += [version_or_reason("Redis", servers.redis_server, servers.redis_version), browser_or_reason()]
    say("\nRan on " + "\n       ".join(ran_on) + "\n       RabbitMQ: not part of the tests")
    say(closing_line(outcomes))
    return int(any(outcome.code for outcome in outcomes))


def setting_free(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would change the program under test."""
    return {name: value for name, value in environment.items() if not _is_setting(name)}


def _is_setting(name: str) -> bool:
    """Tell whether the variable would change what the program under test does."""
    return name.startswith(("FLOW_", "SANDBOX_")) or name in {
        *("SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "TIME_ZONE", "CURRENCY", "PORT"),
        *("DATABASE_URL", "CELERY_BROKER_URL", "BROKER_DIR", "PUBLISH_LEASE", "APPROVAL_THRESHOLD"),
    }


def run_pass(name: str, environment: Mapping[str, str], arguments: list[str], processes: str = PROCESSES) -> Outcome:
    """Run pytest once and count what it reports."""
    say(f"\n{name}:")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-n", processes, "--dist", "worksteal", f"--junitxml={report}"]
        code = subprocess.run([sys.executable, "-m", "pytest", *options, *arguments], env=environment, check=False)
        return count(code.returncode, report)


def count(code: int, report: Path) -> Outcome:
    """Return how many tests passed, failed and were skipped, by pytest's own report."""
    if not report.exists():
        return Outcome(code, failed=1)
    suites = list(ElementTree.parse(report).iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    return Outcome(code, total - failures - errors - skipped, failures + errors, skipped)


def closing_line(outcomes: list[Outcome]) -> str:
    """Return the sum of all passes in pytest's own words."""
    passed, failed, skipped = (
        sum(getattr(outcome, key) for outcome in outcomes) for key in ("passed", "failed", "skipped")
    )
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def version_or_reason(
    name: str, server: Callable[[], AbstractContextManager[str]], version: Callable[[str], str]
) -> str:
    """Return the name and version of the server that the tests could have, or why they could not."""
    try:
        with server() as address:
            return f"{name} {version(address)}"
    except servers.UnavailableError as missing:
        return f"not on {missing}"


def browser_or_reason() -> str:
    """Return what Chromium says of itself, or why there is none."""
    try:
        said = subprocess.run([servers.chromium(), "--version"], capture_output=True, text=True, check=False)
        return said.stdout.strip() or f"a Chromium that does not tell its version: {said.stderr.strip()[-200:]}"
    except servers.UnavailableError as missing:
        return f"not on {missing}"


def say(text: str) -> None:
    """Print the text at once, in order with what pytest prints."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
