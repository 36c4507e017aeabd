"""Many campaigns are asked about at once; a slow answer holds nobody up, and a 429 stops the asking."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from campaigns.flow import CampaignStatus, NotFound, TooManyRequests
from campaigns.gateway import MOST_SLOW
from campaigns.services import polling
from campaigns.services.polling import Poll, Polling, Question

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PATIENCE = 20.0  # seconds for what must come


def question(number: int, *, seconds: float = 60) -> Question:
    return Question(number, "mark", f"queue_{number}", 0, time.monotonic() + seconds)


def answer(tracking_id: str) -> CampaignStatus:
    return CampaignStatus(status="active", message=tracking_id, campaign_id=None, http_status=200)


def asking(ask: Callable[[str], CampaignStatus], at_once: int) -> Polling:
    return Polling(ask, at_once, lambda: NOW)


def until(is_so: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        step()
        time.sleep(0.005)


def all_of(asked: Polling) -> list[Poll]:
    polls: list[Poll] = []
    until(lambda: asked.is_over, lambda: polls.extend(asked.arrived(0.05)))
    return polls


class Flow:
    """Answers every id at once, but those named only when they are let go; notes who was asked."""

    def __init__(self, *slow: int) -> None:
        self.slow = {f"queue_{number}" for number in slow}
        self.let_go = threading.Event()
        self.asked: list[str] = []

    def __call__(self, tracking_id: str) -> CampaignStatus:
        self.asked.append(tracking_id)
        if tracking_id in self.slow:
            assert self.let_go.wait(PATIENCE)
        return answer(tracking_id)


def test_every_question_comes_back_with_its_answer() -> None:
    with asking(Flow(), 4) as asked:
        asked.ask(question(number) for number in range(20))
        polls = all_of(asked)
    assert sorted(poll.question.campaign_id for poll in polls) == list(range(20))
    assert all(poll.answer == answer(poll.question.tracking_id) and poll.asked_at == NOW for poll in polls)


def test_a_slow_answer_gives_its_place_to_another_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SLOW_AFTER", 0.05)
    flow = Flow(0)
    with asking(flow, 1) as asked:
        asked.ask(question(number) for number in range(3))
        polls: list[Poll] = []

        def look() -> None:
            asked.relieve()
            polls.extend(asked.arrived(0.01))

        until(lambda: len(polls) == 2, look)
        assert [poll.question.campaign_id for poll in polls] == [1, 2]
        assert asked.waits_for_slow_ones_alone
        assert not asked.is_over
        flow.let_go.set()
        (late,) = all_of(asked)
    assert late.answer == answer("queue_0")


def test_slow_answers_that_keep_nobody_waiting_are_known_as_slow_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SLOW_AFTER", 0.2)
    flow = Flow(0, 1)
    with asking(flow, 4) as asked:
        asked.ask(question(number) for number in range(4))
        until(lambda: len(flow.asked) == 4)
        assert not asked.waits_for_slow_ones_alone
        until(lambda: asked.waits_for_slow_ones_alone, asked.relieve)
        assert len(asked.arrived(0)) == 2
        flow.let_go.set()
        assert len(all_of(asked)) == 2


def test_an_answer_that_is_not_slow_yet_keeps_its_place() -> None:
    flow = Flow(0)
    with asking(flow, 1) as asked:
        asked.ask([question(0), question(1)])
        until(lambda: flow.asked == ["queue_0"])
        asked.relieve()
        time.sleep(0.05)
        assert flow.asked == ["queue_0"]
        flow.let_go.set()
        assert len(all_of(asked)) == 2


def test_slow_answers_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "SLOW_AFTER", 0.01)
    flow = Flow(*range(10))
    with asking(flow, 1) as asked:
        asked.ask(question(number) for number in range(10))
        until(lambda: len(flow.asked) == 1 + MOST_SLOW, asked.relieve)
        for _ in range(10):
            time.sleep(0.02)
            asked.relieve()
        assert len(flow.asked) == 1 + MOST_SLOW
        flow.let_go.set()
        assert len(all_of(asked)) == 10


def test_a_429_stops_the_asking_and_the_rest_comes_back_without_an_answer() -> None:
    limit = TooManyRequests("Flow asks for fewer requests.", retry_after=60)
    asked_ids: list[str] = []

    def refuse(tracking_id: str) -> CampaignStatus:
        asked_ids.append(tracking_id)
        raise limit

    with asking(refuse, 1) as asked:
        asked.ask(question(number) for number in range(5))
        polls = all_of(asked)
    assert asked_ids == ["queue_0"]
    assert [poll.answer for poll in polls] == [limit, None, None, None, None]
    assert list(asked.limits) == [limit]


def test_what_waited_too_long_is_not_asked_about() -> None:
    flow = Flow()
    with asking(flow, 1) as asked:
        asked.ask([question(0, seconds=-1)])
        (poll,) = all_of(asked)
    assert poll.answer is None
    assert flow.asked == []


def test_a_fault_of_flow_is_an_answer() -> None:
    def fail(_: str) -> CampaignStatus:
        raise NotFound("Flow does not know it.")

    with asking(fail, 1) as asked:
        asked.ask([question(0)])
        (poll,) = all_of(asked)
    assert isinstance(poll.answer, NotFound)


def test_a_fault_of_ours_is_raised_where_the_answers_are_waited_for() -> None:
    def fail(_: str) -> CampaignStatus:
        raise ZeroDivisionError

    def ask() -> None:
        with asking(fail, 1) as asked:
            asked.ask([question(0)])
            all_of(asked)

    with pytest.raises(ZeroDivisionError):
        ask()
