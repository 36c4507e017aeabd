"""For pytest in the process of a mutant: a copy of an empty database in place of all migrations; the quickest tests first."""

import json
import logging
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

DURATIONS = Path("mutmut-stats.json")


def pytest_configure() -> None:
    """Give this process a database of its own: all are forked from one that has read the settings."""
    copy = Path(tempfile.mkdtemp()) / "test.sqlite3"
    shutil.copy(os.environ["MUTANTS_DATABASE"], copy)
    settings.DATABASES["default"]["TEST"]["NAME"] = str(copy)
    logging.getLogger("mutmut").propagate = False  # its server lives on when the output of the tests is closed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by the time they took, where that is known."""
    if DURATIONS.exists():
        seconds = json.loads(DURATIONS.read_text())["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0))
