"""Case 2: SIGSTOP anywhere on the way of a publish until the lease is over, then SIGCONT.

Not inside a transaction: there a stopped process keeps its locks, so that nobody else can move the order meanwhile.
"""

import pytest

from tests.chaos.crash_table import CLAIMED, IN_DOUBT, LAST_BYTE, NOT_SENT_THEN_ONCE, ONCE, RECORDED, SENT, End
from tests.chaos.judge import judge, ledger_of
from tests.chaos.table import Case
from tests.chaos.workers import Workshop
from tests.processes.site import BEAT, Site

pytestmark = pytest.mark.processes

READ = "publish: after"
FIRST_BYTE = "POST /campaigns/publish: head, before its first byte"
SLEPT = 5.5  # seconds: longer than FLOW_DEADLINE of these consoles
UNHURRIED = {"task_soft_time_limit": 300, "task_time_limit": 310}

BEFORE_SENT = {
    "task: begun": End("published", ONCE, 1),
    "access token: after": End("published", ONCE, 1),
    CLAIMED: End("published", NOT_SENT_THEN_ONCE, 1),
}
SENT_NO_BYTE = {marker: End("unknown", IN_DOUBT, 0) for marker in (SENT, "publish: before", FIRST_BYTE)}
ANSWER_CAME = {
    marker: End("published", ONCE, 1) for marker in (LAST_BYTE, "head of the answer: after (2)", READ, RECORDED)
}


HALVED = tuple(
    f"POST /campaigns/publish: {part}"
    for part in ("head, between its bytes", "head, after its last byte", "body, between its bytes")
)
MAYBE = (End("unknown", IN_DOUBT, 0), End("published", ONCE, 1), End("unknown", IN_DOUBT, 1))
"""What becomes of half a POST: Flow may get the rest in the moment of waking, and its late answer may come through."""


def stopped(shop: Workshop, at: dict[str, str]) -> dict[str, int]:
    """Have an order stopped at each marker until its lease is over; another worker and beat do their work meanwhile."""
    shop.worker(len(at), UNHURRIED)
    with shop.site.frozen(BEAT):
        numbers = shop.submit({ref: f"stop {marker}" for ref, marker in at.items()})
        shop.wait_until_done(list(numbers.values()))
    shop.worker(concurrency=2)
    shop.site.beat()
    shop.site.desk("let_leases_run_out")
    return numbers


def test_an_old_worker_that_wakes_up_after_its_lease_is_fenced_or_settles_the_doubt(shop: Workshop, case: Case) -> None:
    ends = BEFORE_SENT | SENT_NO_BYTE | ANSWER_CAME
    refs = {f"woken-{number:02}": marker for number, marker in enumerate([*ends, *HALVED])}
    stack = shop.site.stack
    case("2", "SIGSTOP before sent_at, until the lease is over: fenced, one POST", len(BEFORE_SENT), stack)
    case("2", "SIGSTOP after sent_at, no byte sent: in doubt, no POST ever", len(SENT_NO_BYTE), stack)
    case("2", "SIGSTOP between the bytes of a POST: in doubt, one POST at most", len(HALVED), stack)
    case("2", "SIGSTOP after the answer came: its late answer settles the doubt", len(ANSWER_CAME), stack)
    numbers = stopped(shop, refs)
    elsewhere = {*BEFORE_SENT, RECORDED}
    shop.wait_for_states({ref: "published" if marker in elsewhere else "unknown" for ref, marker in refs.items()})
    let_all_go_on(shop, numbers)
    orders, ledger = judge(shop.site, "woken-"), ledger_of(shop.site)
    seen = {marker: as_end(orders[ref], ledger.get(ref, [])) for ref, marker in refs.items()}
    assert {marker: seen[marker] for marker in ends} == ends
    for marker in HALVED:
        assert seen[marker] in MAYBE, marker


def test_a_late_answer_settles_the_doubt_only_if_people_have_not(shop: Workshop, case: Case) -> None:
    site = shop.site
    twice = [["unknown", True], ["published", True]]
    ends = {
        "settled-not-live-unsent": End("published", twice, 1),
        "settled-abandon-unsent": End("cancelled", IN_DOUBT, 0),
        "settled-not-live": End("published", twice, 2),  # people were wrong, and are told so
        "settled-abandon": End("cancelled", IN_DOUBT, 1),
        "settled-live": End("published", IN_DOUBT, 1),
        "settled-proposed": End("published", ONCE, 1),  # one person's word alone changes nothing
    }
    case("2", "people settle while the worker is stopped: its late answer does not undo that", len(ends), site.stack)
    at = {ref: FIRST_BYTE if ref.endswith("unsent") else READ for ref in ends}
    numbers = stopped(shop, at)
    shop.wait_for_states(dict.fromkeys(ends, "unknown"))
    for ref in ends:
        settle(site, ref)
    settled = {ref: end.state for ref, end in ends.items()} | {"settled-proposed": "unknown"}
    shop.wait_for_states(settled)
    let_all_go_on(shop, numbers)
    shop.wait_for_states({ref: end.state for ref, end in ends.items()})
    orders = judge(site, "settled-", settled=["settled-not-live"])
    ledger = ledger_of(site)
    assert {ref: as_end(order, ledger.get(ref, [])) for ref, order in orders.items()} == ends
    told = {ref: order["problem"].split(".")[0].split(",")[0] for ref, order in orders.items() if order["problem"]}
    assert told == {
        "settled-not-live": "Flow published this order twice",
        "settled-abandon": "Flow answered late that this order is live already; its campaigns are followed",
    }
    for ref in ("settled-not-live", "settled-abandon"):
        known = {tracking_id for ids in ledger[ref] for tracking_id in ids}
        assert set(orders[ref]["tracking_ids"]) == known, "no campaign is dropped"


def settle(site: Site, ref: str) -> None:
    """Have people settle an order as its ref says."""
    resolution = {"not": "not_live", "abandon": "abandon", "live": "live", "proposed": "not_live"}[ref.split("-")[1]]
    ids = list(ledger_of(site)[ref][0]) if resolution == "live" else []
    people = 1 if ref.endswith("proposed") else 2
    site.desk("tests.chaos.planning.settle", order_ref=ref, resolution=resolution, tracking_ids=ids, people=people)


def let_all_go_on(shop: Workshop, numbers: dict[str, int]) -> None:
    """Wake the stopped up, once they have slept longer than a call to Flow may take."""
    youngest = list(numbers.values())
    shop.site.until(lambda: min(map(shop.seconds_since, youngest)) > SLEPT, lambda: "time stands still")
    for number in youngest:
        shop.let_go_on(number)


def as_end(order: dict[str, object], publishes: object) -> End:
    assert isinstance(publishes, (list, tuple))
    attempts = order["attempts"]
    assert isinstance(attempts, list)
    return End(str(order["state"]), attempts, len(publishes))
