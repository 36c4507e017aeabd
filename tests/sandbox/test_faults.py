"""Each fault, as the caller feels it and as the ledger remembers it."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import TIMEOUT, Caller
from tests.sandbox_process import Sandbox


def test_late_does_the_work_and_answers_late(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("late", calls=["publish"], seconds=1.5)

    began = time.monotonic()
    assert caller.publish().status_code == 202
    assert time.monotonic() - began >= 1.5
    assert sandbox.faults() == []


def test_late_is_in_the_ledger_before_the_caller_gives_up(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("late", calls=["publish"], seconds=60)

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{sandbox.url}/campaigns/publish",
            params={"clientId": "sandbox-organisation"},
            json={"planRef": "p", "listingExternalIds": ["l"], "branchId": "b", "orderRef": "late"},
            headers=caller.headers(),
            timeout=1,
        )
    assert sandbox.published_refs() == ["late"]


def test_accept_then_cut_publishes_and_resets(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("accept_then_cut", calls=["publish"])

    with pytest.raises(requests.ConnectionError, match="reset"):
        caller.publish()
    assert sandbox.published_refs() == ["Order-001"]
    assert caller.publish().status_code == 202


def test_accept_then_cut_waits_for_a_publish_that_is_accepted(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("accept_then_cut", calls=["publish"])

    assert caller.publish(branchId="").status_code == 400
    with pytest.raises(requests.ConnectionError):
        caller.publish()


def test_cut_before_resets_and_publishes_nothing(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("cut_before", calls=["publish"])

    with pytest.raises(requests.ConnectionError, match="reset"):
        caller.publish()
    assert sandbox.published_refs() == []


def test_expired_tokens_are_refused_until_a_new_one_is_fetched(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("expire_tokens")

    first, second = caller.publish(), caller.publish()
    assert [first.status_code, second.status_code] == [403, 403]
    assert first.json() == {"error": "JWT expired"}
    assert sandbox.published_refs() == []

    caller.log_in()
    assert caller.publish().status_code == 202


@pytest.mark.parametrize(
    ("fault", "setting", "status"),
    [
        ("unauthorised", {}, 401),
        ("forbidden", {}, 403),
        ("too_many_requests", {}, 429),
        ("server_error_before", {}, 500),
        ("server_error_before", {"status": 503}, 503),
    ],
)
def test_a_refusal_does_nothing(
    sandbox: Sandbox, caller: Caller, fault: str, setting: dict[str, Any], status: int
) -> None:
    sandbox.set_fault(fault, calls=["publish"], **setting)

    response = caller.publish()

    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert "Retry-After" not in response.headers
    assert sandbox.published_refs() == []
    assert caller.publish().status_code == 202


@pytest.mark.parametrize("retry_after", ["7", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_retry_after_is_sent_as_it_was_set(sandbox: Sandbox, caller: Caller, retry_after: str) -> None:
    sandbox.set_fault("too_many_requests", retry_after=retry_after)

    assert caller.publish().headers["Retry-After"] == retry_after


def test_a_server_error_after_the_work_has_published(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("server_error_after", calls=["publish"], status=502)

    assert caller.publish().status_code == 502
    assert sandbox.published_refs() == ["Order-001"]


def test_malformed_json_has_published(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("malformed_json", calls=["publish"])

    response = caller.publish()

    assert response.status_code == 202
    with pytest.raises(requests.JSONDecodeError):
        response.json()
    assert sandbox.published_refs() == ["Order-001"]


def test_empty_ids_have_been_published(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("empty_ids")

    response = caller.publish()

    assert (response.status_code, response.json()) == (202, {"campaign_tracking_ids": [], "status": "queued"})
    assert len(sandbox.ledger()["publishes"][0]["campaign_tracking_ids"]) == 1


def test_a_stuck_queue_holds_new_campaigns_until_it_is_cleared(quick_sandbox: Sandbox, quick_caller: Caller) -> None:
    earlier = quick_caller.published_id()
    quick_sandbox.set_fault("stuck_queue", count=1)
    stuck = quick_caller.published_id()
    later = quick_caller.published_id()

    assert [quick_caller.status(one).json()["status"] for one in (earlier, stuck, later)] == [
        "active",
        "queued",
        "active",
    ]
    quick_sandbox.clear_faults()
    assert quick_caller.status(stuck).json()["status"] == "active"


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_an_ignored_command_says_done_and_changes_nothing(
    quick_sandbox: Sandbox, quick_caller: Caller, status: str
) -> None:
    tracking_id = quick_caller.published_id()
    quick_sandbox.set_fault("ignore_command")

    assert quick_caller.command(tracking_id, status=status).json()["status"] == status
    assert quick_caller.status(tracking_id).json()["status"] == "active"
    assert [row["outcome"] for row in quick_sandbox.ledger()["commands"]] == ["ignored by a fault"]

    quick_caller.command(tracking_id, status=status)
    assert quick_caller.status(tracking_id).json()["status"] == status


def test_status_lag_hides_a_young_campaign_only(sandbox: Sandbox, caller: Caller) -> None:
    tracking_id = caller.published_id()
    sandbox.set_fault("status_lag", count=None, seconds=0)
    assert caller.status(tracking_id).status_code == 200

    sandbox.set_fault("status_lag", count=2, seconds=600)
    assert [caller.status(tracking_id).status_code for _ in range(3)] == [404, 404, 200]


def test_a_fault_hits_as_often_as_it_was_told(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("unauthorised", calls=["publish"], count=2)

    assert caller.publish().status_code == 401
    assert [fault["count"] for fault in sandbox.faults()] == [1]
    assert caller.publish().status_code == 401
    assert sandbox.faults() == []
    assert caller.publish().status_code == 202


def test_a_fault_until_cleared_hits_until_cleared(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("unauthorised", calls=["publish"], count=None)

    assert {caller.publish().status_code for _ in range(5)} == {401}
    sandbox.clear_faults()
    assert caller.publish().status_code == 202


def test_a_fault_leaves_the_other_calls_alone(sandbox: Sandbox, caller: Caller) -> None:
    tracking_id = caller.published_id()
    sandbox.set_fault("unauthorised", calls=["status", "command"], count=None)

    assert caller.fetch_token().status_code == 200
    assert caller.publish().status_code == 202
    assert caller.status(tracking_id).status_code == 401
    assert caller.command(tracking_id, status="paused").status_code == 401


@pytest.mark.parametrize("call", ["token", "publish", "status", "command"])
def test_a_fault_can_hit_each_call(quick_sandbox: Sandbox, quick_caller: Caller, call: str) -> None:
    tracking_id = quick_caller.published_id()
    quick_sandbox.set_fault("server_error_before", calls=[call])

    answers: dict[str, Callable[[], requests.Response]] = {
        "token": quick_caller.fetch_token,
        "publish": quick_caller.publish,
        "status": lambda: quick_caller.status(tracking_id),
        "command": lambda: quick_caller.command(tracking_id, status="paused"),
    }
    assert {name: ask().status_code for name, ask in answers.items()} == {
        "token": 200,
        "publish": 202,
        "status": 200,
        "command": 200,
    } | {call: 500}


def test_faults_are_still_set_after_a_restart(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_fault("too_many_requests", count=3, retry_after="9")
    before = sandbox.faults()
    sandbox.kill()
    sandbox.start()

    assert sandbox.faults() == before
    assert caller.publish().headers["Retry-After"] == "9"


def test_one_fault_can_be_cleared_by_name(sandbox: Sandbox) -> None:
    sandbox.set_fault("late")
    sandbox.set_fault("forbidden")

    requests.delete(f"{sandbox.url}/sandbox/faults", params={"fault": "late"}, timeout=TIMEOUT)

    assert [fault["fault"] for fault in sandbox.faults()] == ["forbidden"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({}, "fault"),
        ({"fault": "earthquake"}, "No fault is called 'earthquake'. There are: late,"),
        ({"fault": "late", "calls": ["everything"]}, "everything"),
        ({"fault": "stuck_queue", "calls": ["status"]}, "stuck_queue can hit publish, not status"),
        ({"fault": "late", "count": 0}, "count"),
        ({"fault": "late", "seconds": -1}, "seconds"),
        ({"fault": "late", "status": 500}, "late has no status"),
        ({"fault": "server_error_before", "status": 200}, "status"),
        ({"fault": "too_many_requests", "retry_after": "1\r\nX: y"}, "retry_after"),
        ({"fault": "late", "sometimes": True}, "sometimes"),
    ],
)
def test_a_wrong_setting_is_refused_in_words(sandbox: Sandbox, setting: dict[str, Any], words: str) -> None:
    response = requests.put(f"{sandbox.url}/sandbox/faults", json=setting, timeout=TIMEOUT)

    assert response.status_code == 400
    assert words in response.json()["error"]
    assert sandbox.faults() == []


def test_the_known_faults_are_listed_with_what_they_can_hit(sandbox: Sandbox) -> None:
    known = requests.get(f"{sandbox.url}/sandbox/faults", timeout=TIMEOUT).json()["known"]

    assert {fault["name"]: fault["calls"] for fault in known if len(fault["calls"]) < 4} == {
        "expire_tokens": ["publish", "status", "command"],
        "empty_ids": ["publish"],
        "stuck_queue": ["publish"],
        "ignore_command": ["command"],
        "status_lag": ["status", "command"],
    }
    assert len(known) == 14
