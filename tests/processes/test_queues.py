"""Nothing waits behind a thousand commands to Flow."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from campaigns import tasks
from tests.processes.site import Site
from tests.processes.stacks import BOTH, EMBEDDED, site_on

pytestmark = pytest.mark.processes
MANY = 4_000


@pytest.fixture(params=BOTH)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A console on each stack."""
    with site_on(request.param, request, tmp_path) as found:
        yield found


def test_an_order_is_published_while_thousands_of_commands_wait(site: Site) -> None:
    site.desk("tests.processes.test_queues.crowd", number=MANY)
    assert waiting(site) == MANY
    site.desk("submit", order_ref="in-a-hurry", nudges=1)
    site.worker()

    site.wait("in-a-hurry", state="published")

    assert waiting(site) > 0
    assert site.times_published("in-a-hurry") == 1


def crowd(number: int) -> None:
    """Tell the workers of commands that are not there; a deed at the desk."""
    for _ in range(number):
        tasks.nudge_command(2**31 - 1)


def waiting(site: Site) -> int:
    """Return how many messages of commands no worker has taken."""
    if site.stack == EMBEDDED:
        return len(list((site.folder / "broker" / "messages").glob("*.commands.msg")))
    with redis.Redis.from_url(site.env["CELERY_BROKER_URL"]) as broker:
        return int(broker.llen("commands"))
