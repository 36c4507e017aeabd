from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.domain.times import month_of

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("moment", "zone", "first", "following"),
    [
        ("2030-05-31T16:00", TOKYO, "2030-05-31T15:00", "2030-06-30T15:00"),
        ("2030-05-31T14:59", TOKYO, "2030-04-30T15:00", "2030-05-31T15:00"),
        ("2030-12-31T23:00", ZoneInfo("UTC"), "2030-12-01T00:00", "2031-01-01T00:00"),
        # The clocks go forward within the month: its two ends are at different distances from UTC.
        ("2030-03-20T12:00", NEW_YORK, "2030-03-01T05:00", "2030-04-01T04:00"),
    ],
    ids=["next month there already", "still this month there", "over the year's end", "with summer time in between"],
)
def test_a_month_begins_and_ends_on_the_zone_s_clocks(moment: str, zone: ZoneInfo, first: str, following: str) -> None:
    found = month_of(datetime.fromisoformat(moment).replace(tzinfo=UTC), zone)
    assert [each.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") for each in found] == [first, following]
