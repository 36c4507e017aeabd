"""Case 12: pause against resume, a poll that answers late, and a Flow that acknowledges and does nothing."""

import pytest

from tests.chaos.judge import judge, statuses_of
from tests.chaos.table import Case
from tests.processes.site import Site

pytestmark = pytest.mark.processes
PHASE_AFTER = {"pause": "paused", "resume": "live"}
WORD_AFTER = {"pause": "paused", "resume": "active"}


def test_a_poll_that_answers_after_a_newer_command_overwrites_nothing(site: Site, case: Case) -> None:
    rounds = 20 if case.long else 2
    case("12", "a poll that answers late, after a newer command", rounds, site.stack)
    for number in range(rounds):
        found = site.desk("tests.chaos.people.late_poll", order_ref=f"late-poll-{number}")
        assert (found["checked"], found["phase"], found["command"]) == (0, "paused", "confirmed"), found
        told = found["told"][found["told"].index("campaign.pause_asked") :]
        assert told.count("campaign.status") == 1, told
    judge(site, "late-poll-")


def test_pause_against_resume_ends_at_flow_and_here_as_the_last_accepted_command_says(site: Site, case: Case) -> None:
    rounds = 50 if case.long else 4
    case("12", "pause against resume at once", rounds, site.stack)
    races = site.desk("tests.chaos.people.race", what="pause or resume", prefix="to-and-fro-", rounds=rounds)
    site.worker()
    site.beat()
    ends: dict[str, list[str]] = {}
    for number, found in enumerate(races):
        assert found["strange"] == []
        asked = [kind.removeprefix("campaign.").removesuffix("_asked") for kind in found["told"] if "_asked" in kind]
        # A live campaign can't be resumed unless a pause is on its way.
        assert asked in (["pause"], ["pause", "resume"]), found
        assert len(asked) == found["won"] == 2 - len(found["refused"])
        ends[f"to-and-fro-{number}"] = asked
    for ref, asked in ends.items():
        site.wait(ref, phases=[PHASE_AFTER[asked[-1]]])
        wait_until_no_command_is_open(site, ref)
    orders, at_flow = judge(site, "to-and-fro-"), statuses_of(site)
    for ref, asked in ends.items():
        ((tracking_id, campaign),) = orders[ref]["campaigns"].items()
        superseded = [[action, "superseded"] for action in asked[:-1]]
        assert campaign["commands"] == [*superseded, [asked[-1], "confirmed"]]
        assert campaign["phase"] == PHASE_AFTER[asked[-1]]
        assert at_flow[tracking_id][0] == WORD_AFTER[asked[-1]]


def test_a_pause_that_flow_acknowledges_and_ignores_is_never_called_done(site: Site, case: Case) -> None:
    case("12", "a pause that Flow acknowledges and ignores", 2, site.stack)
    site.worker()
    site.beat()
    site.desk("submit", order_ref="ignored", nudges=1)
    site.wait("ignored", state="published", phases=["live"])
    site.sandbox.set_fault("ignore_command", calls=["command"], count=None)
    command = site.desk("ask", order_ref="ignored", action="pause", nudge=True)
    for sends in (1, 2):
        site.until(lambda sends=sends: site.desk("command", number=command) == ["sent", sends], lambda: "not sent")  # type: ignore[misc]
        assert site.desk("look", order_ref="ignored")["phases"] == ["live"]
        assert site.desk("tests.chaos.people.needs_confirmation", order_ref="ignored")
        site.desk("tests.chaos.people.let_resends_be_due", order_ref="ignored")
    site.sandbox.clear_faults()
    site.desk("tests.chaos.people.let_resends_be_due", order_ref="ignored")
    site.wait_for_command(command, "confirmed")
    site.wait("ignored", phases=["paused"])
    assert not site.desk("tests.chaos.people.needs_confirmation", order_ref="ignored")
    judge(site, "ignored")


def wait_until_no_command_is_open(site: Site, order_ref: str) -> None:
    """Wait until each command to an order's campaign is over."""
    site.until(
        lambda: site.desk("tests.chaos.people.open_commands", order_ref=order_ref) == [],
        lambda: f"a command of {order_ref} is open",
    )
