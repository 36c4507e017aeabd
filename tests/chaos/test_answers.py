"""Every answer that Flow may give, through real workers, a real broker and a real database, to orders that cost money."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chaos import witness
from tests.chaos.answers import (
    ACCEPTED,
    BROKEN,
    COMMANDS,
    ODD,
    OWNED,
    QUEUED,
    REFUSED,
    STATUSES,
    TOO_MANY,
    UNKNOWN,
    UNKNOWN_WORDS,
    Row,
    Wait,
    redirects,
)
from tests.chaos.flow import Answer, Door
from tests.chaos.nasty_console import Console, most_memory, nasty_console
from tests.chaos.table import Case
from tests.flow.nasty_server import black_hole, refused_address, running, says
from tests.flow.test_reaching_flow import CERTIFICATE, tls_context
from tests.processes.stacks import BOTH
from tests.run.running import Running

pytestmark = pytest.mark.processes
MIB = 1024 * 1024
MEMORY = 200 * MIB
"""What a process of a worker may take at most: about twice what it takes anyhow, while a GiB is on its way to it."""
NOT_SENT = [["not_sent", True]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both stacks in the long form; in the short one on production's alone, but for Flow's answers themselves."""
    name = metafunc.function.__name__
    everywhere = metafunc.config.getoption("--chaos-long") or "each_answer" in name or "no_answer" in name
    metafunc.parametrize("console", BOTH if everywhere else BOTH[1:], indirect=True, scope="module")


@pytest.fixture(scope="module")
def console(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of this module's own, on each stack."""
    times = {"FLOW_READ_TIMEOUT": "3", "FLOW_DEADLINE": "5"}
    with nasty_console(request, request.param, tmp_path_factory.mktemp("answers"), **times) as console:
        yield console


@pytest.fixture(scope="module")
def worker(console: Console) -> Running:
    """A worker of the console."""
    return console.worker()


def test_each_answer_of_flow_means_for_the_money_what_it_proves(console: Console, worker: Running, case: Case) -> None:
    flow = console.flow
    with running() as elsewhere:
        rows = [*ACCEPTED, *BROKEN, *ODD, *REFUSED, *redirects(f"{elsewhere.url}/campaigns/publish")]
        rounds = [f"answer{number}-" for number in range(3 if case.long else 1)]
        case("9", "an odd, broken or hostile answer to a publish", len(rows) * len(rounds), console.site.stack)
        flow.ids["answer-owner"] = (OWNED,)
        console.publish("answer-owner")
        for prefix in rounds:
            meets_all(console, prefix, rows)
        assert elsewhere.connections == 0
    assert most_memory(worker) < MEMORY
    assert_nobody_else_was_asked(console)
    flow.answers.clear()
    for prefix in rounds:
        doubt_stays_and_the_rest_goes_out(console, prefix, rows)
    console.judge("answer")


def meets_all(console: Console, prefix: str, rows: list[Row]) -> None:
    """Publish an order for each row and wait until all have met their answer."""
    console.flow.answers |= {prefix + row.name: row.answer for row in rows}
    console.deed("submit_all", refs=[prefix + row.name for row in rows])
    console.wait_for(
        {prefix + row.name: [row.state, row.attempts, row.campaigns, row.posts] for row in rows},
        lambda: what_became(console, prefix),
    )


def what_became(console: Console, prefix: str) -> dict[str, Any]:
    """Return of each order its state, attempts, number of campaigns and how often Flow was asked for it."""
    posts = console.flow.posts()
    return {
        ref: [order["state"], order["attempts"], len(order["campaigns"]), posts[ref]]
        for ref, order in console.looks(prefix).items()
    }


def doubt_stays_and_the_rest_goes_out(console: Console, prefix: str, rows: list[Row]) -> None:
    """Let all waits run out: what Flow did not process is published, once, and nothing else is sent at all."""
    console.deed("let_waits_run_out")
    console.deed("sweep")
    wanted: dict[str, Any] = {}
    for row in rows:
        wanted[prefix + row.name] = [row.state, row.attempts, row.campaigns, row.posts]
        if row.state == QUEUED:
            wanted[prefix + row.name] = ["published", [*row.attempts, ["published", True]], 2, row.posts + 1]
    console.wait_for(wanted, lambda: what_became(console, prefix))


def assert_nobody_else_was_asked(console: Console) -> None:
    """See that the workers have connected to nobody but Flow, the broker and the database, and read no file of the machine."""
    noted = witness.events(console.folder)
    addresses = [address for event, address in noted if event == "socket.connect" and isinstance(address, list)]
    known = {urlsplit(setting).hostname for setting in console.site.env.values() if "://" in setting}
    assert {address[0] for address in addresses} <= {*known, "127.0.0.1", "localhost", "::1"}
    assert console.flow.port in {address[1] for address in addresses}
    assert [event for event, _ in noted if event == "open"] == []


def test_a_429_holds_every_worker_back_for_as_long_as_flow_says_and_an_hour_at_most(
    console: Console, worker: Running, case: Case
) -> None:
    case("9", "a 429 with an odd Retry-After", len(TOO_MANY), console.site.stack)
    for wait in TOO_MANY:
        holds_back(console, wait)
    console.judge("429-")


def holds_back(console: Console, wait: Wait) -> None:
    """Answer an order with a 429; see that it and another one wait, and are published once when the time is over."""
    first, second = f"429-{wait.name}", f"429-{wait.name}-bystander"
    header = wait.header or format_datetime(datetime.now(UTC) + timedelta(seconds=wait.seconds), usegmt=True)
    console.flow.answers[first] = Answer(False, lambda _: says(429, {"error": "slow down"}, Retry_After=header))
    console.deed("submit_all", refs=[first])
    console.wait_for({first: [QUEUED, NOT_SENT, 0, 1]}, lambda: {first: what_became(console, first)[first]})
    assert wait.seconds - 20 < console.deed("held_for") <= wait.seconds
    assert wait.seconds - 20 < console.looks(first)[first]["waits"] <= wait.seconds
    console.deed("submit_all", refs=[second])
    console.site.until(lambda: waits(console, second), lambda: f"{console.looks(second)}")
    assert what_became(console, second) == {second: [QUEUED, [], 0, 0]}
    console.flow.answers.clear()
    console.deed("let_waits_run_out")
    console.deed("sweep")
    console.wait_until_published(first, second)
    assert (console.flow.posts()[first], console.flow.posts()[second]) == (2, 1)


def waits(console: Console, ref: str) -> bool:
    """Say whether an order's page tells that Flow wants to be left alone."""
    return "Flow asked us to wait until" in console.looks(ref)[ref]["problem"]


def test_an_order_that_cannot_reach_flow_was_not_sent_and_waits(console: Console, case: Case) -> None:
    case("9", "no way to Flow between token and publish: refused, DNS, TLS, connect timeout", 5, console.site.stack)
    with ExitStack() as stack:
        refusing, full = Door(stack), Door(stack)
        plain, untrusted = Door(stack, tls_context()), Door(stack, tls_context())
        said = {
            "door-refused": passes(console, "door-refused", refusing.url, refusing.shut),
            "door-connect-timeout": passes(console, "door-connect-timeout", full.url, full.swallow),
            "door-dns": passes(console, "door-dns", Door(stack).url, names_are_known=False),
            "door-no-tls": passes(console, "door-no-tls", plain.url, plain.speak_plainly, trusted=str(CERTIFICATE)),
            "door-untrusted": passes(console, "door-untrusted", untrusted.url),
        }
        assert plain.posts() == untrusted.posts() == 0
    assert "could not be reached: Connection refused" in said["door-refused"]
    assert "could not be reached: timed out" in said["door-connect-timeout"]
    assert "could not be found" in said["door-dns"]
    assert "secure connection (TLS)" in said["door-no-tls"]
    assert "self-signed certificate" in said["door-untrusted"]
    assert what_became(console, "door-") == {ref: [QUEUED, NOT_SENT, 0, 0] for ref in said}
    console.judge("door-")


def passes(
    console: Console, ref: str, url: str, change: Callable[[], None] = lambda: None, **circumstances: Any
) -> str:
    """Submit an order, fetch the token through a door, let the door change, publish; return what is said about it."""
    console.deed("submit_all", refs=[ref], nudges=0)
    console.deed("take_token", base_url=url, trusted=str(CERTIFICATE))
    change()
    said: str = console.deed("publish_here", ref=ref, **circumstances)
    return said


def test_an_order_whose_request_flow_does_not_read_to_its_end_is_in_doubt(console: Console, case: Case) -> None:
    case("9", "a publish that is reset, or stalls, while it is sent", 2, console.site.stack)
    with ExitStack() as stack:
        resetting, silent = Door(stack), Door(stack)
        passes(console, "request-reset", resetting.url, resetting.reset_each)
        passes(console, "request-stall", silent.url, silent.read_nothing)
    doubt = [UNKNOWN, [["unknown", True]], 0, 0]
    assert what_became(console, "request-") == {"request-reset": doubt, "request-stall": doubt}
    console.judge("request-")


def test_where_flow_cannot_be_reached_at_all_nothing_is_claimed(console: Console, case: Case) -> None:
    case("9", "no way to Flow at all: refused, DNS, TLS, connect timeout", 4, console.site.stack)
    refs = ["away-refused", "away-dns", "away-tls", "away-timeout"]
    console.deed("submit_all", refs=refs, nudges=0)
    with black_hole() as full, running(tls_context()) as secure:
        addresses = [refused_address(), "http://name.invalid", secure.url, full]
        for ref, address in zip(refs, addresses, strict=True):
            said = console.deed("publish_at", ref=ref, base_url=address)
            assert "The order stays queued and is tried again at" in said
    assert what_became(console, "away-") == {ref: [QUEUED, [], 0, 0] for ref in refs}
    console.judge("away-")


def test_no_answer_about_a_campaign_is_taken_for_success_unless_it_is_sound(
    console: Console, worker: Running, case: Case
) -> None:
    case("9", "an odd answer about a campaign", len(STATUSES) + len(UNKNOWN_WORDS), console.site.stack)
    words = {f"status-word-{number}": word for number, word in enumerate(UNKNOWN_WORDS)}
    plays = {f"status-{name}": play for name, play in STATUSES.items()}
    plays |= {tracking_id: says(200, {"status": word}) for tracking_id, word in words.items()}
    console.flow.ids["status-order"] = tuple(plays)
    console.publish("status-order")
    well = {tracking_id: ["in_progress", "in_progress", False] for tracking_id in plays}
    checks(console, well)
    console.flow.statuses = plays
    ill = {tracking_id: ["in_progress", "in_progress", True] for tracking_id in plays}
    checks(console, ill | {tracking_id: ["unrecognised", word, False] for tracking_id, word in words.items()})
    console.flow.statuses = {}
    checks(console, well)
    assert most_memory(worker) < MEMORY
    assert_nobody_else_was_asked(console)
    console.judge("status-")


def checks(console: Console, wanted: dict[str, Any]) -> None:
    """Have all campaigns asked about; see what each is then: phase, Flow's word, and whether something is the matter."""

    def seen() -> dict[str, Any]:
        found = console.deed("campaigns", order_ref="status-order")
        return {tracking_id: [phase, word, bool(problem)] for tracking_id, (phase, word, problem) in found.items()}

    console.deed("check", order_ref="status-order")
    console.wait_for(wanted, seen)


def test_no_answer_to_a_command_confirms_it_only_the_campaigns_own_status_does(
    console: Console, worker: Running, case: Case
) -> None:
    case("9", "an odd answer to a command", len(COMMANDS), console.site.stack)
    rows = {f"command-{row.name}": row for row in COMMANDS}
    console.flow.ids["command-order"] = tuple(rows)
    console.publish("command-order")
    console.flow.updates = {tracking_id: row.update for tracking_id, row in rows.items()}
    console.deed("ask_each", order_ref="command-order", action="pause")

    def seen() -> dict[str, Any]:
        posts = console.flow.commands()
        found = console.deed("commands_of", order_ref="command-order")
        return {tracking_id: [state, told, posts[tracking_id]] for tracking_id, (state, told, _) in found.items()}

    console.wait_for({tracking_id: [row.state, True, row.posts] for tracking_id, row in rows.items()}, seen)
    phases = console.deed("campaigns", order_ref="command-order")
    paused = {tracking_id for tracking_id, (phase, _, _) in phases.items() if phase == "paused"}
    assert paused == {tracking_id for tracking_id, row in rows.items() if row.obeys}
    assert most_memory(worker) < MEMORY
    console.judge("command-")
