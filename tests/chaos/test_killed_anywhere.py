"""Case 1: kill -9 at every marker of the publish path ends as the crash table says, marker by marker."""

from collections.abc import Sequence

import pytest

from tests.chaos.crash_table import Way, recorded_way, share
from tests.chaos.judge import judge, ledger_of
from tests.chaos.table import Case
from tests.chaos.workers import Workshop

pytestmark = pytest.mark.processes
WORKERS = 3


def test_a_pool_child_killed_at_any_marker_leaves_what_the_crash_table_says(shop: Workshop, case: Case) -> None:
    shop.worker()
    way = recorded_way(shop, "way-of-a-child")
    case("1", "kill -9 of a pool child, at every marker of a publish", len(way.markers), shop.site.stack)
    shop.worker(concurrency=2)
    shop.site.beat()
    strike(shop, way, "kill", way.markers, "child")


def test_a_whole_worker_killed_at_any_marker_leaves_what_the_crash_table_says(shop: Workshop, case: Case) -> None:
    shop.worker()
    way = recorded_way(shop, "way-of-a-worker")
    markers = share(way.markers, shop, case)  # every kill costs a worker's start
    case("1", "kill -9 of a whole worker, at every marker of a publish", len(markers), shop.site.stack)
    shop.site.beat()
    strike(shop, way, "kill_worker", markers, "worker")


def test_a_worker_killed_around_its_acknowledgement_publishes_at_most_once(shop: Workshop, case: Case) -> None:
    """Meanwhile the pool's child is anywhere, so the end is not told in advance; that it is one of the safe ones is."""
    markers = ["message: before it is acknowledged", "message: after it was acknowledged"]
    rounds = 4 if case.long else 2
    case("1", "kill -9 of a whole worker, before and after it acknowledges", rounds * len(markers), shop.site.stack)
    shop.site.beat()
    plans = {f"ack-{n}-{at}": f"kill_worker {marker}" for n in range(rounds) for at, marker in enumerate(markers)}
    numbers = shop.submit(plans)
    shop.wait_until_done(list(numbers.values()), meanwhile=lambda: shop.keep(WORKERS))
    settle_the_dust(shop, "ack-")
    orders = judge(shop.site, "ack-")
    assert len(orders) == len(plans)
    assert {order["state"] for order in orders.values()} <= {"published", "unknown"}


def strike(shop: Workshop, way: Way, deed: str, markers: Sequence[str], prefix: str) -> None:
    """Make an order for each marker, do the deed at it, and hold what becomes of each against the crash table."""
    at = {f"{prefix}-{number:02}": marker for number, marker in enumerate(markers)}
    numbers = shop.submit({ref: f"{deed} {marker}" for ref, marker in at.items()})
    shop.wait_until_done(list(numbers.values()), meanwhile=lambda: shop.keep(WORKERS))
    shop.wait_for_states({ref: "publishing" if way.stays_open(marker) else "published" for ref, marker in at.items()})
    assert shop.site.desk("let_leases_run_out") == sum(way.stays_open(marker) for marker in markers)
    shop.wait_for_states({ref: way.end(marker).state for ref, marker in at.items()})
    nothing_more_happens(shop, f"after-{prefix}")
    orders, ledger = judge(shop.site, f"{prefix}-"), ledger_of(shop.site)
    wrong = []
    for ref, marker in at.items():
        end, order = way.end(marker), orders[ref]
        seen = order["state"], order["attempts"], len(ledger.get(ref, []))
        if seen != (end.state, end.attempts, end.published):
            wrong.append(f"killed at “{marker}”: {seen}, not {end}")
    assert not wrong, "\n".join(wrong)


def settle_the_dust(shop: Workshop, prefix: str) -> None:
    """Let the leases of the dead run out until every order is at an end."""

    def at_an_end() -> bool:
        shop.keep(WORKERS)
        shop.site.desk("let_leases_run_out")
        return set(shop.states(prefix).values()) <= {"published", "unknown"}

    shop.site.until(at_an_end, lambda: f"not at an end: {shop.states(prefix)}")


def nothing_more_happens(shop: Workshop, ref: str) -> None:
    """Wait until the sweep has found an order that nobody was told of: so it has had its look at all the others, twice."""
    for again in range(2):
        shop.submit({f"{ref}-{again}": ""}, nudges=0)
        shop.wait_for_states({f"{ref}-{again}": "published"})
