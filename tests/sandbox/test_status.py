import time

import pytest
import requests

from tests.sandbox.conftest import TIMEOUT, Caller, in_seconds, logged_in
from tests.sandbox_process import Sandbox, running_sandbox


def test_a_queued_campaign_has_no_campaign_id(caller: Caller) -> None:
    response = caller.status(caller.published_id())

    assert response.status_code == 200
    assert response.json() == {"status": "queued", "message": "Campaign is waiting in the queue."}


def test_a_campaign_being_created_has_its_campaign_id() -> None:
    with running_sandbox(SANDBOX_QUEUED_SECONDS=0) as sandbox:
        caller = logged_in(sandbox)
        answer = caller.status(caller.published_id()).json()

    assert answer["campaign_id"].startswith("camp_")
    assert answer == {
        "status": "in_progress",
        "message": "Campaign creation is underway.",
        "campaign_id": answer["campaign_id"],
    }


def test_a_campaign_goes_live_even_before_its_start(quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id(startDate=in_seconds(3600))

    assert quick_caller.status(tracking_id).json()["status"] == "active"


def test_a_campaign_waits_for_its_start_when_told_to() -> None:
    with running_sandbox(
        SANDBOX_QUEUED_SECONDS=0, SANDBOX_IN_PROGRESS_SECONDS=0, SANDBOX_WAIT_FOR_START="true"
    ) as sandbox:
        caller = logged_in(sandbox)
        assert caller.status(caller.published_id()).json()["status"] == "in_progress"
        without_start = caller.published_id(startDate=..., endDate=...)
        assert caller.status(without_start).json()["status"] == "active"


def test_the_clock_alone_takes_a_campaign_from_the_queue_to_its_end() -> None:
    with running_sandbox(SANDBOX_QUEUED_SECONDS=2, SANDBOX_IN_PROGRESS_SECONDS=2) as sandbox:
        caller = logged_in(sandbox)
        tracking_id = caller.published_id(startDate=in_seconds(4), endDate=in_seconds(7))
        seen = [status := caller.status(tracking_id).json()["status"]]
        deadline = time.monotonic() + 30
        while status != "completed" and time.monotonic() < deadline:
            status = caller.status(tracking_id).json()["status"]
            if status != seen[-1]:
                seen.append(status)
            time.sleep(0.05)

    assert seen == ["queued", "in_progress", "active", "completed"]


@pytest.mark.parametrize("tracking_id", ["queue_nobody", "a/b", "queue_a%20b", "%00"])
def test_an_unknown_tracking_id_is_not_found(caller: Caller, tracking_id: str) -> None:
    response = requests.get(f"{caller.url}/campaigns/status/{tracking_id}", headers=caller.headers(), timeout=TIMEOUT)

    assert (response.status_code, response.json()) == (404, {"error": "Campaign not found"})


def test_asking_needs_the_version_and_a_token(caller: Caller) -> None:
    tracking_id = caller.published_id()

    assert caller.status(tracking_id, **{"Accept-Version": "v9"}).status_code == 400
    assert caller.status(tracking_id, Authorization="Bearer x").status_code == 401


def test_a_campaign_keeps_its_age_over_a_restart(quick_sandbox: Sandbox, quick_caller: Caller) -> None:
    tracking_id = quick_caller.published_id()
    before = quick_caller.status(tracking_id).json()

    assert quick_sandbox.stop() == 0
    quick_sandbox.start()

    assert quick_caller.status(tracking_id).json() == before
