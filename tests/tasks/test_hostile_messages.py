"""Whatever lies on the queue: a real worker refuses what is none of ours, says so in a line, and goes on with its work."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.processes.site import Site
from tests.processes.stacks import BOTH, EMBEDDED, site_on
from tests.tasks.hostile import hostile, message

pytestmark = pytest.mark.processes
QUEUE = "campaigns"
REFUSED = "Refused a message on the queue, without effect"
Put = Callable[[bytes], None]


@pytest.fixture(scope="module", params=BOTH)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console on each broker."""
    with site_on(request.param, request, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def put(site: Site) -> Iterator[Put]:
    """Puts bytes where the worker takes its messages from."""
    if site.stack == EMBEDDED:
        yield lambda data: put_file(folder_of(site), data)
        return
    with redis.Redis.from_url(site.env["CELERY_BROKER_URL"]) as client:
        yield lambda data: put_entry(client, data)


def put_entry(client: "redis.Redis", data: bytes) -> None:
    client.lpush(QUEUE, data)


def put_file(folder: Path, data: bytes) -> None:
    path = folder / f"{uuid.uuid4()}.{QUEUE}.msg"
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


def test_what_is_none_of_ours_is_refused_and_logged_and_has_no_effect(site: Site, put: Put, tmp_path: Path) -> None:
    worker, trap = site.worker(), tmp_path / "trap"
    children = set(worker.others())
    order = site.desk("submit", order_ref="bait")
    before = rows(site)
    for name, (data, words) in hostile(order, trap).items():
        number = len(refusals(site))
        put(data)
        refused_as(site, number, words)
        assert site.desk("look", order_ref="bait")["state"] == "queued", name
    assert rows(site) == before
    assert not trap.exists()
    assert (worker.process.poll(), set(worker.others())) == (None, children)
    assert "Traceback" not in worker.output
    assert site.times_published("bait") == 0
    assert_publishes(site, "after-the-hostile")


def test_a_message_of_a_newer_version_is_understood(site: Site, put: Put) -> None:
    site.worker()
    order = site.desk("submit", order_ref="newer")
    put(message({"order_id": order, "added_later": "x"}, retries=3, more="x"))
    site.wait("newer", state="published")
    assert site.times_published("newer") == 1


def test_the_time_limits_of_a_message_do_not_count(site: Site, put: Put) -> None:
    site.worker()
    order = site.desk("submit", order_ref="hurried")
    site.sandbox.set_fault("late", calls=["publish"], seconds=1.5, count=1)
    put(message({"order_id": order}, timelimit=[1, 0.5]))
    assert site.wait("hurried", state="published")["attempts"] == [["published", True]]


def test_a_message_that_came_too_late_has_no_effect(site: Site, put: Put) -> None:
    site.worker()
    order = site.desk("submit", order_ref="too-late")
    put(message({"order_id": order}, expires="2020-01-01T00:00:00+00:00"))
    assert_publishes(site, "after-the-late")
    assert site.desk("look", order_ref="too-late")["state"] == "queued"


@pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
def test_what_is_no_message_lies_aside_for_people_to_look_at(site: Site) -> None:
    worker, folder, number = site.worker(), folder_of(site), len(refusals(site))
    (folder / f"1.{QUEUE}.msg").mkdir()
    (folder / f"2.{QUEUE}.msg").symlink_to("/etc/passwd")
    put_file(folder, b"x" * 10_000_000)
    put_file(folder, b"half a mess")
    (folder / f"other.{QUEUE}.msg.part").write_text("not yet a message")
    site.until(lambda: len(refusals(site)) == number + 4, lambda: "not all are refused")
    aside = folder.parent / "refused"
    assert (aside / f"1.{QUEUE}.msg").is_dir()
    assert (aside / f"2.{QUEUE}.msg").is_symlink()
    assert {b"half a mess", b"x" * 10_000_000} <= {path.read_bytes() for path in aside.iterdir() if path.is_file()}
    assert [path.name for path in folder.iterdir()] == [f"other.{QUEUE}.msg.part"]
    assert "Traceback" not in worker.output
    assert_publishes(site, "after-the-junk")
