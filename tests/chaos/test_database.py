"""Case 8: the database is restarted, refuses to write or is busy, at every step of a publish where that could cost money."""

import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests import servers
from tests.chaos import breaking_databases as breaking
from tests.chaos.conftest import chaos_site
from tests.chaos.crash_table import (
    CLAIMED,
    IN_DOUBT,
    LAST_BYTE,
    NOT_SENT_THEN_ONCE,
    ONCE,
    RECORDED,
    SENT,
)
from tests.chaos.judge import judge, ledger_of
from tests.chaos.table import Case
from tests.chaos.test_broker import own, wait_until_all_published
from tests.chaos.worker_app import PATIENCE
from tests.chaos.workers import Worker, Workshop, workshop
from tests.processes.site import DEADLINE, Site
from tests.processes.stacks import DATABASE_PASSWORD, EMBEDDED, SERVERS

pytestmark = pytest.mark.processes

UNHURRIED = {"FLOW_DEADLINE": "30", "FLOW_READ_TIMEOUT": "25", "PUBLISH_LEASE": "150"}  # a restart takes its time
AT_SENT = SENT.replace("after", "before")
TOKEN, ANSWERED = "access token: after", "publish: after"
RESTARTED_AT = {
    TOKEN: ONCE,
    CLAIMED: NOT_SENT_THEN_ONCE,
    AT_SENT: NOT_SENT_THEN_ONCE,
    SENT: ONCE,
    LAST_BYTE: ONCE,
    ANSWERED: ONCE,
    RECORDED: ONCE,
}
IN_HISTORY = {CLAIMED.replace("after", "before"): ONCE, RECORDED.replace("after", "before"): ONCE}
Fault = Callable[[list[int]], AbstractContextManager[None]]
"""Breaks the database; it is told the processes that are about to write."""

EACH = 2  # orders
GIVEN_UP = "could not be written"
FAILED = re.compile(r"Task campaigns\.tasks\.publish_order\[[^]]*\] raised unexpected")
# Seconds with the write lock, seconds without it. Who waits at SQLite looks ten times a second and for 20 s, in no order: a
# lock that is free for hundredths of its time is missed by somebody among hundreds, however patient all are.
BUSY, BUSIEST = (0.1, 0.02), (0.25, 0.03)
BUSY_ORDERS = 4
SECONDS_AN_ORDER = 10


@dataclass
class Console:
    """A console and its own PostgreSQL, which may be broken."""

    site: Site
    server: servers.Server
    database: str

    def stop(self) -> None:
        """End PostgreSQL without a word to those who are connected; what was committed stays."""
        self.server.end(signal.SIGQUIT)


@pytest.fixture(scope="module")
def on_postgresql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on Redis and a PostgreSQL of its own."""
    with own(servers.own_postgresql) as server, servers.fresh_database(server.url) as database:
        address = database.replace("postgres@", f"postgres:{DATABASE_PASSWORD}@")
        folder = tmp_path_factory.mktemp("site")
        with chaos_site(request, SERVERS, folder, **UNHURRIED, DATABASE_URL=address) as site:
            yield Console(site, server, database)


@pytest.fixture(scope="module")
def on_sqlite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console on SQLite and a folder."""
    with chaos_site(request, EMBEDDED, tmp_path_factory.mktemp("site"), **UNHURRIED) as site:
        yield site


def test_a_database_that_is_restarted_anywhere_on_the_way_of_a_publish_costs_nothing(
    on_postgresql: Console, case: Case, tmp_path: Path
) -> None:
    case("8", "PostgreSQL restarted between two steps of a publish", len(RESTARTED_AT), SERVERS)
    case("8", "PostgreSQL restarted inside a transaction of a publish", len(IN_HISTORY), SERVERS)
    site, ends = on_postgresql.site, RESTARTED_AT | IN_HISTORY
    refs = {f"restart-{number}": marker for number, marker in enumerate(ends)}
    # Whoever is held inside a transaction of history holds it up for all others.
    rounds = [list(RESTARTED_AT), *([marker] for marker in IN_HISTORY)]
    with workshop(site, tmp_path) as shop:
        worker, beat = shop.worker(concurrency=len(RESTARTED_AT)), site.beat()
        for markers in rounds:
            held = hold(shop, {ref: marker for ref, marker in refs.items() if marker in markers})
            over = comes_to_an_end(shop, held)
            on_postgresql.stop()
            let_go(shop, held)
            on_postgresql.server.start()
            site.until(over, lambda: "still under way")
        site.desk("let_leases_run_out")
        shop.wait_for_states(dict.fromkeys(refs, "published"))
        assert worker.alive, "a worker outlives its database"
        assert beat.process.poll() is None, "beat outlives its database"
    orders, ledger = judge(site, "restart-"), ledger_of(site)
    assert {marker: orders[ref]["attempts"] for ref, marker in refs.items()} == ends
    assert {ref: len(ledger[ref]) for ref in refs} == dict.fromkeys(refs, 1)


def test_an_answer_that_a_database_away_for_long_could_not_take_leaves_a_doubt_and_its_ids_in_the_log(
    on_postgresql: Console, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case("8", "PostgreSQL away after Flow's answer, for longer than its recording is tried", EACH, SERVERS)
    site, refs = on_postgresql.site, {f"long-{number}": ANSWERED for number in range(EACH)}
    monkeypatch.setenv(PATIENCE, "1")
    with workshop(site, tmp_path) as shop:
        worker = shop.worker(concurrency=EACH)
        held = hold(shop, refs)
        on_postgresql.stop()
        let_go(shop, held)
        site.until(lambda: worker.output.count(GIVEN_UP) == EACH, lambda: "the answers are not given up")
        on_postgresql.server.start()
        site.beat()
        assert set(shop.states("long-").values()) == {"publishing"}
        assert site.desk("let_leases_run_out") == EACH
        shop.wait_for_states(dict.fromkeys(refs, "unknown"))
        log = worker.output
    ledger = ledger_of(site)
    for ref, order in judge(site, "long-").items():
        (ids,) = ledger[ref]
        assert order["attempts"] == IN_DOUBT
        assert f"(published: {', '.join(ids)}) could not be written" in log


def test_a_postgresql_that_takes_no_sent_at_lets_no_post_leave(
    on_postgresql: Console, case: Case, tmp_path: Path
) -> None:
    server, database = on_postgresql.server.url, on_postgresql.database
    faults: dict[str, Fault] = {
        "read-only": lambda _: breaking.read_only(server),
        "full": lambda _: breaking.full(database, at_commit=False),
        "full at the commit": lambda _: breaking.full(database, at_commit=True),
    }
    for words in faults:
        case("8", f"PostgreSQL {words} at sent_at: no POST", EACH, SERVERS)
    with workshop(on_postgresql.site, tmp_path) as shop:
        no_post_leaves(shop, faults)


def test_an_sqlite_that_takes_no_sent_at_lets_no_post_leave(on_sqlite: Site, case: Case, tmp_path: Path) -> None:
    file = Path(urlsplit(on_sqlite.env["DATABASE_URL"]).path)
    faults: dict[str, Fault] = {
        "read-only": lambda _: nullcontext(),  # what is done at the marker
        "full": lambda _: breaking.full_at_sent_at(file),
        "unable to write to its file": lambda pids: breaking.no_room_to_write(file, pids),
    }
    for words in faults:
        case("8", f"SQLite {words} at sent_at: no POST", EACH, EMBEDDED)
    with workshop(on_sqlite, tmp_path) as shop:
        no_post_leaves(shop, faults, at_marker={"read-only": "read_only"})


@pytest.mark.timeout(600)
def test_two_workers_and_staff_beside_a_busy_writer_lose_and_double_nothing_on_sqlite(
    on_sqlite: Site, case: Case, tmp_path: Path
) -> None:
    site, file, log = on_sqlite, Path(urlsplit(on_sqlite.env["DATABASE_URL"]).path), tmp_path / "writer.log"
    (held, free), number_of_orders = (BUSIEST, 4 * BUSY_ORDERS) if case.long else (BUSY, BUSY_ORDERS)
    for _ in range(2):
        site.another_worker()
    site.beat()
    with breaking.busy_writer(file, log, held, free):
        for number in range(number_of_orders):
            site.desk("submit", order_ref=f"busy-{number}", nudges=2)
        seen = site.desk("tests.chaos.clicking.click", order_ref="busy-clicked")
        # Each order needs several turns at a lock that is free for hundredths of a second, and so does each step after it.
        patience = DEADLINE + SECONDS_AN_ORDER * number_of_orders
        wait_until_all_published(site, "busy-", patience)
        site.wait("busy-0", patience, phases=["live"])
        command = site.desk("ask", order_ref="busy-0", action="pause", nudge=True)
        site.wait_for_command(command, "confirmed", patience)
    times = log.read_text()
    assert set(times) == {"."}, times
    case("8", "write lock of SQLite held by another process, with two workers and staff", len(times), EMBEDDED)
    assert (seen["asked"], seen["answered"]) == (200, 302)
    assert "database is locked" not in site.logs() + seen["told"] + site.desk("all_texts")
    orders, ledger = judge(site, "busy-"), ledger_of(site)
    assert {ref: (order["attempts"], len(ledger[ref])) for ref, order in orders.items()} == dict.fromkeys(
        orders, (ONCE, 1)
    )
    assert len(orders) == number_of_orders + 1


def no_post_leaves(shop: Workshop, faults: Mapping[str, Fault], at_marker: Mapping[str, str] | None = None) -> None:
    """Break the database in each way between claim and `sent_at`; assert that nothing is sent before the lease is over.

    `at_marker` says what else than to be held the process does to itself at the marker, by fault.
    """
    site, worker = shop.site, shop.worker(concurrency=EACH)
    site.beat()
    for number, (words, fault) in enumerate(faults.items()):
        deed = (at_marker or {}).get(words, "hold")
        failed = failures(worker)
        held = hold(shop, {f"refused-{number}-{order}": CLAIMED for order in range(EACH)}, deed)
        with fault([shop.pid_of(number) for number in held.values()]):
            let_go(shop, held)
            site.until(lambda: failures(worker) == failed + EACH, lambda: "no publish failed")  # noqa: B023
            assert not set(held) & set(ledger_of(site))
        assert set(shop.states(f"refused-{number}-").values()) == {"publishing"}
    assert not [ref for ref in ledger_of(site) if ref.startswith("refused-")]
    assert site.desk("let_leases_run_out") == EACH * len(faults)
    wait_until_all_published(site, "refused-")
    orders, ledger = judge(site, "refused-"), ledger_of(site)
    assert {ref: order["attempts"] for ref, order in orders.items()} == dict.fromkeys(orders, NOT_SENT_THEN_ONCE)
    assert {ref: len(ledger[ref]) for ref in orders} == dict.fromkeys(orders, 1)


def hold(shop: Workshop, refs: Mapping[str, str], deed: str = "hold") -> dict[str, int]:
    """Submit orders and wait until each is held at its marker, or the deed done; return their primary keys."""
    held = shop.submit({ref: f"{deed} {marker}" for ref, marker in refs.items()})
    shop.wait_until_done(list(held.values()))
    return held


def let_go(shop: Workshop, held: Mapping[str, int]) -> None:
    """Let the orders go on."""
    for number in held.values():
        shop.go(number)


def failures(worker: Worker) -> int:
    """Return how many times a worker has failed to publish; its other tasks fail as well while the database is away."""
    return len(FAILED.findall(worker.output))


def comes_to_an_end(shop: Workshop, held: Mapping[str, int]) -> Callable[[], bool]:
    """Return what tells whether each process has come to an end with its order, one way or the other."""
    (worker,) = shop.workers
    before = failures(worker)

    def is_over() -> bool:
        well = sum(shop.times(number, "task: over") for number in held.values())
        return well + failures(worker) - before >= len(held)

    return is_over
