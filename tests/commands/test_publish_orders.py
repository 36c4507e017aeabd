"""`publish_orders`: as scripts and operators run it."""

import json
import re
import signal
import subprocess
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from campaigns.models import Attempt, Campaign, Event, Order
from campaigns.services import orders
from campaigns.services.wording import when
from tests.commands.console import Console
from tests.commands.inside import queue, run
from tests.flow.nasty_server import says
from tests.sandbox_process import Sandbox
from tests.services.flow_server import Flow

DEADLINE = 60.0
ATTEMPTS = "SELECT outcome, words FROM campaigns_attempt ORDER BY id"
REFUSED = says(400, {"error": "planRef is not known."})


# In the shell ---------------------------------------------------------------------------------------------------------
def test_one_order_that_is_refused_does_not_keep_the_others_and_a_second_run_does_nothing(
    shop: Console, sandbox: Sandbox
) -> None:
    done = shop.run("publish_orders", "--json")

    assert done.returncode == 3
    rows = {row["order_ref"]: row for row in json.loads(done.stdout)["orders"]}
    assert {ref: (row["ok"], row["outcome"], row["state"]) for ref, row in rows.items()} == {
        "Q1": (True, "published", "published"),
        "Q2": (True, "published", "published"),
        "Q3": (False, "rejected", "rejected"),
    }
    assert "is not active. Choose another, or activate it. Nothing was sent and no money was spent." in done.stderr
    published = {publish["orderRef"]: publish for publish in sandbox.ledger()["publishes"]}
    assert {ref: each["campaign_tracking_ids"] for ref, each in published.items()} == {
        "Q1": rows["Q1"]["tracking_ids"],
        "Q2": rows["Q2"]["tracking_ids"],
    }

    again = shop.run("publish_orders")
    assert (again.returncode, again.stdout, again.stderr) == (0, "No order is queued: nothing to do.\n", "")
    assert len(sandbox.published_refs()) == 2


def test_with_flow_down_orders_stay_queued_and_the_words_say_so(shop: Console, sandbox: Sandbox) -> None:
    sandbox.stop()

    done = shop.run("publish_orders", "--order", "Q1", "Q2")

    assert (done.returncode, done.stdout) == (1, "")
    assert [line[:40] for line in done.stderr.splitlines()] == [
        f"{ref}: queued. Flow at 127.0.0.1 could not be reached"[:40] for ref in ("Q1", "Q2")
    ]
    assert done.stderr.count("The order stays queued and is tried again at") == 2
    assert shop.states() == {"Q1": "queued", "Q2": "queued", "Q3": "queued"}
    assert shop.rows(ATTEMPTS) == []


def test_an_answer_that_is_cut_off_is_doubt_and_the_words_say_what_to_do(shop: Console, sandbox: Sandbox) -> None:
    sandbox.set_fault("accept_then_cut", calls=["publish"])

    done = shop.run("publish_orders", "--order", "Q1", "--json")

    assert done.returncode == 1
    (row,) = json.loads(done.stdout)["orders"]
    assert (row["outcome"], row["state"], row["tracking_ids"]) == ("unknown", "unknown", [])
    assert "it is not sent again by itself: that could spend the money twice" in row["words"]
    assert row["words"].endswith("Look for it at Flow, then settle it here.")
    assert done.stderr == f"Q1: unknown. {row['words']}\n"
    assert sandbox.published_refs() == ["Q1"]


def test_two_processes_at_once_publish_each_order_once(shop: Console, sandbox: Sandbox) -> None:
    racing = [shop.start("publish_orders", "--order", "Q1", "Q2", "--json") for _ in range(2)]
    ended = [shop.finish(process) for process in racing]

    assert sorted(sandbox.published_refs(), key=str) == ["Q1", "Q2"]
    assert {ref: state for ref, state in shop.states().items() if ref != "Q3"} == {"Q1": "published", "Q2": "published"}
    assert [outcome for outcome, _ in shop.rows(ATTEMPTS)] == ["published", "published"]
    for done in ended:
        assert len(json.loads(done.stdout)["orders"]) == 2
        assert "Traceback" not in done.stderr


def test_a_dry_run_publishes_nothing(shop: Console, sandbox: Sandbox) -> None:
    done = shop.run("publish_orders", "--dry-run", "--json")

    assert done.returncode == 0
    rows = json.loads(done.stdout)["orders"]
    assert {(row["order_ref"], row["ok"], row["outcome"], row["state"]) for row in rows} == {
        (ref, True, "dry_run", "queued") for ref in ("Q1", "Q2", "Q3")
    }
    assert all("Nothing was published." in row["words"] for row in rows)
    assert sandbox.ledger()["publishes"] == []
    assert shop.rows("SELECT count(*) FROM campaigns_campaign") == [(0,)]


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Press it until the process hears: Python drops an interruption that comes while it tidies up objects."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)


def test_ctrl_c_while_flow_is_slow_leaves_doubt_and_no_traceback(shop: Console, sandbox: Sandbox) -> None:
    sandbox.set_fault("late", calls=["publish"], seconds=120)
    running = shop.start("publish_orders", "--order", "Q1", "Q2")
    until = time.monotonic() + DEADLINE
    while not sandbox.published_refs():
        assert time.monotonic() < until, "Flow was never asked"
        time.sleep(0.05)

    press_ctrl_c(running)
    done = shop.finish(running)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Interrupted. What was done until then stays done: show_order and list_orders tell how far it came.\n"
    )
    words = "The worker was interrupted (KeyboardInterrupt) while it waited for Flow's answer."
    assert shop.rows(ATTEMPTS) == [("unknown", words)]
    assert shop.states() == {"Q1": "unknown", "Q2": "queued", "Q3": "queued"}
    assert sandbox.published_refs() == ["Q1"]


# What Flow may answer -------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_flow_refuses_is_partly_done_with_flows_words(flow: Flow) -> None:
    for order_ref in ("N1", "N2", "N3"):
        queue(order_ref)
    flow.on_publish(flow.accepts(), REFUSED, flow.accepts())

    done = run("publish_orders")

    assert done.returncode == 3
    assert [line.partition(".")[0] for line in done.stdout.splitlines()] == ["N1: published", "N3: published"]
    assert done.stderr == (
        "N2: rejected. Flow said no: planRef is not known. Nothing was published. "
        "Return the order to draft, mend it, submit it again.\n"
    )
    assert Campaign.objects.filter(order__order_ref="N2").count() == 0


@pytest.mark.django_db
def test_with_nothing_published_it_failed(flow: Flow) -> None:
    queue("N1")
    flow.on_publish(REFUSED)

    done = run("publish_orders", "--json")

    assert (done.returncode, done.data["orders"][0]["state"]) == (1, "rejected")


@pytest.mark.django_db
def test_an_order_that_is_published_already_is_done_and_not_sent_again(flow: Flow) -> None:
    queue("N1")
    run("publish_orders", "--order", "N1")

    again = run("publish_orders", "--order", "N1", "--json")

    assert (again.returncode, again.data["orders"][0]["ok"]) == (0, True)
    assert (len(flow.publishes), Attempt.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_an_order_in_doubt_is_not_sent_again_and_the_words_still_say_what_to_do(flow: Flow) -> None:
    queue("N1")
    flow.on_publish(says(502, {}))
    run("publish_orders")

    again = run("publish_orders", "--order", "N1")

    assert (again.returncode, len(flow.publishes)) == (1, 1)
    assert again.stderr.endswith("Look for it at Flow, then settle it here.\n")


@pytest.mark.django_db
def test_when_flow_asks_for_patience_the_time_is_told_and_nobody_calls_before(flow: Flow) -> None:
    queue("N1")
    queue("N2")
    flow.on_publish(says(429, {}, Retry_After="3000"))
    before = datetime.now(UTC)

    done = run("publish_orders")

    assert (done.returncode, done.stdout, len(flow.publishes)) == (1, "", 1)
    due = Order.objects.get(order_ref="N1").next_attempt_at
    assert due is not None
    assert 2990 < (due - before).total_seconds() < 3060
    first, second = done.stderr.splitlines()
    assert first.endswith(f"The order is queued again. The workers try it again at {when(due)}.")
    assert second == f"N2: queued. Flow asked us to wait until {when(due)}. The order stays queued."
    assert Attempt.objects.filter(order__order_ref="N2").count() == 0


@pytest.mark.django_db
def test_a_token_that_flow_no_longer_takes_is_fetched_anew_at_once(flow: Flow) -> None:
    queue("N1")
    flow.on_publish(says(401, {"error": "Invalid access token"}), flow.accepts())

    done = run("publish_orders", "--json")

    assert (done.returncode, done.data["orders"][0]["state"]) == (0, "published")
    assert (len(flow.publishes), len(flow.server.at("token"))) == (2, 2)


@pytest.mark.django_db
def test_a_dry_run_tells_flows_no_and_leaves_the_order_as_it_is(flow: Flow) -> None:
    order = queue("N1")
    flow.on_publish(REFUSED)

    done = run("publish_orders", "--dry-run")

    assert (done.returncode, done.stderr) == (1, "N1: not valid, or not answered. planRef is not known.\n")
    assert [body["dryRun"] for body in flow.publishes] == [True]
    order.refresh_from_db()
    assert (order.state, Attempt.objects.count(), Campaign.objects.count()) == ("queued", 0, 0)
    assert Event.objects.filter(order=order, kind="order.dry_run").count() == 1


# Which orders ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_limit_leaves_the_others_in_the_queue(flow: Flow) -> None:
    for order_ref in ("N1", "N2", "N3"):
        queue(order_ref)

    done = run("publish_orders", "--limit", "2")

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)
    assert [body["orderRef"] for body in flow.publishes] == ["N1", "N2"]
    assert Order.objects.get(order_ref="N3").state == "queued"


@pytest.mark.django_db
def test_an_unknown_ref_keeps_all_from_being_published(flow: Flow) -> None:
    queue("N1")

    done = run("publish_orders", "--order", "N1", "--order", "X1", "N 2", "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no order “N 2”, “X1”. Nothing was done. Check the order_ref.\n"
    assert flow.publishes == []


@pytest.mark.django_db
def test_a_draft_is_not_published(flow: Flow) -> None:
    order = queue("N1")
    orders.return_to_draft(order.pk, order.version, user=order.created_by, now=timezone.now())

    done = run("publish_orders", "--order", "N1")

    assert (done.returncode, done.stderr) == (1, "N1: draft. The order is not waiting to be published.\n")
    assert flow.publishes == []


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_limit_that_is_none_is_wrong_usage(limit: str) -> None:
    done = run("publish_orders", "--limit", limit)

    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"--limit takes a number of at least 1\.|argument --limit: invalid int value", done.stderr)
