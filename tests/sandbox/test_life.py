from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.life import Campaign, Pace, exists_at, status_at

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
PACE = Pace(queued=timedelta(seconds=5), in_progress=timedelta(seconds=15), wait_for_start=False)
CAMPAIGN = Campaign(
    tracking_id="queue_1",
    campaign_id="camp_1",
    queued_at=NOON,
    starts_at=NOON + timedelta(hours=1),
    ends_at=NOON + timedelta(hours=2),
    stuck=False,
    paused=False,
    cancelled_at=None,
)
WALK = [
    (0, "queued", False),
    (4.999, "queued", False),
    (5, "in_progress", True),
    (19.999, "in_progress", True),
    (20, "active", True),
    (7199, "active", True),
    (7200, "completed", True),
    (999_999, "completed", True),
]


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "status", "exists"), WALK)
def test_the_clock_moves_a_campaign(seconds: float, status: str, exists: bool) -> None:
    assert status_at(CAMPAIGN, PACE, after(seconds)) == status
    assert exists_at(CAMPAIGN, PACE, after(seconds)) is exists


def test_a_start_that_is_waited_for_holds_the_campaign_back() -> None:
    pace = replace(PACE, wait_for_start=True)

    assert status_at(CAMPAIGN, pace, after(3599)) == "in_progress"
    assert status_at(CAMPAIGN, pace, after(3600)) == "active"
    assert status_at(replace(CAMPAIGN, starts_at=None), pace, after(20)) == "active"


def test_without_an_end_it_runs_on() -> None:
    assert status_at(replace(CAMPAIGN, ends_at=None), PACE, after(10**9)) == "active"


def test_an_end_that_passes_during_creation_completes_it_when_created() -> None:
    brief = replace(CAMPAIGN, ends_at=after(1))

    assert status_at(brief, PACE, after(19)) == "in_progress"
    assert status_at(brief, PACE, after(20)) == "completed"


def test_a_stuck_campaign_stays_queued_past_its_end() -> None:
    stuck = replace(CAMPAIGN, stuck=True)

    assert status_at(stuck, PACE, after(99_999)) == "queued"
    assert exists_at(stuck, PACE, after(99_999)) is False


def test_a_paused_campaign_still_ends() -> None:
    paused = replace(CAMPAIGN, paused=True)

    assert status_at(paused, PACE, after(30)) == "paused"
    assert status_at(paused, PACE, after(7200)) == "completed"


def test_a_cancelled_campaign_never_completes() -> None:
    cancelled = replace(CAMPAIGN, cancelled_at=after(30))

    assert status_at(cancelled, PACE, after(30)) == "cancelled"
    assert status_at(cancelled, PACE, after(7200)) == "cancelled"


def test_a_campaign_cancelled_in_the_queue_never_comes_to_exist() -> None:
    assert exists_at(replace(CAMPAIGN, cancelled_at=after(4)), PACE, after(7200)) is False
    assert exists_at(replace(CAMPAIGN, cancelled_at=after(6)), PACE, after(7200)) is True
