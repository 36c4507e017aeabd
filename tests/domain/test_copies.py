"""When the period after another begins, and when an order that comes too late can start."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.domain.copies import is_too_close, next_period, next_start
from campaigns.domain.proposals import what_became

CAPE_TOWN, BERLIN = ZoneInfo("Africa/Johannesburg"), ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2030, 1, 10, 9, 0, tzinfo=UTC)  # 11:00 in Cape Town
WEEK = timedelta(days=7)


def test_the_next_period_begins_where_the_last_one_ends() -> None:
    ends = NOW + timedelta(days=3)
    assert next_period(ends, WEEK, NOW) == (ends, ends + WEEK)


@pytest.mark.parametrize(
    ("late", "minute"), [(timedelta(0), 0), (timedelta(microseconds=1), 1), (timedelta(seconds=1), 1)]
)
def test_the_period_after_one_that_is_over_begins_in_an_hour_at_a_full_minute(late: timedelta, minute: int) -> None:
    start = datetime(2030, 1, 10, 10, minute, tzinfo=UTC)
    assert next_period(NOW - WEEK, WEEK, NOW + late) == (start, start + WEEK)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (datetime(2030, 1, 9, 13, 0, tzinfo=UTC), datetime(2030, 1, 10, 13, 0, tzinfo=UTC)),  # later today
        (datetime(2030, 1, 10, 9, 0, tzinfo=UTC), datetime(2030, 1, 11, 9, 0, tzinfo=UTC)),  # tomorrow
        (datetime(2030, 1, 10, 9, 59, tzinfo=UTC), datetime(2030, 1, 11, 9, 59, tzinfo=UTC)),  # within the hour
        (datetime(2030, 1, 9, 10, 0, tzinfo=UTC), datetime(2030, 1, 10, 10, 0, tzinfo=UTC)),  # in exactly an hour
        (
            datetime(2029, 11, 1, 22, 30, tzinfo=UTC),
            datetime(2030, 1, 10, 22, 30, tzinfo=UTC),
        ),  # another day on the clock
    ],
)
def test_the_next_start_has_the_same_time_of_day_at_least_an_hour_from_now(start: datetime, expected: datetime) -> None:
    assert next_start(start, CAPE_TOWN, NOW) == expected


def test_the_time_of_day_is_the_zone_s_also_when_its_clocks_changed_meanwhile() -> None:
    winter = datetime(2030, 3, 30, 9, 0, tzinfo=BERLIN)
    now = datetime(2030, 3, 30, 12, 0, tzinfo=BERLIN)
    assert next_start(winter, BERLIN, now) == datetime(2030, 3, 31, 9, 0, tzinfo=BERLIN)
    assert next_start(winter, BERLIN, now).astimezone(UTC) - winter.astimezone(UTC) == timedelta(hours=23)


def test_the_day_begins_on_the_zone_s_clock() -> None:
    now = datetime(2030, 1, 9, 21, 0, tzinfo=NEW_YORK)  # the day after, in UTC
    start = datetime(2030, 1, 7, 22, 30, tzinfo=NEW_YORK)
    assert next_start(start, NEW_YORK, now) == datetime(2030, 1, 9, 22, 30, tzinfo=NEW_YORK)


def test_a_day_on_which_the_clocks_skip_that_time_is_passed_over() -> None:
    start = datetime(2030, 3, 29, 2, 30, tzinfo=BERLIN)
    now = datetime(2030, 3, 30, 12, 0, tzinfo=BERLIN)
    assert next_start(start, BERLIN, now) == datetime(2030, 4, 1, 2, 30, tzinfo=BERLIN)


@pytest.mark.parametrize(("minutes", "close"), [(-60, True), (0, True), (15, True), (16, False)])
def test_a_start_is_too_close_until_fifteen_minutes_before_it(minutes: int, close: bool) -> None:
    assert is_too_close(NOW + timedelta(minutes=minutes), NOW) is close


def test_no_start_is_never_too_close() -> None:
    assert is_too_close(None, NOW) is False


@pytest.mark.parametrize(
    ("status", "active", "words"),
    [
        ("Sold", True, "sold"),
        ("for sale", False, "inactive"),
        ("withdrawn", False, "withdrawn and inactive"),
        ("for sale", True, "on the market again"),
    ],
)
def test_what_became_of_a_listing_is_told_in_words(status: str, active: bool, words: str) -> None:
    assert what_became(status, active=active) == words
