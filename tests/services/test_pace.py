from datetime import timedelta

import pytest

from campaigns.flow import TooManyRequests
from campaigns.models import Hold
from campaigns.services import pace
from tests.services.building import MINUTE, NOW, SECOND, at_once


def slow_down(seconds: float | None) -> TooManyRequests:
    return TooManyRequests("Slow down.", retry_after=seconds)


def test_holds_nobody_at_first(db: None) -> None:
    assert pace.held_until(NOW) is None


def test_holds_everybody_as_long_as_flow_asks(db: None) -> None:
    assert pace.hold(slow_down(90), now=NOW) == NOW + 90 * SECOND

    assert pace.held_until(NOW) == NOW + 90 * SECOND
    assert pace.held_until(NOW + 89 * SECOND) == NOW + 90 * SECOND
    assert pace.held_until(NOW + 90 * SECOND) is None


def test_holds_for_a_minute_where_flow_does_not_say(db: None) -> None:
    assert pace.hold(slow_down(None), now=NOW) == NOW + MINUTE


def test_never_shortens_a_longer_wish(db: None) -> None:
    pace.hold(slow_down(600), now=NOW)

    assert pace.hold(slow_down(1), now=NOW + SECOND) == NOW + 600 * SECOND
    assert pace.held_until(NOW + 2 * SECOND) == NOW + 600 * SECOND


def test_holds_anew_when_the_old_wish_is_over(db: None) -> None:
    pace.hold(slow_down(10), now=NOW)

    assert pace.hold(slow_down(10), now=NOW + MINUTE) == NOW + MINUTE + 10 * SECOND


def test_a_hold_that_a_clock_ahead_wrote_holds_nobody_and_gives_way(db: None) -> None:
    pace.hold(slow_down(60), now=NOW + timedelta(days=1))

    assert pace.held_until(NOW) is None
    assert pace.hold(slow_down(90), now=NOW) == NOW + 90 * SECOND
    assert pace.held_until(NOW) == NOW + 90 * SECOND
    assert pace.hold(slow_down(1), now=NOW) == NOW + 90 * SECOND


def test_the_longest_hold_that_flow_can_ask_for_is_kept(db: None) -> None:
    assert pace.hold(slow_down(3600), now=NOW + MINUTE) == NOW + 61 * MINUTE

    assert pace.held_until(NOW) == NOW + 61 * MINUTE
    assert pace.held_until(NOW - SECOND) is None


@pytest.mark.parametrize("seconds", [0, 0.0])
def test_holds_nobody_where_flow_says_at_once(db: None, seconds: float) -> None:
    assert pace.hold(slow_down(seconds), now=NOW) == NOW

    assert pace.held_until(NOW) is None


@pytest.mark.django_db(transaction=True)
def test_keeps_the_longest_of_many_wishes_that_come_at_once() -> None:
    at_once(*[lambda seconds=seconds: pace.hold(slow_down(seconds), now=NOW) for seconds in range(10, 90, 10)])

    assert pace.held_until(NOW) == NOW + timedelta(seconds=80)
    assert Hold.objects.count() == 1
