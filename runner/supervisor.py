"""Keep a table of processes running until somebody presses Ctrl-C, or until one of them keeps dying."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from runner.children import Child, Process
from runner.output import say

PAUSE = 0.1
LOOK_AGAIN_AFTER = 0.3
RESTART_AFTER = 1.0
DEATHS_ALLOWED = 5
DEATHS_WITHIN = 120.0
LAST_WORDS = 20
TELL_EVERY = 10.0
FIRST_WORD_AFTER = 2.0
SAME_PRESS_WITHIN = 0.5


class Supervisor:
    """Starts, watches, restarts and ends the processes of a table."""

    def __init__(self, processes: Sequence[Process], welcome: str) -> None:
        self.children = [Child(process) for process in processes]
        self.welcome = welcome
        self.welcomed = False
        self.asked_to_end = 0
        self._last_asked = 0.0
        self._next_look = 0.0
        self._next_word = 0.0
        self._started_by = os.getppid()

    def run(self) -> int:
        """Run until asked to end (returns 0) or until a process keeps dying (returns 1). Leaves no process behind."""
        with self._hearing_signals():
            try:
                for child in self.children:
                    child.start()
                self._next_word = time.monotonic() + TELL_EVERY
                hopeless = self._watch()
                self._end(hopeless)
            finally:
                for child in self.children:
                    child.kill()
        if hopeless:
            self._tell_last_words(hopeless)
        return 1 if hopeless else 0

    @contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        """Count Ctrl-C and its like instead of raising in the middle of something."""
        heard = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._hear) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._last_asked > SAME_PRESS_WITHIN:  # make passes on a SIGTERM that the whole group had already
            self.asked_to_end += 1
        self._last_asked = now

    # While all goes well ----------------------------------------------------------------------------------------------
    def _watch(self) -> Child | None:
        """Keep everything running; return the child that keeps dying, or None when asked to end."""
        while not self.asked_to_end:
            for child in self.children:
                self._pass_on(child.read(), child)
                if self._keep_running(child):
                    return child
            self._look_who_answers()
            self._end_with_starter()
            time.sleep(PAUSE)
        return None

    def _keep_running(self, child: Child) -> bool:
        """Start the child again if it has ended; return whether that is hopeless."""
        now = time.monotonic()
        if child.popen is None:
            if now >= child.starts_at:
                child.start()
            return False
        if not child.has_ended():
            return False
        self._pass_on(child.read_rest(), child)
        child.deaths = [then for then in child.deaths if now - then < DEATHS_WITHIN] + [now]
        how = child.how_it_ended()
        child.close()
        child.starts_at = now + RESTART_AFTER
        if len(child.deaths) >= DEATHS_ALLOWED:
            say(f"{child.name} has ended ({how}), time {DEATHS_ALLOWED} within {DEATHS_WITHIN:g} s. Ending everything.")
            return True
        say(f"{child.name} has ended ({how}). Starting it again, time {len(child.deaths)} of {DEATHS_ALLOWED - 1}.")
        return False

    def _look_who_answers(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        missing = [f"{child.name} ({why})" for child in self.children if (why := self._why_silent(child))]
        self._next_look = time.monotonic() + LOOK_AGAIN_AFTER
        if not missing and not self.welcomed:
            self.welcomed = True
            say(self.welcome)
        if missing and now >= self._next_word:
            self._next_word = now + TELL_EVERY
            say(f"Still waiting for {', '.join(missing)}.")

    def _why_silent(self, child: Child) -> str:
        if child.popen is None:
            return "it has ended"
        if child.answered:
            return ""
        why = child.process.answers(child)
        child.answered = not why
        if child.answered and self.welcomed:
            say(f"{child.name} answers again.")
        return why

    def _end_with_starter(self) -> None:
        """Count a starter that vanished (a closed terminal, a killed make) as Ctrl-C: nobody is left to press it."""
        if os.getppid() != self._started_by:
            say("The program that started this one is gone.")
            self.asked_to_end += 1

    # The end ----------------------------------------------------------------------------------------------------------
    def _end(self, hopeless: Child | None) -> None:
        self.asked_to_end = max(self.asked_to_end, 1)
        if hopeless is None:
            say("Ending. What is under way is finished first; press Ctrl-C again only if that can't wait.")
        self._end_these([child for child in self.children if not child.process.ends_last])
        self._end_these([child for child in self.children if child.process.ends_last])
        say("All processes have ended.")

    def _end_these(self, children: Sequence[Child]) -> None:
        running = [child for child in children if child.popen]
        for child in running:
            child.ask_to_end()
        began = time.monotonic()
        next_word = began + FIRST_WORD_AFTER
        while running := [child for child in running if not self._is_over(child)]:
            waited = time.monotonic() - began
            for child in running:
                self._cut_short_if_due(child, waited)
            if began + waited >= next_word:
                next_word += TELL_EVERY
                self._tell_wait(running, waited)
            time.sleep(PAUSE)

    def _is_over(self, child: Child) -> bool:
        self._pass_on(child.read(), child)
        if not child.has_ended():
            return False
        self._pass_on(child.read_rest(), child)
        child.close()
        return True

    def _cut_short_if_due(self, child: Child, waited: float) -> None:
        """Kill what took longer than its patience, or at the second Ctrl-C what others don't need any more."""
        hurried = self.asked_to_end > 1 and not child.process.ends_last
        if child.cut or not (hurried or waited > child.process.patience):
            return
        child.cut = True
        child.kill()
        why = "is killed" if hurried else f"did not end within {child.process.patience:g} s and is killed"
        say(f"{child.name} {why}. {child.process.cut_short}".rstrip())

    def _tell_wait(self, running: Sequence[Child], waited: float) -> None:
        for child in running:
            what = f": {child.process.waiting_for}" if child.process.waiting_for else ""
            say(f"Waiting for {child.name}, {waited:.0f} s of at most {child.process.patience:.0f} s{what}.")

    # Words ------------------------------------------------------------------------------------------------------------
    def _pass_on(self, lines: Sequence[str], child: Child) -> None:
        for line in lines:
            say(line, child.name)

    def _tell_last_words(self, child: Child) -> None:
        words = list(child.lines)[-LAST_WORDS:]
        say(f"{child.name} kept ending, so nothing runs now. Its last words:")
        for line in words or ["(it said nothing)"]:
            say(line, child.name)
