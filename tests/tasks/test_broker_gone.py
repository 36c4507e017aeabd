"""A broker that is not there makes nobody wait and breaks nothing: the sweep finds the work."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.flow.nasty_server import black_hole
from tests.servers import free_port
from tests.settings.starting import start

NUDGE = """
import django, time
django.setup()
from campaigns import tasks
begun = time.monotonic()
tasks.nudge_publish(1)
print(f"{time.monotonic() - begun:.1f} seconds")
try:
    tasks.reach_broker()
except tasks.BrokerUnreachable as error:
    print(error)
"""


@contextmanager
def nobody_listens() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
@pytest.mark.parametrize("nowhere", [nobody_listens, black_hole], ids=["refused", "silent"])
def test_a_nudge_gives_up_soon_and_says_so_without_the_password(
    tmp_path: Path, scheme: str, nowhere: Callable[[], AbstractContextManager[str]]
) -> None:
    with nowhere() as address:
        broker = address.replace("http://", f"{scheme}://console:hunter2@")
        done = start(
            (sys.executable, "-c", NUDGE),
            tmp_path,
            CELERY_BROKER_URL=broker,
            DJANGO_SETTINGS_MODULE="flowsite.settings",
        )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("The broker can't be reached") == 1
    assert "the sweep will find the work" in done.stdout
    assert "The broker does not answer" in done.stdout
    assert "hunter2" not in done.stdout
    assert float(done.stdout.partition(" seconds")[0].splitlines()[-1]) < 10


def test_a_folder_that_is_gone_breaks_no_nudge(tmp_path: Path) -> None:
    script = NUDGE.replace("begun =", "import shutil; shutil.rmtree(settings.BROKER_DIR); begun =", 1)
    script = script.replace("import django, time", "import django, time\nfrom django.conf import settings")
    done = start((sys.executable, "-c", script), tmp_path, DJANGO_SETTINGS_MODULE="flowsite.settings")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("The broker can't be reached") == 1
