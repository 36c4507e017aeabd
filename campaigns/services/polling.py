"""Ask Flow about many campaigns at once, in threads; a slow answer gives its place to another campaign."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from campaigns.flow import CampaignStatus, FlowError, TooManyRequests
from campaigns.gateway import MOST_SLOW

SLOW_AFTER = 1.0  # seconds after which an answer gives its place to another campaign

Clock = Callable[[], datetime]


@dataclass(frozen=True, eq=False)
class Question:
    """A campaign to ask about, as it was when it was claimed; after `too_late` (time.monotonic) it is not asked about."""

    campaign_id: int
    mark: str
    tracking_id: str
    command_number: int
    too_late: float


@dataclass(frozen=True)
class Poll:
    """A question to Flow, and what came of it; None where it was not asked after all."""

    question: Question
    asked_at: datetime
    answer: CampaignStatus | FlowError | None


class Polling:
    """Threads that ask, `at_once` of them, and one more for each whose answer is slow: at most MOST_SLOW times as many.

    `limits` are the 429s that came, oldest first; the first of them stops the asking. Its threads never touch the database.
    """

    def __init__(self, ask: Callable[[str], CampaignStatus], at_once: int, clock: Clock) -> None:
        self._ask_flow = ask
        self._at_once = at_once
        self._clock = clock
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        # What several threads change is changed by single steps of the interpreter.
        self._came: deque[Poll | BaseException] = deque()
        self._prompt: dict[Question, float] = {}
        self._slow: dict[Question, float] = {}
        self._stopped, self._wake = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._places = 0
        self._few = 0
        self._left = 0
        self.limits: deque[TooManyRequests] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for _ in self._threads:
            self._questions.put(None)
        for thread in self._threads:
            thread.join()

    @property
    def is_over(self) -> bool:
        """Say whether every question has come back."""
        return not self._left

    @property
    def waits_for_slow_ones_alone(self) -> bool:
        """Say whether nobody waits to be asked about, and whatever is under way is slow."""
        long_ago = time.monotonic() - SLOW_AFTER
        return self._questions.empty() and all(began <= long_ago for began in self._prompt.copy().values())

    def wants_more(self, few: int) -> bool:
        """Say whether no more than a few campaigns wait to be asked about; `arrived` ends once that is so."""
        self._few = few
        return self._questions.qsize() <= few

    def ask(self, questions: Iterable[Question]) -> None:
        """Ask these as well, after those that wait."""
        for question in questions:
            self._left += 1
            self._questions.put(question)
            if self._places < min(self._left, self._at_once):
                self._places += 1
                self._start()

    def arrived(self, seconds: float) -> list[Poll]:
        """Return what came, after so many seconds, or sooner if a 429 came or few campaigns wait to be asked about."""
        if self._left:
            self._wake.wait(seconds)
        self._wake.clear()
        polls = []
        while self._came:
            came = self._came.popleft()
            if isinstance(came, BaseException):
                raise came
            polls.append(came)
        self._left -= len(polls)
        return polls

    def relieve(self) -> None:
        """Let another campaign be asked about for each whose answer is slow."""
        long_ago = time.monotonic() - SLOW_AFTER
        for question, began in self._prompt.copy().items():
            if began > long_ago or self._questions.empty() or len(self._slow) >= MOST_SLOW * self._at_once:
                continue
            self._slow[question] = began
            if self._prompt.pop(question, None) is None:  # it has come in this moment
                self._slow.pop(question, None)
            else:
                self._start()

    def stop(self) -> None:
        """Ask nobody any more: the questions that wait come back without an answer."""
        self._stopped.set()

    def _start(self) -> None:
        self._threads.append(threading.Thread(target=self._work, name="sync"))
        self._threads[-1].start()

    def _work(self) -> None:
        while question := self._questions.get():
            self._prompt[question] = time.monotonic()
            try:
                came: Poll | BaseException = self._poll(question)
            except BaseException as error:  # noqa: BLE001 - raised where the answers are waited for
                came = error
            was_prompt = self._prompt.pop(question, None) is not None
            self._slow.pop(question, None)
            self._came.append(came)
            if self.limits or self._questions.qsize() <= self._few or isinstance(came, BaseException):
                self._wake.set()
            if not was_prompt:  # another thread has taken its place
                return

    def _poll(self, question: Question) -> Poll:
        asked_at = self._clock()
        if self._stopped.is_set() or time.monotonic() > question.too_late:
            return Poll(question, asked_at, None)
        try:
            return Poll(question, asked_at, self._ask_flow(question.tracking_id))
        except TooManyRequests as error:
            self.limits.append(error)
            self.stop()
            return Poll(question, asked_at, error)
        except FlowError as error:
            return Poll(question, asked_at, error)
