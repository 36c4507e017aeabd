"""Local times that a zone skips, has twice, or that nobody means; and times in words."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.domain.times import in_utc, in_zone, lasted, midnight, month_of, shown, week_from, weeks_about, window

LISBON = ZoneInfo("Europe/Lisbon")


def test_finds_the_moment_that_the_zone_shows() -> None:
    assert in_zone(datetime.fromisoformat("2030-07-01 09:00"), LISBON) == datetime(2030, 7, 1, 8, 0, tzinfo=UTC)


def test_explains_a_time_that_the_clocks_skip() -> None:
    with pytest.raises(ValueError, match="does not exist") as caught:
        in_zone(datetime.fromisoformat("2030-03-31 01:30"), LISBON)

    assert str(caught.value) == (
        "01:30 on 31 Mar 2030 does not exist in Europe/Lisbon: the clocks go forward past it. "
        "Choose another time, such as 31 Mar 2030, 02:30 WEST."
    )


def test_explains_a_time_that_the_clocks_show_twice() -> None:
    with pytest.raises(ValueError, match="happens twice") as caught:
        in_zone(datetime.fromisoformat("2030-10-27 01:30"), LISBON)

    assert str(caught.value) == (
        "01:30 on 27 Oct 2030 happens twice in Europe/Lisbon: as 27 Oct 2030, 01:30 WEST and again as "
        "27 Oct 2030, 01:30 WET, because the clocks go back. Choose a time at least an hour earlier or later."
    )


@pytest.mark.parametrize("year", [1, 27, 1999, 3000, 9999])
def test_refuses_a_year_that_nobody_means(year: int) -> None:
    with pytest.raises(ValueError, match=rf"^{year} is not a year to advertise in\."):
        in_zone(datetime.fromisoformat(f"{year:04}-12-31 23:59"), LISBON)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(days=-1), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(seconds=60), "1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=3, minutes=20), "3 h 20 min"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, minutes=59), "1 day"),
        (timedelta(days=2, hours=4, minutes=5), "2 days 4 h"),
    ],
)
def test_says_how_long_something_lasted(age: timedelta, words: str) -> None:
    assert lasted(age) == words


def test_writes_a_moment_in_utc_to_the_second() -> None:
    assert in_utc(datetime(2030, 7, 1, 9, 0, 5, 999_999, tzinfo=LISBON)) == "1 Jul 2030, 08:00:05 UTC"


def test_a_window_is_widened_to_whole_seconds() -> None:
    first = datetime(2030, 1, 1, 9, 0, 5, 900_000, tzinfo=UTC)
    assert window(first, first + timedelta(seconds=20.2)) == "1 Jan 2030, 09:00:05 to 09:00:27 UTC"
    assert window(first, first) == "1 Jan 2030, 09:00:05 to 09:00:06 UTC"
    whole = first.replace(microsecond=0)
    assert window(whole, whole + timedelta(seconds=20)) == "1 Jan 2030, 09:00:05 to 09:00:25 UTC"


def test_a_window_over_midnight_names_both_days() -> None:
    first = datetime(2030, 1, 31, 23, 59, 50, tzinfo=UTC)
    assert window(first, first + timedelta(seconds=20)) == "31 Jan 2030, 23:59:50 to 1 Feb 2030, 00:00:10 UTC"


@pytest.mark.parametrize("year", [2000, 2999])
def test_takes_every_year_of_the_two_millennia_in_which_advertisements_may_run(year: int) -> None:
    assert in_zone(datetime(year, 1, 1, 9, 0), LISBON) == datetime(year, 1, 1, 9, 0, tzinfo=UTC)  # noqa: DTZ001


@pytest.fixture
def _machine_in_johannesburg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Africa/Johannesburg")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_machine_in_johannesburg")
def test_tells_a_moment_in_utc_wherever_the_machine_stands() -> None:
    assert in_utc(datetime(2026, 3, 12, 10, 0, 5, tzinfo=ZoneInfo("Europe/Berlin"))) == "12 Mar 2026, 09:00:05 UTC"
    first = datetime(2030, 1, 31, 22, 30, tzinfo=UTC)
    assert window(first, first) == "31 Jan 2030, 22:30:00 to 22:30:00 UTC"


@pytest.mark.usefixtures("_machine_in_johannesburg")
def test_shows_a_moment_by_the_clocks_of_the_zone_wherever_the_machine_stands() -> None:
    moment = datetime(2030, 1, 1, 23, 6, 32, tzinfo=UTC)

    assert shown(moment, ZoneInfo("Africa/Johannesburg")) == "2 Jan 2030, 01:06 SAST"
    assert shown(moment, ZoneInfo("America/New_York")) == "1 Jan 2030, 18:06 EST"


def test_a_month_goes_from_midnight_to_midnight_on_the_zone_s_clocks() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    last_evening_of_january_in_utc = datetime(2030, 1, 31, 20, tzinfo=UTC)
    assert month_of(last_evening_of_january_in_utc, tokyo) == (
        datetime(2030, 1, 31, 15, tzinfo=UTC),
        datetime(2030, 2, 28, 15, tzinfo=UTC),
    )
    assert month_of(datetime(2030, 12, 31, tzinfo=UTC), LISBON) == (
        datetime(2030, 12, 1, tzinfo=UTC),
        datetime(2031, 1, 1, tzinfo=UTC),
    )
    assert month_of(datetime(2030, 3, 31, 12, tzinfo=UTC), LISBON) == (
        datetime(2030, 3, 1, tzinfo=UTC),
        datetime(2030, 3, 31, 23, tzinfo=UTC),
    )


def test_a_day_whose_midnight_the_clocks_skip_begins_when_they_go_on() -> None:
    assert midnight(date(2025, 4, 25), ZoneInfo("Africa/Cairo")) == datetime(2025, 4, 24, 22, tzinfo=UTC)
    assert midnight(date(2025, 4, 25), ZoneInfo("Africa/Cairo")).tzinfo is UTC


def test_the_weeks_about_a_moment_are_those_before_its_own_on_the_zone_s_clocks_and_after() -> None:
    sunday_evening_in_utc = datetime(2030, 3, 10, 23, tzinfo=UTC)
    in_lisbon = [date(2030, 2, 25), date(2030, 3, 4), date(2030, 3, 11), date(2030, 3, 18)]
    assert weeks_about(sunday_evening_in_utc, LISBON, 1, 2) == in_lisbon
    assert weeks_about(sunday_evening_in_utc, ZoneInfo("Asia/Tokyo"), 0, 0) == [date(2030, 3, 11)]


def test_a_week_in_which_the_clocks_go_forward_is_an_hour_shorter() -> None:
    first, after = week_from(date(2030, 3, 25), LISBON)
    assert (first, after) == (datetime(2030, 3, 25, tzinfo=UTC), datetime(2030, 3, 31, 23, tzinfo=UTC))
