"""An order's way from queued to live, through a real worker and a real beat, whatever happens to them."""

import re

import pytest

from tests.processes.site import API_KEY, BEAT, WORKER, Site

pytestmark = pytest.mark.processes
PUBLISHED_ONCE = [["published", True]]
TOKEN_CALL_CUT = (
    "Flow was asked for the access token but gave no whole answer: Connection reset by peer. "
    "Nothing else was sent to Flow."
)


def test_with_nobody_telling_the_workers_an_order_goes_live_and_a_pause_is_confirmed(site: Site) -> None:
    site.worker()
    site.beat()
    site.desk("submit", order_ref="swept")
    assert site.wait("swept", state="published", phases=["live"])["attempts"] == PUBLISHED_ONCE
    command = site.desk("ask", order_ref="swept", action="pause")
    site.wait_for_command(command, "confirmed")
    site.wait("swept", phases=["paused"])
    assert site.times_published("swept") == 1
    (sent,) = site.sandbox.ledger()["commands"]
    assert (sent["status"], sent["reason"]) == ("paused", "Sold.")


def test_workers_that_are_told_need_no_beat(site: Site) -> None:
    site.worker()
    with site.frozen(BEAT):
        site.desk("submit", order_ref="nudged", nudges=1)
        site.wait("nudged", state="published", phases=["queued"])
        site.desk("check_now", order_ref="nudged")
        site.wait("nudged", phases=["live"])
        command = site.desk("ask", order_ref="nudged", action="cancel", nudge=True)
        site.wait_for_command(command, "confirmed")
        site.wait("nudged", phases=["cancelled"])
    assert site.times_published("nudged") == 1


def test_messages_that_are_lost_delay_an_order_and_nothing_else(site: Site) -> None:
    site.worker()
    site.beat()
    with site.frozen(WORKER, BEAT):
        site.lose_messages()
        site.desk("submit", order_ref="lost", nudges=1)
        site.lose_messages()
    assert site.wait("lost", state="published")["attempts"] == PUBLISHED_ONCE
    assert site.times_published("lost") == 1


def test_two_workers_and_two_beats_publish_each_order_once(site: Site) -> None:
    site.worker()
    site.beat()
    workers, beats = site.another_worker(), site.another_beat()
    refs = [f"crowd-{number}" for number in range(12)]
    for ref in refs:
        site.desk("submit", order_ref=ref, nudges=3)
    for ref in refs:
        assert site.wait(ref, state="published")["attempts"] == PUBLISHED_ONCE
    published = site.sandbox.published_refs()
    assert sorted(ref for ref in published if ref and ref.startswith("crowd-")) == sorted(refs)
    site.kill(workers)
    site.kill(beats)


def test_a_worker_that_is_killed_while_it_publishes_leaves_a_doubt_and_one_campaign(site: Site) -> None:
    site.beat()
    worker = site.worker()
    site.sandbox.set_fault("late", calls=["publish"], seconds=60)
    site.desk("submit", order_ref="killed", nudges=1)
    site.until(lambda: site.times_published("killed") == 1, lambda: "Flow never got the order")
    site.kill(worker)
    site.another_worker()
    site.desk("submit", order_ref="after-the-killed")
    site.wait("after-the-killed", state="published")
    assert site.desk("look", order_ref="killed")["state"] == "publishing"
    assert site.desk("let_leases_run_out") == 1
    killed = site.wait("killed", state="unknown")
    assert killed["attempts"] == [["unknown", True]]
    assert "Nobody knows whether Flow published this order" in killed["problem"]
    site.desk("submit", order_ref="long-after-the-killed")
    site.wait("long-after-the-killed", state="published")
    assert site.desk("look", order_ref="killed") == killed
    assert site.times_published("killed") == 1


def test_a_worker_that_is_asked_to_end_while_it_publishes_finishes_first(site: Site) -> None:
    site.beat()
    worker = site.worker()
    site.sandbox.set_fault("late", calls=["publish"], seconds=3)
    site.desk("submit", order_ref="ended", nudges=1)
    site.until(lambda: site.times_published("ended") == 1, lambda: "Flow never got the order")
    worker.process.terminate()
    assert worker.wait_for_end() == 0
    ended = site.desk("look", order_ref="ended")
    assert (ended["state"], ended["attempts"]) == ("published", PUBLISHED_ONCE)
    assert site.times_published("ended") == 1


def test_no_secret_is_in_any_log_or_in_the_database_even_when_flow_fails(site: Site) -> None:
    site.worker()
    site.beat()
    site.desk("submit", order_ref="quiet", nudges=1)
    site.wait("quiet", state="published")
    site.desk("check_now", order_ref="quiet")
    site.wait("quiet", phases=["live"])
    site.sandbox.set_fault("expire_tokens", calls=["status"])
    site.sandbox.set_fault("cut_before", calls=["token"])
    site.desk("check_now", order_ref="quiet")
    (problem,) = site.wait("quiet", phases=["live"], problems=[TOKEN_CALL_CUT])["problems"]
    told = site.logs() + site.desk("all_texts")
    assert problem in told
    assert "Order quiet: published." in told
    assert API_KEY not in told
    assert not re.search(r"eyJ[\w-]{10,}\.", told), "an access token"
