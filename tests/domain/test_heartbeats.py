from datetime import UTC, datetime, timedelta

import pytest

from campaigns.domain.heartbeats import Part, is_late, late_after

NOW = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def test_the_beat_may_be_silent_for_a_minute() -> None:
    assert late_after(Part.BEAT, 105) == MINUTE


def test_a_worker_may_be_silent_for_one_long_task_and_its_turn_before() -> None:
    assert late_after(Part.WORKER, 105) == timedelta(seconds=150)


@pytest.mark.parametrize("part", [Part.PUBLISH, Part.SYNC])
def test_where_there_is_nothing_to_do_silence_is_no_fault(part: Part) -> None:
    assert late_after(part, 105) is None


@pytest.mark.parametrize(
    ("last", "late"),
    [
        (None, True),
        (NOW, False),
        (NOW - MINUTE, False),
        (NOW - MINUTE - TICK, True),
        (NOW + MINUTE, False),
        (NOW + MINUTE + TICK, True),
    ],
)
def test_a_part_is_late_that_was_never_heard_or_not_lately_or_in_the_future_alone(
    last: datetime | None, late: bool
) -> None:
    assert is_late(last, MINUTE, NOW) is late
