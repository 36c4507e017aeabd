"""Where something lies in the weeks of a calendar, and what overlaps."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.domain.calendar import Run, Weeks, end_of, overlaps, shared, weeks_around
from campaigns.domain.states import FINAL_PHASES, Phase

LISBON, UTC_ZONE = ZoneInfo("Europe/Lisbon"), ZoneInfo("UTC")
MONDAY = date(2030, 3, 4)
FOUR = Weeks(MONDAY, 4, UTC_ZONE)
ZONES = st.sampled_from([LISBON, UTC_ZONE, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Africa/Cairo")])
MOMENTS = st.datetimes(datetime(2030, 2, 20), datetime(2030, 4, 20), timezones=st.just(UTC))  # noqa: DTZ001


def day(number: int, hour: int = 0) -> datetime:
    """Return a moment of March 2030."""
    return datetime(2030, 3, 1, hour, tzinfo=UTC) + timedelta(days=number - 1)


def run(campaign: int, first: int, after: int | None, order: int | None = None) -> Run:
    return Run(campaign, order or campaign, day(first), None if after is None else day(after))


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    def one(campaign: int) -> Run:
        start = draw(MOMENTS)
        end = start + timedelta(minutes=draw(st.integers(1, 90_000))) if draw(st.booleans()) else None
        return Run(campaign, draw(st.integers(1, 4)), start, end)

    return [one(campaign) for campaign in range(draw(st.integers(0, 8)))]


def test_weeks_begin_on_the_monday_of_the_day_at_midnight_of_their_zone() -> None:
    weeks = weeks_around(date(2030, 3, 10), 4, ZoneInfo("Asia/Tokyo"))
    assert (weeks.monday, weeks.day_of(4, -1)) == (MONDAY, date(2030, 3, 31))
    assert weeks.day_of(1) == date(2030, 3, 11)
    assert weeks.start == datetime(2030, 3, 3, 15, tzinfo=UTC)
    assert weeks.after == datetime(2030, 3, 31, 15, tzinfo=UTC)


def test_weeks_in_which_the_clocks_change_are_as_long_as_they_are() -> None:
    weeks = Weeks(date(2030, 3, 25), 1, LISBON)
    assert weeks.after - weeks.start == timedelta(days=7, hours=-1)
    assert weeks.place(weeks.midnight(date(2030, 4, 1))) == 1


@given(st.dates(), st.integers(1, 8), ZONES)
def test_any_day_gives_weeks_of_years_that_orders_may_have(asked: date, number: int, zone: ZoneInfo) -> None:
    weeks = weeks_around(asked, number, zone)
    assert weeks.monday.weekday() == 0
    assert weeks.monday.year >= 2000
    assert weeks.day_of(2 * number, -1).year <= 3000
    if date(2000, 1, 3) <= asked <= date(2999, 10, 1):
        assert weeks.monday <= asked < weeks.day_of(1)


def test_the_last_weeks_end_with_the_last_week_of_an_order() -> None:
    assert weeks_around(date.max, 4, UTC_ZONE).monday == date(2999, 11, 25)
    assert weeks_around(date.min, 4, UTC_ZONE).monday == date(2000, 1, 3)


@pytest.mark.parametrize(
    ("moment", "place"),
    [(day(4), 0.0), (day(18), 0.5), (day(11), 0.25), (day(3), 0.0), (day(32), 1.0), (day(60), 1.0)],
)
def test_a_moment_lies_where_it_is_between_the_first_and_the_last_day(moment: datetime, place: float) -> None:
    assert FOUR.place(moment) == place


@given(MOMENTS, MOMENTS, ZONES)
def test_a_later_moment_never_lies_further_left(one: datetime, other: datetime, zone: ZoneInfo) -> None:
    weeks = Weeks(MONDAY, 4, zone)
    earlier, later = sorted((one, other))
    assert 0 <= weeks.place(earlier) <= weeks.place(later) <= 1
    assert (0 < weeks.place(one) < 1) == (weeks.start < one < weeks.after)


def test_what_runs_at_the_same_time_for_another_order_overlaps() -> None:
    first, second, third = run(1, 1, 10), run(2, 9, 20), run(3, 20, 22)
    assert overlaps([third, second, first]) == {1: [second], 2: [first]}


def test_an_end_at_the_moment_of_the_next_start_is_no_overlap() -> None:
    before, after = run(1, 1, 10), run(2, 10, 20)
    assert overlaps([before, after]) == {}
    assert (before.meets(after), after.meets(before)) == (False, False)


def test_campaigns_of_one_order_are_no_overlap() -> None:
    assert overlaps([run(1, 1, 10, order=7), run(2, 1, 10, order=7)]) == {}


def test_what_has_no_end_overlaps_everything_that_begins_later() -> None:
    endless, later = run(1, 1, None), run(2, 300, 301)
    assert overlaps([endless, later]) == {1: [later], 2: [endless]}


@given(runs())
def test_overlaps_are_exactly_the_pairs_of_different_orders_with_a_moment_in_common(all_runs: list[Run]) -> None:
    found = {campaign: {other.campaign for other in others} for campaign, others in overlaps(all_runs).items()}
    far = datetime(9999, 1, 1, tzinfo=UTC)
    expected: dict[int, set[int]] = {}
    for one in all_runs:
        for other in all_runs:
            common = max(one.start, other.start) < min(one.end or far, other.end or far)
            if one.order != other.order and common:
                expected.setdefault(one.campaign, set()).add(other.campaign)
    assert found == expected


def test_the_shared_stretches_are_joined_and_cut_at_the_edges_of_the_weeks() -> None:
    long = run(1, 1, None)
    others = [run(2, 2, 6), run(3, 5, 8), run(4, 8, 9), run(5, 20, 60)]
    assert shared(long, others, FOUR) == [(day(4), day(9)), (day(20), day(32))]
    assert shared(run(1, 10, 12), [run(2, 12, 14)], FOUR) == []
    assert shared(run(1, 1, 60), [run(2, 20, 70)], FOUR) == [(day(20), day(32))]
    assert shared(run(1, 10, 12), [run(2, 5, 11)], FOUR) == [(day(10), day(11))]


@given(runs(), MOMENTS)
def test_a_moment_is_in_a_shared_stretch_exactly_when_another_runs_as_well(
    all_runs: list[Run], moment: datetime
) -> None:
    if not all_runs:
        return
    one, *others = all_runs
    stretches = shared(one, others, FOUR)

    def on(each: Run) -> bool:
        return each.start <= moment and (each.end is None or moment < each.end)

    inside = FOUR.start <= moment < FOUR.after
    assert any(first <= moment < after for first, after in stretches) == (
        inside and on(one) and any(on(each) for each in others)
    )
    assert all(before[1] < after[0] for before, after in pairwise(stretches))


@pytest.mark.parametrize("phase", sorted(FINAL_PHASES))
def test_a_campaign_that_is_over_ended_when_it_was_over_if_that_was_before_its_end(phase: Phase) -> None:
    assert end_of(phase, day(20), day(10)) == day(10)
    assert end_of(phase, None, day(10)) == day(10)
    assert end_of(phase, day(5), day(10)) == day(5)
    assert end_of(phase, day(5), None) == day(5)
    assert end_of(phase, None, None) is None


@pytest.mark.parametrize("phase", sorted(set(Phase) - FINAL_PHASES))
def test_any_other_campaign_ends_as_planned(phase: Phase) -> None:
    assert end_of(phase, day(20), day(10)) == day(20)
    assert end_of(phase, None, day(10)) is None
