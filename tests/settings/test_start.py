"""A process looks for garbage once it has started, and not among what it has imported."""

import sys
from pathlib import Path

import pytest

from tests.settings.starting import start

LOOKS = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
SETTINGS = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'flowsite.settings'"


@pytest.mark.parametrize(
    ("begins", "printed"),
    [
        ("import django; django.setup()", "True True"),
        ("from flowsite import wsgi", "True True"),
        ("from django.conf import settings; settings.DEBUG", "True False"),
    ],
)
def test_a_process_that_has_started_collects_garbage(begins: str, printed: str, tmp_path: Path) -> None:
    done = start((sys.executable, "-c", f"{SETTINGS}; {begins}; {LOOKS}"), tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, printed)
