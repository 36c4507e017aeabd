from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.domain.schedule import Followed, backoff, next_check
from campaigns.domain.states import FINAL_PHASES, Phase

NOW = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

moments = st.timedeltas(-31 * DAY, 31 * DAY).map(lambda distance: NOW + distance)
living = st.builds(
    Followed,
    phase=st.sampled_from([phase for phase in Phase if phase not in FINAL_PHASES]),
    created_at=moments.filter(lambda moment: moment <= NOW),
    starts_at=st.none() | moments,
    ends_at=st.none() | moments,
    previous_interval=st.timedeltas(timedelta(0), DAY),
    command_asked_at=st.none() | moments.filter(lambda moment: moment <= NOW),
)
chances = st.floats(0, 1)


def followed(phase: Phase = Phase.QUEUED, age: timedelta = HOUR, **fields: Any) -> Followed:
    defaults = {"starts_at": None, "ends_at": None, "previous_interval": 30 * SECOND}
    return Followed(phase=phase, created_at=NOW - age, **defaults | fields)


def wait(campaign: Followed, chance: float = 0.5) -> timedelta:
    due = next_check(campaign, NOW, chance)
    assert due is not None
    return due - NOW


@pytest.mark.parametrize("phase", sorted(FINAL_PHASES))
@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_never_asks_again_about_a_campaign_that_is_over(phase: Phase, chance: float) -> None:
    assert next_check(followed(phase, ends_at=NOW), NOW, chance) is None


@pytest.mark.parametrize("phase", sorted(FINAL_PHASES))
def test_asks_until_the_last_command_is_answered(phase: Phase) -> None:
    assert wait(followed(phase, command_asked_at=NOW)) == 10 * SECOND


@given(living, chances)
def test_always_asks_again_about_one_that_is_not_over(campaign: Followed, chance: float) -> None:
    assert 0 * SECOND < wait(campaign, chance) <= HOUR * 1.1


@pytest.mark.parametrize("age", [0 * SECOND, 5 * MINUTE, 10 * MINUTE - SECOND])
def test_asks_every_30_seconds_in_the_first_10_minutes(age: timedelta) -> None:
    assert wait(followed(Phase.IN_PROGRESS, age, previous_interval=2 * MINUTE)) == 30 * SECOND


def test_asks_more_seldom_from_the_tenth_minute_on() -> None:
    assert wait(followed(Phase.IN_PROGRESS, 10 * MINUTE)) == 34.5 * SECOND


def test_asks_more_seldom_by_15_percent_each_time_down_to_5_minutes_while_not_live() -> None:
    assert wait(followed(previous_interval=30 * SECOND)) == 34.5 * SECOND
    assert wait(followed(previous_interval=100 * SECOND)) == 115 * SECOND
    assert wait(followed(previous_interval=290 * SECOND)) == 5 * MINUTE
    assert wait(followed(previous_interval=HOUR)) == 5 * MINUTE
    assert wait(followed(previous_interval=0 * SECOND)) == 30 * SECOND


@pytest.mark.parametrize("age", [0 * SECOND, 30 * DAY])
def test_asks_hourly_while_live(age: timedelta) -> None:
    assert wait(followed(Phase.LIVE, age)) == HOUR


@pytest.mark.parametrize("before", [5 * MINUTE, 0 * MINUTE, -29 * MINUTE])
def test_asks_every_minute_around_the_start_until_it_is_seen(before: timedelta) -> None:
    assert wait(followed(Phase.IN_PROGRESS, starts_at=NOW + before)) == MINUTE
    assert wait(followed(Phase.LIVE, starts_at=NOW + before)) == HOUR


def test_asks_a_new_campaign_no_less_often_because_it_starts_at_once() -> None:
    assert wait(followed(Phase.IN_PROGRESS, 10 * MINUTE - SECOND, starts_at=NOW)) == 30 * SECOND
    assert wait(followed(Phase.IN_PROGRESS, 10 * MINUTE, starts_at=NOW)) == MINUTE


@pytest.mark.parametrize("before", [5 * MINUTE, 0 * MINUTE, -29 * MINUTE])
@pytest.mark.parametrize("phase", [Phase.LIVE, Phase.PAUSED, Phase.QUEUED])
def test_asks_every_minute_around_the_end(phase: Phase, before: timedelta) -> None:
    assert wait(followed(phase, ends_at=NOW + before)) == MINUTE


def test_stops_asking_every_minute_half_an_hour_after_the_end() -> None:
    assert wait(followed(Phase.LIVE, ends_at=NOW - 30 * MINUTE)) == HOUR


def test_asks_soon_after_a_command_and_every_minute_while_it_stays_open() -> None:
    assert wait(followed(Phase.LIVE, command_asked_at=NOW)) == 10 * SECOND
    assert wait(followed(Phase.LIVE, command_asked_at=NOW - 5 * MINUTE)) == MINUTE


@given(living, chances)
def test_never_leaps_over_the_minutes_before_a_start_or_an_end(campaign: Followed, chance: float) -> None:
    due = NOW + wait(campaign, chance)

    for moment in (campaign.starts_at, campaign.ends_at):
        opening = moment - 5 * MINUTE if moment else NOW
        assert opening <= NOW or due <= opening


def test_spreads_the_checks_by_a_tenth_either_way() -> None:
    assert wait(followed(Phase.LIVE), chance=0) == 54 * MINUTE
    assert wait(followed(Phase.LIVE), chance=1) == 66 * MINUTE


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 30), (1, 30), (2, 60), (3, 120), (5, 480), (6, 900), (7, 900), (1_000_000, 900)]
)
def test_backs_off_twice_as_long_each_time_up_to_15_minutes(failures: int, seconds: int) -> None:
    assert backoff(failures) == timedelta(seconds=seconds)
