"""The judge sees what it is there for: each fault that is planted makes it fail, and nothing else does."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.chaos.conftest import chaos_site
from tests.chaos.judge import KNOWN, judge, ledger_of
from tests.processes.site import API_KEY, Site
from tests.processes.stacks import BOTH

pytestmark = pytest.mark.processes
PAGES = {
    *("", "alerts/", "campaigns/order/in-doubt/", "campaigns/order/approvals/"),
    *(f"campaigns/{name}/" for name in ("order", "attempt", "campaign", "command", "event")),
    *(f"campaigns/order/N/{name}/" for name in ("change", "history", "submit", "approve", "settle")),
    *(f"campaigns/campaign/N/{name}/" for name in ("change", "history", "resume")),
    *(f"campaigns/{name}/N/change/" for name in ("command", "attempt", "event")),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both stacks in the long form; in the short one on the embedded alone, but for the broker's messages."""
    everywhere = metafunc.config.getoption("--chaos-long") or "message" in metafunc.function.__name__
    metafunc.parametrize("site", BOTH if everywhere else BOTH[:1], indirect=True, scope="module")


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console of this module's own, on each stack."""
    with chaos_site(request, request.param, tmp_path_factory.mktemp("site")) as site:
        yield site


def deed(site: Site, name: str, **arguments: Any) -> Any:
    """Have something planted."""
    return site.desk(f"tests.chaos.planting.{name}", **arguments)


def verdict(site: Site, prefix: str, **arguments: Any) -> list[str]:
    """Return what the judge says of the orders of a prefix, a line each, without all that it knows of them."""
    with pytest.raises(AssertionError) as raised:
        judge(site, prefix, **arguments)
    return [line.partition(KNOWN)[0] for line in str(raised.value).splitlines()]


def test_a_console_without_faults_is_let_go(site: Site) -> None:
    deed(site, "honest", prefix="honest-")
    orders = judge(site, "honest-")
    states = {ref: order["state"] for ref, order in orders.items()}
    assert states == {
        "honest-draft": "draft",
        "honest-awaiting": "awaiting_approval",
        "honest-queued": "queued",
        "honest-doubt": "unknown",
        "honest-published": "published",
    }
    (campaign,) = orders["honest-published"]["campaigns"].values()
    assert (campaign["phase"], campaign["commands"]) == ("paused", [["pause", "confirmed"]])


def test_orders_that_are_not_there_are_no_proof(site: Site) -> None:
    assert verdict(site, "nobody-") == ["no order begins with nobody-: there is nothing to judge"]


# Secrets --------------------------------------------------------------------------------------------------------------
def test_a_secret_in_a_log_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="log-")
    log = site.folder / "planted.log"
    site.further_logs.append(log)
    log.write_text(f"Traceback: {API_KEY}")
    assert verdict(site, "log-") == ["secrets can be seen: ['k3y… in a log']"]
    log.write_text("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30")
    assert verdict(site, "log-") == ["secrets can be seen: ['an access token in a log']"]
    log.unlink()
    judge(site, "log-")


def test_a_secret_in_a_table_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="table-")
    deed(site, "in_a_table", words=API_KEY)
    assert verdict(site, "table-") == ["secrets can be seen: ['k3y… in table auth_group']"]
    deed(site, "out_of_the_table", words=API_KEY)
    judge(site, "table-")


def test_a_secret_in_a_message_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="message-")
    deed(site, "in_a_message", order_ref="message-", words=API_KEY)
    assert verdict(site, "message-") == ["secrets can be seen: ['k3y… in a message of the broker']"]
    site.lose_messages()
    judge(site, "message-")


def test_a_secret_on_a_page_is_seen_on_each_page_that_shows_orders_and_what_becomes_of_them(site: Site) -> None:
    deed(site, "asked", order_ref="page-asked")
    deed(site, "honest", prefix="page-")
    deed(site, "on_every_page", words=API_KEY)
    (said,) = verdict(site, "page-")
    deed(site, "on_every_page", words="")
    seen = re.findall(r"'k3y… in page /admin/([^']*)'", said)
    assert said == f"secrets can be seen: {[f'k3y… in page /admin/{page}' for page in seen]}"
    assert {re.sub(r"\d+", "N", page) for page in seen} == PAGES
    judge(site, "page-")


# Money ----------------------------------------------------------------------------------------------------------------
def test_an_order_that_was_published_twice_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="twice")
    again = deed(site, "publish_again", order_ref="twice")
    assert verdict(site, "twice") == [
        "twice: published 2 times",
        f"twice: money is spent that the console does not know of: {again}",
    ]
    assert judge(site, "twice", settled=["twice"])


def test_a_campaign_that_flow_does_not_know_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="invented")
    deed(site, "invent_campaign", order_ref="invented", tracking_id="queue_of-nobody")
    assert verdict(site, "invented") == ["invented: campaigns that Flow never gave for this order: ['queue_of-nobody']"]


def test_an_order_that_flow_has_and_the_console_does_not_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="known-1")
    books = ledger_of(site) | {"known-2": [("queue_x",)]}
    assert verdict(site, "known-", ledger=books) == [
        "Flow published orders that the console does not know: ['known-2']"
    ]


def test_a_queued_order_that_no_sweep_finds_is_seen(site: Site) -> None:
    deed(site, "honest", prefix="hidden-")
    deed(site, "hide", order_ref="hidden-queued")
    assert verdict(site, "hidden-") == ["hidden-queued: lost, neither at its end nor in a queue that anybody sees"]


# History --------------------------------------------------------------------------------------------------------------
def test_a_move_without_its_line_of_history_is_seen(site: Site) -> None:
    deed(site, "honest", prefix="untold-")
    deed(site, "move_untold", order_ref="untold-queued")
    assert verdict(site, "untold-") == ["untold-queued: it is cancelled, and history leads to queued"]


def test_as_many_lines_as_moves_are_not_enough_where_they_tell_of_others(site: Site) -> None:
    deed(site, "honest", prefix="liar-")
    deed(site, "move_untold", order_ref="liar-queued", told="order.claimed")
    deed(site, "move_untold", order_ref="liar-awaiting", told="order.published")
    assert verdict(site, "liar-") == [
        "liar-awaiting: history tells of order.published while it was awaiting_approval",
        "liar-queued: it is cancelled, and history leads to publishing",
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("order.claimed", "history tells of order.published while it was queued"),
        ("order.submitted", "history tells of order.claimed while it was draft"),
        ("order.created", "history does not begin with its creation"),
    ],
)
def test_a_line_that_was_taken_out_of_history_is_seen(site: Site, kind: str, words: str) -> None:
    ref = f"taken-{kind}"
    deed(site, "published", order_ref=ref)
    with taken(site, ref, kind):
        assert verdict(site, ref) == [f"{ref}: {words}"]
    judge(site, ref)


def test_history_that_was_changed_elsewhere_is_seen(site: Site) -> None:
    deed(site, "published", order_ref="elsewhere")
    deed(site, "published", order_ref="judged")
    with taken(site, "elsewhere", "order.claimed"):
        (said,) = verdict(site, "judged")
    assert re.fullmatch(r"History was changed: line \d+ does not follow line \d+ as it was written\.", said)


@contextmanager
def taken(site: Site, order_ref: str, kind: str) -> Iterator[None]:
    """Take a line out of history, and put it back."""
    deed(site, "take_line", order_ref=order_ref, kind=kind)
    try:
        yield
    finally:
        deed(site, "put_back")


# Campaigns and commands -----------------------------------------------------------------------------------------------
def test_a_phase_of_which_flow_said_nothing_is_seen(site: Site) -> None:
    campaign = deed(site, "published", order_ref="phase")
    deed(site, "write_phase", tracking_id=campaign, phase="paused")
    assert verdict(site, "phase") == [
        f"phase: campaign {campaign}: it is paused, and history tells of live",
        f"phase: campaign {campaign} is paused, and Flow's own status says live",
    ]


def test_a_phase_that_flow_does_not_confirm_any_more_is_seen(site: Site) -> None:
    campaign = deed(site, "published", order_ref="behind")
    deed(site, "pause_at_flow", tracking_id=campaign)
    assert verdict(site, "behind") == [f"behind: campaign {campaign} is live, and Flow's own status says paused"]


def test_a_command_that_is_confirmed_though_flow_never_said_so_is_seen(site: Site) -> None:
    campaign = deed(site, "asked", order_ref="claimed-done")
    deed(site, "write_command", tracking_id=campaign, state="confirmed")
    assert verdict(site, "claimed-done") == [
        f"claimed-done: campaign {campaign}: pause: it is confirmed, and history leads to asked"
    ]
    campaign = deed(site, "asked", order_ref="told-done")
    deed(site, "write_command", tracking_id=campaign, state="confirmed", tell=True)
    assert verdict(site, "told-done") == [
        f"told-done: campaign {campaign}: pause: it was confirmed while Flow's status said live"
    ]


def test_a_command_of_which_history_does_not_tell_is_seen(site: Site) -> None:
    campaign = deed(site, "asked", order_ref="unasked")
    deed(site, "published", order_ref="later")  # the end of history can't be taken
    with taken(site, "unasked", "campaign.pause_asked"):
        assert verdict(site, "unasked") == [
            f"unasked: campaign {campaign}: pause: history does not tell who asked for it"
        ]


def test_an_open_command_that_nobody_will_ask_flow_about_is_seen(site: Site) -> None:
    campaign = deed(site, "asked", order_ref="lost")
    deed(site, "lose_command", tracking_id=campaign)
    assert verdict(site, "lost") == [f"lost: campaign {campaign}: the pause is open, and nobody will ask Flow about it"]
