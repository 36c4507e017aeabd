"""Case 11: two people at once, double clicks, old pages, a right that is withdrawn, and every door to an order under way."""

import pytest

from tests.chaos.judge import judge, ledger_of
from tests.chaos.table import Case
from tests.processes.site import Site

pytestmark = pytest.mark.processes
ROUNDS, MANY = 6, 100
ONE_WINS = {
    "submit": {"queued"},
    "approve": {"queued"},
    "approve or reject": {"queued", "draft"},
    "settle": {"cancelled"},
    "settle differently": {"cancelled", "queued"},
}


@pytest.mark.parametrize("what", sorted(ONE_WINS))
def test_of_two_people_who_decide_at_once_one_wins_and_the_other_is_told(site: Site, case: Case, what: str) -> None:
    rounds = MANY if case.long else ROUNDS
    case("11", f"two people at once: {what}", rounds, site.stack)
    prefix = f"race-{what.replace(' ', '-')}-"
    for found in site.desk("tests.chaos.people.race", what=what, prefix=prefix, rounds=rounds):
        assert found["strange"] == []
        assert (found["won"], len(found["refused"]), len(found["told"])) == (1, 1, 1), found
        assert found["state"] in ONE_WINS[what], found
        (words,) = found["refused"]
        assert any(told in words for told in ("Nothing was done", "nothing to settle")), words
    judge(site, prefix)


@pytest.mark.parametrize("what", ["pause", "resume", "pause or cancel"])
def test_of_two_commands_at_once_one_is_open_and_the_other_person_is_told(site: Site, case: Case, what: str) -> None:
    rounds = MANY if case.long else ROUNDS
    case("12", f"two people at once: {what}", rounds, site.stack)
    prefix = f"command-{what.replace(' ', '-')}-"
    for found in site.desk("tests.chaos.people.race", what=what, prefix=prefix, rounds=rounds):
        assert found["strange"] == []
        asked = [kind for kind in found["told"] if kind.endswith("_asked")]
        superseded = [kind for kind in found["told"] if kind.endswith("_superseded")]
        assert len(asked) == found["won"] == 2 - len(found["refused"]), found
        assert len(asked) - len(superseded) == 1, found
    judge(site, prefix)


def test_a_worker_and_somebody_who_takes_the_order_back_never_both_succeed(site: Site, case: Case) -> None:
    rounds = MANY if case.long else ROUNDS
    case("11", "taken back while a worker takes it", rounds, site.stack)
    races = site.desk("tests.chaos.people.race", what="return or publish", prefix="take-", rounds=rounds)
    for number, found in enumerate(races):
        assert found["strange"] == []
        ours = found["told"] == ["order.returned"]
        assert ours or found["told"] == ["order.claimed", "order.published"], found
        assert site.times_published(f"take-{number}") == (0 if ours else 1)
        assert (found["state"], len(found["refused"])) == (("draft", 0) if ours else ("published", 1)), found
    judge(site, "take-")


@pytest.mark.parametrize(("deed", "kind"), [("submit", "submitted"), ("approve", "approved"), ("settle", "settled")])
def test_a_double_click_and_an_old_page_do_a_deed_once(site: Site, case: Case, deed: str, kind: str) -> None:
    rounds = MANY if case.long else ROUNDS
    case("11", f"double click, back and resubmit: {deed}", rounds * 2, site.stack)
    for found in site.desk("tests.chaos.people.double_click", which=deed, prefix=f"click-{deed}-", rounds=rounds):
        assert found == {"statuses": [302, 409], "again": 409, "told": [f"order.{kind}"]}
    judge(site, f"click-{deed}-")


def test_a_worker_does_not_send_an_order_whose_approver_may_no_longer_approve(site: Site, case: Case) -> None:
    withdrawn = {f"gone-{what}-{n}": what for n in range(10 if case.long else 1) for what in ("right", "account")}
    case("11", "the approver's right withdrawn before the order is sent", len(withdrawn), site.stack)
    for _, process in site.started:
        site.kill(process)
    for ref in (*withdrawn, "gone-nothing"):
        site.desk("tests.chaos.people.let_dora_approve", order_ref=ref)
    assert set(site.desk("states", prefix="gone-")) == {"queued"}
    for ref, what in withdrawn.items():
        site.desk("tests.chaos.people.withdraw", order_ref=ref, what=what)
    worker = site.worker()
    site.wait("gone-nothing", state="published")  # its message is behind all others
    for ref in withdrawn:
        found = site.wait(ref, state="rejected")
        assert f"dora-{ref} approved the order, but may not do so any more" in found["problem"]
        assert found["attempts"] == [["not_sent", False]]
        assert site.desk("tests.chaos.people.queues", order_ref=ref) == ["mending"]
    orders, ledger = judge(site, "gone-"), ledger_of(site)
    assert len(orders) == len(withdrawn) + 1
    assert [ref for ref in ledger if ref.startswith("gone-")] == ["gone-nothing"]
    site.kill(worker)


@pytest.mark.parametrize("state", ["queued", "publishing"])
def test_no_door_changes_or_deletes_an_order_under_way(site: Site, case: Case, state: str) -> None:
    found = site.desk("tests.chaos.doors.try_doors", order_ref=f"door-{state}", state=state)
    case("11", f"a {state} order edited or deleted through every door", len(found["said"]), site.stack)
    assert found["open"] == []
    through = {name for name, said in found["said"].items() if said == "nothing"}
    assert through == set(), found["said"]
    assert found["state"] == state
