"""`show_order`: one order with its attempts, campaigns and history."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from campaigns.domain.times import in_utc
from campaigns.models import Campaign
from campaigns.services import reminding
from tests.commands.console import Console
from tests.commands.inside import doubt, publish, queue, run
from tests.factories import make_user
from tests.flow.nasty_server import says
from tests.services.flow_server import Flow

inside = pytest.mark.django_db
ATTEMPT = {"number", "outcome", "claimed_at", "sent_at", "finished_at", "http_status", "words"}
CAMPAIGN = {
    *("tracking_id", "flow_status", "phase", "message", "problem", "flow_campaign_id", "checked_at", "next_check_at"),
}


def test_a_script_reads_the_attempts_the_campaigns_and_the_history(shop: Console) -> None:
    shop.json("publish_orders", "--order", "Q1")

    data = shop.json("show_order", "Q1")

    assert (data["order_ref"], data["state"]) == ("Q1", "published")
    (attempt,), (campaign,) = data["attempts"], data["campaigns"]
    assert (set(attempt), set(campaign)) == (ATTEMPT, CAMPAIGN)
    assert (attempt["number"], attempt["outcome"], attempt["http_status"]) == (1, "published", 202)
    assert attempt["claimed_at"] <= attempt["sent_at"] <= attempt["finished_at"]
    assert attempt["sent_at"].endswith("Z")
    assert (campaign["flow_status"], campaign["phase"], campaign["checked_at"]) == ("queued", "queued", None)
    history = [(event["kind"], event["by"]) for event in data["events"]]
    assert history == [
        ("order.created", "author-of-Q1"),
        ("order.submitted", "author-of-Q1"),
        ("order.claimed", "scheduler"),
        ("order.published", "flow"),
    ]


@inside
def test_people_read_it_in_lines(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    run("sync_campaigns", "--all")

    done = run("show_order", "N1")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "Order N1: published, 1,500.00 ZAR, 1 listing"
    assert lines[1].startswith("  Attempt 1: published, tried ")
    assert lines[1].endswith(" UTC. Flow accepted the order: queue_1.")
    assert lines[2].startswith("  Campaign queue_1: live (Flow: active), last heard ")
    assert lines[3].endswith(" UTC author-of-N1: author-of-N1 created the order.")


@inside
def test_what_is_wrong_is_told_first_and_beside_its_campaign(flow: Flow) -> None:
    doubt(flow, "N1")
    publish(flow, "N2", "queue_2")
    flow.on_status(says(404, {"error": "campaign not found"}))
    run("sync_campaigns", "--all")

    in_doubt, missing = run("show_order", "N1"), run("show_order", "N2")

    assert in_doubt.stdout.splitlines()[0] == "Order N1: in doubt, 1,500.00 ZAR, 1 listing"
    assert in_doubt.stdout.splitlines()[1].endswith("Look for it at Flow, then settle it here.")
    assert f"\n    {Campaign.objects.get().problem}\n" in missing.stdout


@inside
def test_an_order_in_doubt_tells_since_when_and_of_its_reminders(flow: Flow) -> None:
    began = timezone.now() - timedelta(hours=3, minutes=20)
    with time_machine.travel(began, tick=False):
        doubt(flow, "N1")
    publish(flow, "N2", "queue_2")
    make_user("ben", "settle_order")
    assert f"\n  In doubt for 3 h 20 min, since {in_utc(began)}\n" in run("show_order", "N1").stdout
    assert "\n  Reminders sent: none yet\n" in run("show_order", "N1").stdout
    reminding.remind(sent := timezone.now())

    done, data, listed = run("show_order", "N1"), run("show_order", "N1", "--json").data, run("list_orders")

    assert "\n  Something may have been sent: " in done.stdout
    assert f"\n  Reminders sent: {in_utc(sent)}\n" in done.stdout
    assert datetime.fromisoformat(data["in_doubt_since"]) == began.replace(microsecond=began.microsecond // 1000 * 1000)
    (reminder,) = data["reminders"]
    assert (reminder["attempt"], reminder["number"]) == (1, 2)
    assert "  for 3 h 20 min. " in listed.stdout
    published = run("show_order", "N2", "--json").data
    assert (published["in_doubt_since"], published["reminders"]) == (None, [])


@inside
def test_an_order_that_was_never_tried_has_no_attempts() -> None:
    queue("N1")

    done = run("show_order", "N1", "--json")

    assert (done.data["state"], done.data["attempts"], done.data["campaigns"]) == ("queued", [], [])
    assert len(done.data["payload_sha256"]) == 64


@inside
@pytest.mark.parametrize("order_ref", ["N9", "", "n1", "Ñ 1"])
def test_an_unknown_order_is_told(order_ref: str) -> None:
    queue("N1")

    done = run("show_order", order_ref, "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no order “{order_ref}”. Check the order_ref.\n"


def test_no_order_at_all_is_wrong_usage() -> None:
    assert run("show_order").returncode == 2
