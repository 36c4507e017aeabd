"""How long a GET waits before it is asked again."""

import random
from types import SimpleNamespace

import pytest
import tenacity

from campaigns.flow import Interrupted
from campaigns.flow.retry import retrying


def test_waits_a_random_part_of_a_time_that_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def the_longest(least: float, most: float) -> float:
        assert least == 0
        return most

    def breaks() -> None:
        raise Interrupted("Broken.")

    monkeypatch.setattr(random, "uniform", the_longest)
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=waited.append))

    with pytest.raises(Interrupted):
        retrying(10)(breaks)

    assert waited == [0.2, 0.4]
