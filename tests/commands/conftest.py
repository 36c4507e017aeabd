"""A console of its own for each test, with or without something in it and Flow at its other end."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.commands.console import Console
from tests.commands.secrets import API_KEY
from tests.sandbox_process import Sandbox, running_sandbox
from tests.services.conftest import flow

__all__ = ["flow"]  # a fixture, shared with the tests of the services


@pytest.fixture(autouse=True)
def _known_settings(settings: Settings) -> None:
    settings.CURRENCY, settings.APPROVAL_THRESHOLD, settings.PUBLISH_LEASE = "ZAR", None, 180
    settings.FLOW_CLIENT_ERRORS_ARE_UNKNOWN, settings.FLOW_IS_LOCAL = False, True


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables and no rows, to be copied."""
    database = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    done = Console(database).run("migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    return database


@pytest.fixture(scope="session")
def stocked(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a catalogue, people, and orders that wait, to be copied."""
    database = _copy(migrated, tmp_path_factory.mktemp("stocked"))
    fill = "from tests.commands import stock; stock.fill()"
    done = Console(database).run("shell", "--verbosity", "0", "--command", fill)
    assert (done.returncode, done.stderr) == (0, "")
    return database


@pytest.fixture
def console(migrated: Path, tmp_path: Path) -> Console:
    """The commands on an empty database."""
    return Console(_copy(migrated, tmp_path))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose campaigns are active at once."""
    with running_sandbox(SANDBOX_API_KEY=API_KEY, SANDBOX_QUEUED_SECONDS=0, SANDBOX_IN_PROGRESS_SECONDS=0) as running:
        yield running


@pytest.fixture
def shop(stocked: Path, tmp_path: Path, sandbox: Sandbox) -> Console:
    """The commands on a database with orders that wait, with the sandbox as Flow."""
    return Console(_copy(stocked, tmp_path), FLOW_BASE_URL=sandbox.url, FLOW_API_KEY=API_KEY)


@pytest.fixture
def unwritable_broker(tmp_path: Path) -> str:
    """A BROKER_DIR in which nobody can write a message, not even root."""
    folder = tmp_path / "broker"
    (folder / "control").mkdir(parents=True)
    os.symlink("/proc", folder / "messages")
    return str(folder)


def _copy(database: Path, folder: Path) -> Path:
    assert not database.with_name(database.name + "-wal").exists(), "the copy would lack what is in the write-ahead log"
    return Path(shutil.copy(database, folder / "db.sqlite3"))
