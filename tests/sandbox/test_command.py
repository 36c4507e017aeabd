import time
from typing import Any

import pytest

from tests.sandbox.conftest import Caller, in_seconds
from tests.sandbox_process import Sandbox


def test_a_live_campaign_is_paused_and_resumed(quick_sandbox: Sandbox, quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id()

    paused = quick_caller.command(tracking_id, status="paused", reason="Client asked.")
    assert (paused.status_code, paused.json()) == (
        200,
        {"status": "paused", "message": "Campaign successfully paused."},
    )
    assert quick_caller.status(tracking_id).json()["status"] == "paused"

    resumed = quick_caller.command(tracking_id, status="active")
    assert resumed.json() == {"status": "active", "message": "Campaign successfully resumed."}
    assert quick_caller.status(tracking_id).json()["status"] == "active"
    assert [(row["status"], row["reason"], row["outcome"]) for row in quick_sandbox.ledger()["commands"]] == [
        ("paused", "Client asked.", "done"),
        ("active", None, "done"),
    ]


def test_a_cancelled_campaign_stays_cancelled(quick_sandbox: Sandbox, quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id()
    assert quick_caller.command(tracking_id, status="cancelled").json()["status"] == "cancelled"

    response = quick_caller.command(tracking_id, status="active")

    assert response.status_code == 200
    assert response.json() == {
        "status": "cancelled",
        "message": "Campaign was cancelled.",
        "error": "Campaign is cancelled and cannot be changed.",
    }
    assert quick_caller.status(tracking_id).json()["status"] == "cancelled"
    assert [row["outcome"] for row in quick_sandbox.ledger()["commands"]] == [
        "done",
        "refused: Campaign is cancelled and cannot be changed.",
    ]


def test_a_completed_campaign_cannot_be_paused(quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id(startDate=in_seconds(2), endDate=in_seconds(3))
    deadline = time.monotonic() + 30
    while quick_caller.status(tracking_id).json()["status"] != "completed" and time.monotonic() < deadline:
        time.sleep(0.05)

    assert quick_caller.command(tracking_id, status="paused").json() == {
        "status": "completed",
        "message": "Campaign has ended.",
        "error": "Campaign is completed and cannot be changed.",
    }
    assert quick_caller.status(tracking_id).json()["status"] == "completed"


def test_a_campaign_cancelled_in_the_queue_never_gets_a_campaign_id(caller: Caller) -> None:
    tracking_id = caller.published_id()
    caller.command(tracking_id, status="cancelled")

    assert caller.status(tracking_id).json() == {"status": "cancelled", "message": "Campaign was cancelled."}


def test_a_queued_campaign_cannot_be_resumed(caller: Caller) -> None:
    tracking_id = caller.published_id()

    response = caller.command(tracking_id, status="active")

    assert response.status_code == 200
    assert response.json()["error"] == "Campaign is not paused: it is still being created."
    assert caller.status(tracking_id).json()["status"] == "queued"


def test_the_other_campaign_of_the_order_is_left_alone(quick_caller: Caller) -> None:
    first, second = quick_caller.publish(planRef="facebookv2").json()["campaign_tracking_ids"]
    quick_caller.command(first, status="paused")

    assert quick_caller.status(first).json()["status"] == "paused"
    assert quick_caller.status(second).json()["status"] == "active"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "status"),
        ({"status": "stopped"}, "stopped"),
        ({"status": "PAUSED"}, "PAUSED"),
        ({"status": None}, "status"),
        ({"status": "paused", "reason": 5}, "reason"),
        ({"status": "paused", "why": "x"}, "Unknown fields: why"),
    ],
)
def test_a_broken_command_is_named_and_changes_nothing(
    quick_sandbox: Sandbox, quick_caller: Caller, body: dict[str, Any], words: str
) -> None:
    tracking_id = quick_caller.published_id()

    response = quick_caller.command(tracking_id, **body)

    assert response.status_code == 400
    assert words in response.json()["error"]
    assert quick_caller.status(tracking_id).json()["status"] == "active"
    assert quick_sandbox.ledger()["commands"] == []


def test_a_command_for_nobody_is_not_found(sandbox: Sandbox, caller: Caller) -> None:
    response = caller.command("queue_nobody", status="paused")

    assert (response.status_code, response.json()) == (404, {"error": "Campaign not found"})
    assert sandbox.ledger()["commands"] == []


def test_a_pause_survives_a_kill(quick_sandbox: Sandbox, quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id()
    quick_caller.command(tracking_id, status="paused")

    quick_sandbox.kill()
    quick_sandbox.start()

    assert quick_caller.status(tracking_id).json()["status"] == "paused"
