"""Local times that a zone skips, has twice, or that nobody means."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.domain.times import in_zone

LISBON = ZoneInfo("Europe/Lisbon")


def test_finds_the_moment_that_the_zone_shows() -> None:
    assert in_zone(datetime.fromisoformat("2030-07-01 09:00"), LISBON) == datetime(2030, 7, 1, 8, 0, tzinfo=UTC)


def test_explains_a_time_that_the_clocks_skip() -> None:
    with pytest.raises(ValueError, match=r"^01:30 on 31 Mar 2030 does not exist in Europe/Lisbon: .*02:30 WEST\.$"):
        in_zone(datetime.fromisoformat("2030-03-31 01:30"), LISBON)


def test_explains_a_time_that_the_clocks_show_twice() -> None:
    with pytest.raises(ValueError, match=r"^01:30 on 27 Oct 2030 happens twice in Europe/Lisbon: "):
        in_zone(datetime.fromisoformat("2030-10-27 01:30"), LISBON)


@pytest.mark.parametrize("year", [1, 27, 1999, 3000, 9999])
def test_refuses_a_year_that_nobody_means(year: int) -> None:
    with pytest.raises(ValueError, match=rf"^{year} is not a year to advertise in\."):
        in_zone(datetime.fromisoformat(f"{year:04}-12-31 23:59"), LISBON)
