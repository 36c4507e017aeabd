"""Cases 3 to 5: asked to end, out of time, told fifty times, told again: all in the middle of a POST.

Where it matters the POST is held at a marker until what is tried has really happened, so Flow's deadline is long here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.chaos.conftest import chaos_site
from tests.chaos.crash_table import CLAIMED, LAST_BYTE, ONCE, End, recorded_way, share
from tests.chaos.judge import judge, ledger_of
from tests.chaos.table import Case
from tests.chaos.workers import Workshop
from tests.processes.site import BEAT, Site
from tests.processes.stacks import BOTH, SERVERS

pytestmark = pytest.mark.processes

SLOW = {"FLOW_CONNECT_TIMEOUT": "2", "FLOW_READ_TIMEOUT": "30", "FLOW_DEADLINE": "40", "PUBLISH_LEASE": "200"}
BEGUN = "task: begun"
FIRST_BYTE = "POST /campaigns/publish: head, before its first byte"
BETWEEN = "POST /campaigns/publish: body, between its bytes"
READ = "publish: after"
MID_POST = (CLAIMED, FIRST_BYTE, BETWEEN, LAST_BYTE, "head of the answer: after (2)", READ)
LIMIT = 8  # seconds: enough for all to get to their markers on a busy machine
DELIVERIES = 50
ONLY_SERVERS = pytest.mark.parametrize("site", [pytest.param(SERVERS, marks=pytest.mark.redis)], indirect=True)
IMPATIENT = {"visibility_timeout": 1, "unacked_restore_interval": 0.3, "unacked_restore_throttle": 1}


@pytest.fixture(scope="module", params=BOTH)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console whose calls may take long."""
    with chaos_site(request, request.param, tmp_path_factory.mktemp("site"), **SLOW) as site:
        yield site


def test_a_worker_that_is_asked_to_end_finishes_every_post_that_it_has_begun(shop: Workshop, case: Case) -> None:
    case("3", "SIGTERM in the middle of a POST", len(MID_POST), shop.site.stack)
    worker = shop.worker(concurrency=len(MID_POST))
    numbers = shop.submit({f"asked-{at}": f"hold {marker}" for at, marker in enumerate(MID_POST)})
    shop.wait_until_done(list(numbers.values()))
    worker.terminate()
    worker.wait_for("Warm shutdown")
    for number in numbers.values():
        shop.go(number)
    worker.wait_for_end()
    for order in judge(shop.site, "asked-").values():
        assert (order["state"], order["attempts"]) == ("published", ONCE)
    assert [len(ledger_of(shop.site)[ref]) for ref in numbers] == [1] * len(MID_POST)


def test_the_hard_time_limit_in_the_middle_of_a_post_leaves_what_the_crash_table_says(
    shop: Workshop, case: Case
) -> None:
    way = mid_post(shop, case, "way-hard")
    case("3", "the hard time limit, at every marker between claim and result", len(way), shop.site.stack)
    limited = shop.worker(len(way), {"task_time_limit": LIMIT, "task_soft_time_limit": None})
    numbers = shop.submit({f"hard-{at:02}": f"hold {marker}" for at, marker in enumerate(way)})
    shop.wait_until_done(list(numbers.values()))
    for number in numbers.values():
        shop.wait_until_dead(number)
    limited.kill()
    becomes(shop, dict(zip(numbers, way.values(), strict=True)))


def test_the_soft_time_limit_in_the_middle_of_a_post_loses_no_answer(shop: Workshop, case: Case) -> None:
    way = mid_post(shop, case, "way-soft")
    case("3", "the soft time limit, at every marker between claim and result", len(way), shop.site.stack)
    limited = shop.worker(len(way), {"task_soft_time_limit": LIMIT, "task_time_limit": 300})
    numbers = shop.submit({f"soft-{at:02}": f"hold {marker}" for at, marker in enumerate(way)})
    shop.wait_until_done(list(numbers.values()))
    for number in numbers.values():
        shop.wait_until_through(number)
    limited.kill()
    # Before the first byte it is known that nothing was sent: the order waits for its next turn, in a minute.
    not_sent = End("queued", [["not_sent", True]], 0)
    ends = [not_sent if marker == FIRST_BYTE else end for marker, end in way.items()]
    becomes(shop, dict(zip(numbers, ends, strict=True)))


def test_a_message_that_comes_fifty_times_to_two_workers_publishes_once(shop: Workshop, case: Case) -> None:
    at = ("access token: after", FIRST_BYTE, BETWEEN, READ)
    case("4", f"a message delivered {DELIVERIES} times to two workers", len(at) + 1, shop.site.stack)
    for _ in range(2):
        shop.worker(concurrency=len(at) + 1)  # one child more than can be held: nothing waits behind them
    plans = {f"fifty-{number}": f"hold {marker}" for number, marker in enumerate(at)}
    with shop.site.frozen(BEAT):  # whose sweep would tell the workers once more
        numbers = shop.submit({**plans, "fifty-x": ""}, nudges=DELIVERIES)
        held = [numbers[ref] for ref in plans]
        shop.wait_until_done(held)
        for number in numbers.values():  # all but the one that is held, while that one is in mid-POST
            shop.wait_for_marker(number, BEGUN, DELIVERIES)
        for number in held:
            shop.go(number)
            shop.wait_for_marker(number, "task: over", DELIVERIES)
    orders, ledger = judge(shop.site, "fifty-"), ledger_of(shop.site)
    assert {ref: (order["attempts"], len(ledger[ref])) for ref, order in orders.items()} == dict.fromkeys(
        numbers, (ONCE, 1)
    )
    # A sweep that beat had asked for just before it was frozen tells the workers once more.
    assert {shop.times(number, BEGUN) for number in numbers.values()} <= {DELIVERIES, DELIVERIES + 1}


@contextmanager
def emptied_broker(site: Site) -> Iterator[redis.Redis]:
    """Empty Redis of what killed workers have left.

    A worker that is killed while it looks for overdue messages leaves its lock there, and nobody looks for five minutes.
    """
    with redis.Redis.from_url(site.env["CELERY_BROKER_URL"]) as broker:
        broker.delete("campaigns", "unacked", "unacked_index", "unacked_mutex")
        yield broker


@ONLY_SERVERS
def test_a_post_longer_than_the_visibility_timeout_is_not_made_again(shop: Workshop, case: Case) -> None:
    """Messages are acknowledged late here, which the console's own workers never do: else none could come again."""
    at = (CLAIMED, FIRST_BYTE, BETWEEN, LAST_BYTE, READ)
    case("5", "a POST longer than the broker's visibility timeout, its message delivered again", len(at), SERVERS)
    conf = {"broker_transport_options": IMPATIENT, "task_acks_late": True}
    with emptied_broker(shop.site):
        shop.worker(len(at), conf)
    numbers = shop.submit({f"again-{number}": f"hold {marker}" for number, marker in enumerate(at)})
    shop.wait_until_done(list(numbers.values()))
    shop.worker(2, conf)
    for number in numbers.values():
        shop.wait_for_marker(number, BEGUN, 2)
    for number in numbers.values():
        shop.go(number)
        shop.wait_for_marker(number, "task: over", 2)
    shop.wait_for_states(dict.fromkeys(numbers, "published"))
    orders, ledger = judge(shop.site, "again-"), ledger_of(shop.site)
    assert {ref: (order["attempts"], len(ledger[ref])) for ref, order in orders.items()} == dict.fromkeys(
        numbers, (ONCE, 1)
    )


@ONLY_SERVERS
def test_a_message_that_waits_longer_than_the_visibility_timeout_is_taken_twice_and_published_once(
    shop: Workshop, case: Case
) -> None:
    case("5", "a message that waits behind a long POST, delivered to a second worker", 1, SERVERS)
    conf = {"broker_transport_options": IMPATIENT}
    with shop.site.frozen(BEAT), emptied_broker(shop.site) as broker:
        shop.worker(1, conf)
        long = shop.submit({"waits-behind": f"hold {BETWEEN}"})["waits-behind"]
        shop.wait_until_done([long])
        waiting = shop.submit({"waits": ""})["waits"]
        shop.site.until(lambda: bool(broker.hlen("unacked")), lambda: "the worker did not take the message")
        shop.worker(1, conf)
        shop.wait_for_states({"waits": "published", "waits-behind": "publishing"})
        shop.go(long)
        shop.wait_for_marker(waiting, BEGUN, 2)
        shop.wait_for_states({"waits-behind": "published"})
    orders, ledger = judge(shop.site, "waits"), ledger_of(shop.site)
    assert {ref: (order["attempts"], len(ledger[ref])) for ref, order in orders.items()} == {
        "waits": (ONCE, 1),
        "waits-behind": (ONCE, 1),
    }


def mid_post(shop: Workshop, case: Case, ref: str) -> dict[str, End]:
    """Return the markers between claim and result, but inside transactions, where a held order would hold up all others."""
    shop.worker()
    way = recorded_way(shop, ref)
    shop.close()
    markers = [
        marker
        for marker in way.markers
        if way.has_reached(CLAIMED, marker) and not re.fullmatch("commit of .*: before", marker)
    ]
    return {marker: way.end(marker) for marker in share(markers, shop, case)}


def becomes(shop: Workshop, ends: dict[str, End]) -> None:
    """Let the leases run out with other workers there, and hold what becomes of each order against what must."""
    shop.worker(2)
    shop.site.beat()
    shop.site.desk("let_leases_run_out")
    shop.wait_for_states({ref: end.state for ref, end in ends.items()})
    prefix = next(iter(ends)).partition("-")[0]
    orders, ledger = judge(shop.site, f"{prefix}-"), ledger_of(shop.site)
    seen = {ref: End(order["state"], order["attempts"], len(ledger.get(ref, []))) for ref, order in orders.items()}
    assert seen == ends
