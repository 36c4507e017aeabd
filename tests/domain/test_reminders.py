"""Reminders come after 5 minutes, after an hour, then daily; those that were missed are passed over."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.domain.reminders import due_at, newest_due

SINCE = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3_600, 86_400))
JUST_BEFORE = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("age", "number"),
    [
        (-DAY, 0),
        (timedelta(0), 0),
        (5 * MINUTE - JUST_BEFORE, 0),
        (5 * MINUTE, 1),
        (HOUR - JUST_BEFORE, 1),
        (HOUR, 2),
        (HOUR + DAY - JUST_BEFORE, 2),
        (HOUR + DAY, 3),
        (HOUR + 2 * DAY - JUST_BEFORE, 3),
        (HOUR + 2 * DAY, 4),
        (HOUR + 30 * DAY, 32),
    ],
)
def test_the_newest_reminder_that_is_due(age: timedelta, number: int) -> None:
    assert newest_due(SINCE, SINCE + age) == number


def test_when_each_reminder_is_due() -> None:
    assert [due_at(number, SINCE) - SINCE for number in (1, 2, 3, 4)] == [5 * MINUTE, HOUR, HOUR + DAY, HOUR + 2 * DAY]


@given(st.integers(min_value=1, max_value=10_000))
def test_a_reminder_is_the_newest_from_its_moment_on(number: int) -> None:
    moment = due_at(number, SINCE)
    assert newest_due(SINCE, moment - JUST_BEFORE) == number - 1
    assert newest_due(SINCE, moment) == number
