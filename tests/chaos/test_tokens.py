"""Access tokens that end, lie or do not come, through real workers: orders wait, and Flow is not stampeded for tokens."""

import time
from collections.abc import Iterator
from itertools import cycle

import pytest

from campaigns.flow.auth import FAILURE_MEMORY
from tests.chaos.nasty_console import Console, nasty_console
from tests.chaos.table import Case
from tests.flow.nasty_server import Play, falls_silent, says, then_closes, then_resets
from tests.processes.site import WORKER
from tests.processes.stacks import BOTH
from tests.run.running import Running

pytestmark = pytest.mark.processes
WORKERS = 2
PROCESSES = 2 * WORKERS
"""Each of a worker's two children has a token of its own; nobody else at the console asks for one."""
NO_TOKEN: list[Play] = [
    says(500, {"error": "out of order"}),
    falls_silent(),
    says(401, {"error": "the API key has expired"}),
    then_resets(b""),
    says(200, b"<h1>Welcome</h1>"),
    says(200, {"accessToken": None}),
    then_closes(b""),
]
SKEWS = [(3600, True), (-3600, True), (3600, False), (-3600, False)]
"""By how many seconds Flow's clock is off, and whether a token tells when it was issued."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on production's servers, and in the long form on the embedded ones too; the middle of a batch always on both."""
    everywhere = metafunc.config.getoption("--chaos-long") or "middle_of_a_batch" in metafunc.function.__name__
    metafunc.parametrize("console", BOTH if everywhere else BOTH[1:], indirect=True, scope="module")


@pytest.fixture(scope="module")
def console(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of this module's own, on each stack."""
    patient = {"FLOW_READ_TIMEOUT": "2", "FLOW_DEADLINE": "4"}  # a request that fails for want of time would count too
    with nasty_console(request, request.param, tmp_path_factory.mktemp("tokens"), **patient) as console:
        yield console


@pytest.fixture
def new_workers(console: Console) -> None:
    """Workers that have no token yet."""
    for worker in running_workers(console):
        console.site.kill(worker)
    start_workers(console)


@pytest.fixture
def workers(console: Console) -> None:
    """Workers, whatever token they have."""
    if not running_workers(console):
        start_workers(console)


def running_workers(console: Console) -> list[Running]:
    """Return the workers that run."""
    return [process for argv, process in console.site.started if argv == WORKER and process.process.poll() is None]


def start_workers(console: Console) -> None:
    """Start both workers at once and wait until they take messages."""
    for worker in [console.site.start(WORKER, "") for _ in range(WORKERS)]:
        worker.wait_for(" ready.", deadline=45)


@pytest.mark.usefixtures("new_workers")
def test_without_a_token_orders_wait_unclaimed_and_flow_is_asked_once_in_a_while(console: Console, case: Case) -> None:
    batches = [NO_TOKEN[:PROCESSES], NO_TOKEN[PROCESSES:]] if case.long else [NO_TOKEN[:PROCESSES]]
    refs = [f"down{batch}-{number}" for batch in range(len(batches)) for number in range(40)]
    case("10", "orders while the token endpoint is down, slow or refuses the key", len(refs), console.site.stack)
    for batch, plays in enumerate(batches):
        waits_for_a_token(console, [ref for ref in refs if ref.startswith(f"down{batch}-")], cycle(plays))
        wait_until_failures_are_forgotten(console)

    console.flow.tokens.play, console.flow.tokens.takes_long = None, 0.3
    asked = console.flow.requests_for_tokens()
    console.wait_until_published(*refs)
    console.flow.tokens.takes_long = 0
    assert 1 <= console.flow.requests_for_tokens() - asked <= PROCESSES
    posts = console.flow.posts()
    assert {ref: posts[ref] for ref in refs} == dict.fromkeys(refs, 1)
    console.judge("down")


def waits_for_a_token(console: Console, refs: list[str], plays: Iterator[Play]) -> None:
    """Let Flow give no token: the orders stay in the queue, unclaimed, their pages tell why, and few requests are made."""
    console.flow.tokens.play = lambda peer, request: next(plays)(peer, request)
    before, began = console.flow.requests_for_tokens(), time.monotonic()
    console.deed("submit_all", refs=refs)
    words = "The order stays queued and is tried again at"

    def untold() -> list[str]:
        looks = console.looks("down")
        return [ref for ref in refs if words not in looks[ref]["problem"]]

    console.until(lambda: not untold(), lambda: f"not waiting: {untold()}")
    asked, took = console.flow.requests_for_tokens() - before, time.monotonic() - began
    assert 1 <= asked <= PROCESSES * (1 + int(took / FAILURE_MEMORY))
    looks = console.looks("down")
    assert {ref: (looks[ref]["state"], looks[ref]["attempts"]) for ref in refs} == {ref: ("queued", []) for ref in refs}
    assert not console.flow.posts().keys() & set(refs)


def wait_until_failures_are_forgotten(console: Console) -> None:
    """Wait until no process remembers any more that Flow gave it no token."""
    last = time.monotonic()
    console.site.until(lambda: time.monotonic() - last > FAILURE_MEMORY, lambda: "time stands still")


# New ones: a token that replaced a refused one, and that nothing was sent with yet, is kept for seconds when it is refused too.
@pytest.mark.usefixtures("new_workers")
@pytest.mark.parametrize("refusal", [401, 403])
def test_tokens_that_end_in_the_middle_of_a_batch_are_renewed_once_a_process(
    console: Console, case: Case, refusal: int
) -> None:
    refs = [f"ended{refusal}-{number}" for number in range(120 if case.long else 40)]
    case("10", f"orders of a batch in whose middle all tokens end ({refusal})", len(refs), console.site.stack)
    console.flow.tokens.refusal = refusal
    console.flow.tokens.valid_for = len(refs) // 2
    already = console.flow.requests_in_each_lifetime()[-1]
    console.publish(*refs)
    before, after = console.flow.requests_in_each_lifetime()[-2:]
    assert before - already <= PROCESSES
    assert 1 <= after <= PROCESSES
    posts = console.flow.posts()
    assert 1 <= sum(posts[ref] - 1 for ref in refs) <= PROCESSES, "each process sends its old token once"
    console.judge(f"ended{refusal}-")


@pytest.mark.usefixtures("workers")
def test_a_token_whose_clock_is_an_hour_off_is_used_for_its_lifetime(console: Console, case: Case) -> None:
    tokens = console.flow.tokens
    case("10", "orders with tokens whose clock is an hour ahead or behind", 10 * len(SKEWS), console.site.stack)
    for number, (tokens.skew, tokens.with_iat) in enumerate(SKEWS):
        refs = [f"skew{number}-{order}" for order in range(10)]
        console.flow.end_tokens()
        console.publish(*refs)
        assert 1 <= console.flow.requests_in_each_lifetime()[-1] <= PROCESSES
    console.judge("skew")


@pytest.mark.usefixtures("workers")
def test_a_token_that_ends_while_many_campaigns_are_asked_about_is_renewed_once(console: Console, case: Case) -> None:
    ids = tuple(f"many-{number}" for number in range(64))
    case("10", "campaigns asked about at once with a token that has ended", len(ids), console.site.stack)
    console.flow.ids["many-order"] = ids
    console.publish("many-order")
    console.flow.status_of |= dict.fromkeys(ids, "paused")
    console.flow.end_tokens()
    console.deed("check", order_ref="many-order")
    console.wait_for(
        {tracking_id: ["paused", "paused", ""] for tracking_id in ids},
        lambda: console.deed("campaigns", order_ref="many-order"),
    )
    assert console.flow.requests_in_each_lifetime()[-1] == 1
    console.judge("many-")


@pytest.mark.usefixtures("workers")
def test_a_flow_that_refuses_every_token_that_it_gives_is_not_stampeded(console: Console, case: Case) -> None:
    refs = [f"refused-{number}" for number in range(20)]
    case("10", "orders while Flow refuses each token that it has just given", len(refs), console.site.stack)
    console.flow.end_tokens()
    console.flow.tokens.worthless = True
    began = time.monotonic()
    console.deed("submit_all", refs=refs)
    twice = [["not_sent", True], ["not_sent", True]]
    console.wait_for(
        dict.fromkeys(refs, ("queued", twice)),
        lambda: {ref: (order["state"], order["attempts"]) for ref, order in console.looks("refused-").items()},
    )
    took = time.monotonic() - began
    assert console.flow.requests_in_each_lifetime()[-1] <= PROCESSES * (2 + int(took / FAILURE_MEMORY))
    console.flow.tokens.worthless, console.flow.tokens.valid = False, set(console.flow.tokens.issued)
    console.wait_until_published(*refs)
    console.judge("refused-")
