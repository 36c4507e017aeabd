"""Whatever lies on the queue: a real worker refuses what is none of ours, says so in a line, and goes on with its work."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from tests.processes.site import Site
from tests.processes.stacks import BOTH, EMBEDDED, site_on
from tests.tasks.hostile import hostile, message

pytestmark = pytest.mark.processes
QUEUES = sorted(settings.CELERY_TASK_QUEUES)
REFUSED = "Refused a message on the queue, without effect"
Put = Callable[[bytes, str], None]


@pytest.fixture(scope="module", params=BOTH)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console on each broker."""
    with site_on(request.param, request, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def put(site: Site) -> Iterator[Put]:
    """Puts bytes where the worker takes the messages of a queue from."""
    if site.stack == EMBEDDED:
        yield lambda data, queue: put_file(folder_of(site), data, queue)
        return
    with redis.Redis.from_url(site.env["CELERY_BROKER_URL"]) as client:
        yield lambda data, queue: put_entry(client, data, queue)


def put_entry(client: "redis.Redis", data: bytes, queue: str) -> None:
    client.lpush(queue, data)


def put_file(folder: Path, data: bytes, queue: str) -> None:
    path = folder / f"{uuid.uuid4()}.{queue}.msg"
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.rename(path)


def folder_of(site: Site) -> Path:
    return Path(site.env["BROKER_DIR"]) / "messages"


def refusals(site: Site) -> list[str]:
    return [line for line in site.worker().output.splitlines() if REFUSED in line]


def rows(site: Site) -> list[str]:
    """Return every row but the signs of life, which each task gives."""
    tables = site.desk("all_texts").splitlines()
    return [table for table in tables if table != "[]" and '"campaigns.heartbeat"' not in table]


def refused_as(site: Site, number: int, words: str) -> None:
    """Wait for one more refusal; it must say why, on one line that is not long."""
    site.until(lambda: len(refusals(site)) > number, lambda: f"not refused: {words}")
    line = refusals(site)[number]
    assert words in line, line
    assert len(line) < 700, line


def assert_publishes(site: Site, order_ref: str) -> None:
    site.desk("submit", order_ref=order_ref, nudges=1)
    site.wait(order_ref, state="published")
    assert site.times_published(order_ref) == 1


def assert_pauses(site: Site, order_ref: str) -> None:
    """See that a command to a published order's campaign, which comes by the other queue, is carried out."""
    command = site.desk("ask", order_ref=order_ref, action="pause", nudge=True)
    site.wait_for_command(command, "confirmed")


def test_there_are_two_queues_and_whatever_lies_on_either_is_tested_here() -> None:
    assert QUEUES == ["campaigns", "commands"]


@pytest.mark.parametrize("queue", QUEUES)
def test_what_is_none_of_ours_is_refused_and_logged_and_has_no_effect(
    site: Site, put: Put, tmp_path: Path, queue: str
) -> None:
    worker, trap, bait = site.worker(), tmp_path / "trap", f"bait-{queue}"
    children = set(worker.others())
    order = site.desk("submit", order_ref=bait)
    before = rows(site)
    for name, (data, words) in hostile(order, trap, queue).items():
        number = len(refusals(site))
        put(data, queue)
        refused_as(site, number, words)
        assert site.desk("look", order_ref=bait)["state"] == "queued", name
    assert rows(site) == before
    assert not trap.exists()
    assert (worker.process.poll(), set(worker.others())) == (None, children)
    assert "Traceback" not in worker.output
    assert site.times_published(bait) == 0
    assert_publishes(site, f"after-the-hostile-{queue}")
    assert_pauses(site, f"after-the-hostile-{queue}")


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_of_a_newer_version_is_understood(site: Site, put: Put, queue: str) -> None:
    site.worker()
    ref = f"newer-{queue}"
    order = site.desk("submit", order_ref=ref)
    put(message({"order_id": order, "added_later": "x"}, retries=3, more="x", queue=queue), queue)
    site.wait(ref, state="published")
    assert site.times_published(ref) == 1


@pytest.mark.parametrize("queue", QUEUES)
def test_the_time_limits_of_a_message_do_not_count(site: Site, put: Put, queue: str) -> None:
    site.worker()
    ref = f"hurried-{queue}"
    order = site.desk("submit", order_ref=ref)
    site.sandbox.set_fault("late", calls=["publish"], seconds=1.5, count=1)
    put(message({"order_id": order}, timelimit=[1, 0.5], queue=queue), queue)
    assert site.wait(ref, state="published")["attempts"] == [["published", True]]


@pytest.mark.parametrize("queue", QUEUES)
def test_a_message_that_came_too_late_has_no_effect(site: Site, put: Put, queue: str) -> None:
    site.worker()
    ref = f"too-late-{queue}"
    order = site.desk("submit", order_ref=ref)
    put(message({"order_id": order}, expires="2020-01-01T00:00:00+00:00", queue=queue), queue)
    assert_publishes(site, f"after-the-late-{queue}")
    assert_pauses(site, f"after-the-late-{queue}")
    assert site.desk("look", order_ref=ref)["state"] == "queued"


@pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
@pytest.mark.parametrize("queue", QUEUES)
def test_what_is_no_message_lies_aside_for_people_to_look_at(site: Site, queue: str) -> None:
    worker, folder, number = site.worker(), folder_of(site), len(refusals(site))
    (folder / f"1.{queue}.msg").mkdir()
    (folder / f"2.{queue}.msg").symlink_to("/etc/passwd")
    put_file(folder, b"x" * 10_000_000, queue)
    put_file(folder, f"half a mess for {queue}".encode(), queue)
    part = folder / f"other.{queue}.msg.part"
    part.write_text("not yet a message")
    site.until(lambda: len(refusals(site)) == number + 4, lambda: "not all are refused")
    aside = folder.parent / "refused"
    assert (aside / f"1.{queue}.msg").is_dir()
    assert (aside / f"2.{queue}.msg").is_symlink()
    lie_there = {path.read_bytes() for path in aside.glob(f"*.{queue}.msg") if path.is_file()}
    assert {f"half a mess for {queue}".encode(), b"x" * 10_000_000} <= lie_there
    assert list(folder.iterdir()) == [part]
    assert "Traceback" not in worker.output
    assert_publishes(site, f"after-the-junk-{queue}")
    assert_pauses(site, f"after-the-junk-{queue}")
    part.unlink()
