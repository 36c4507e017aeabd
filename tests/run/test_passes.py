"""Which tests run in which pass of `python -m tests`, and how they are counted."""

import os
import subprocess
import sys
from pathlib import Path

from tests.__main__ import Outcome, closing_line, count

EVERY_KIND = """
import pytest
def test_passes(): ...
def test_fails(): assert False
def test_skips(): pytest.skip("no server")
@pytest.fixture
def broken(): raise RuntimeError
def test_errs(broken): ...
"""
EVERY_PASS = """
import pytest
def test_pure(): ...
def test_fixture(db): ...
@pytest.mark.django_db
def test_mark(): ...
def test_through_another_fixture(admin_user): ...
@pytest.mark.processes
def test_processes(db): ...
def test_own_server(postgresql_url): ...
def test_redis(redis_url): ...
@pytest.mark.postgresql
def test_locks(db): ...
"""


def run_pytest(folder: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_it.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", *options, str(folder)],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_report_is_counted_with_errors_as_failures(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    done = run_pytest(tmp_path, EVERY_KIND, f"--junitxml={report}")
    assert count(done.returncode, report) == Outcome(code=1, passed=1, failed=2, skipped=1)


def test_a_pass_that_leaves_no_report_is_a_failure(tmp_path: Path) -> None:
    assert count(4, tmp_path / "report.xml") == Outcome(code=4, failed=1)


def test_the_closing_line_is_the_sum_of_the_passes() -> None:
    outcomes = [Outcome(code=0, passed=10, skipped=1), Outcome(code=1, passed=5, failed=2)]
    assert closing_line(outcomes) == "15 passed, 2 failed, 1 skipped"


def test_the_second_pass_takes_what_touches_the_database_and_does_not_stand_alone(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, EVERY_PASS, "--database-only", "--collect-only", "-q")
    collected = {line.split("::")[1] for line in done.stdout.splitlines() if "::" in line}
    assert collected == {"test_fixture", "test_mark", "test_through_another_fixture", "test_locks"}


def test_a_test_for_django_on_postgresql_is_put_off_with_the_reason(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, EVERY_PASS, "-k", "test_pure or test_locks", "-ra")
    assert "runs in the pass on PostgreSQL" in done.stdout
    assert "1 passed, 1 skipped" in done.stdout.splitlines()[-1]
