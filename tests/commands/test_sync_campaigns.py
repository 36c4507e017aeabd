"""`sync_campaigns`: what is due, all, or those of some orders."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign
from campaigns.services.wording import when
from tests.commands.console import Console
from tests.commands.inside import publish, run
from tests.flow.nasty_server import says
from tests.sandbox_process import Sandbox
from tests.services.flow_server import Flow

inside = pytest.mark.django_db


def phases() -> dict[str, str]:
    return dict(Campaign.objects.order_by("tracking_id").values_list("tracking_id", "phase"))


def make_all_due() -> None:
    Campaign.objects.update(next_check_at=timezone.now() - timedelta(seconds=1))


# In the shell ---------------------------------------------------------------------------------------------------------
def test_a_script_reads_how_many_were_checked_and_then_where_they_stand(shop: Console, sandbox: Sandbox) -> None:
    shop.json("publish_orders", "--order", "Q1", "Q2")

    done = shop.run("sync_campaigns", "--all", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout) == {"checked": 2, "changed": 2, "failed": 0, "problems": {}, "held_until": None}
    assert done.stderr == "Checked 2, changed 2, failed 0.\n"
    campaigns = shop.rows("SELECT flow_status, phase, checked_at IS NOT NULL FROM campaigns_campaign")
    assert campaigns == [("active", "live", True)] * 2


# Which campaigns ------------------------------------------------------------------------------------------------------
@inside
def test_only_what_is_due_is_asked_about(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", "queue_2")
    make_all_due()
    Campaign.objects.filter(tracking_id="queue_2").update(next_check_at=timezone.now() + timedelta(hours=1))
    flow.statuses["queue_1"] = "paused"

    done = run("sync_campaigns")

    assert (done.returncode, done.stdout, done.stderr) == (0, "Checked 1, changed 1, failed 0.\n", "")
    assert flow.asked == ["queue_1"]
    assert phases() == {"queue_1": "paused", "queue_2": "live"}


@inside
def test_again_nothing_is_due(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    make_all_due()
    run("sync_campaigns")

    assert run("sync_campaigns").stdout == "Checked 0, changed 0, failed 0.\n"
    assert flow.asked == ["queue_1"]


@inside
def test_all_are_asked_about_but_those_that_have_ended(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", "queue_2", "queue_3")
    flow.statuses["queue_2"] = "completed"
    run("sync_campaigns", "--all")

    done = run("sync_campaigns", "--all", "--json")

    assert (done.returncode, done.data["checked"], done.data["changed"]) == (0, 2, 0)
    assert sorted(flow.asked[3:]) == ["queue_1", "queue_3"]
    assert phases() == {"queue_1": "live", "queue_2": "completed", "queue_3": "live"}


@inside
def test_those_of_some_orders_are_asked_about(flow: Flow) -> None:
    for number in "123":
        publish(flow, f"N{number}", f"queue_{number}")

    done = run("sync_campaigns", "--order", "N1", "--order", "N3")

    assert (done.returncode, sorted(flow.asked)) == (0, ["queue_1", "queue_3"])


@inside
def test_an_unknown_order_keeps_all_from_being_asked_about(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")

    done = run("sync_campaigns", "--order", "N1", "X1", "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no order “X1”. Nothing was asked.\n"
    assert flow.asked == []


def test_all_and_some_at_once_is_wrong_usage() -> None:
    done = run("sync_campaigns", "--all", "--order", "N1")

    assert (done.returncode, done.stdout) == (2, "")
    assert "not allowed with argument" in done.stderr


# What can go wrong ----------------------------------------------------------------------------------------------------
@inside
def test_a_campaign_that_flow_does_not_know_is_told_and_the_others_are_checked(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", "queue_2")
    del flow.statuses["queue_1"]

    done = run("sync_campaigns", "--all", "--json")

    assert (done.returncode, done.data["checked"], done.data["failed"]) == (3, 1, 1)
    assert list(done.data["problems"]) == ["queue_1"]
    assert done.stderr.splitlines()[1] == f"queue_1: {done.data['problems']['queue_1']}"


@inside
def test_nothing_heard_is_a_failure_and_what_was_known_stays(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    flow.on_status(says(400, {"error": "No."}))

    done = run("sync_campaigns", "--all")

    assert (done.returncode, phases()) == (1, {"queue_1": "live"})
    assert "The last known status still stands." in done.stderr


@inside
def test_when_flow_asks_for_patience_the_time_is_told_and_nobody_calls_before(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    flow.on_status(says(429, {}, Retry_After="3000"))
    before = timezone.now()

    done, again = run("sync_campaigns", "--all"), run("sync_campaigns", "--all", "--json")

    assert [each.returncode for each in (done, again)] == [1, 1]
    due = Campaign.objects.get().next_check_at
    assert due is not None
    assert 2990 < (due - before).total_seconds() < 3060
    told = f"Flow asked us to wait until {when(due)}; the rest is asked then.\n"
    assert done.stderr == told
    assert again.stderr.endswith(told)
    assert again.data["held_until"] is not None
    assert len(flow.asked) == 1


@inside
def test_what_flow_says_cannot_steer_the_terminal(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    flow.on_status(says(400, {"error": "\x1b[2JNo\x07"}))

    done = run("sync_campaigns", "--all")

    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr
