"""A console of its own for each test."""

import shutil
from pathlib import Path

import pytest

from tests.commands.console import Console


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows, to be copied."""
    database = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    done = Console(database).run("migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    return database


@pytest.fixture
def console(migrated: Path, tmp_path: Path) -> Console:
    """The commands on an empty database."""
    return Console(Path(shutil.copy(migrated, tmp_path / "db.sqlite3")))
