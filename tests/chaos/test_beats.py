"""Case 7: two beats double every message, beat is away for an hour, its clock is wrong: each thing is done once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.chaos.beat_app import READY, SENT
from tests.chaos.flow import Answer, ids_of
from tests.chaos.nasty_console import Console, nasty_console
from tests.chaos.table import Case
from tests.flow.nasty_server import says
from tests.processes.site import BEAT, CELERY, WORKER
from tests.processes.stacks import BOTH
from tests.run.running import Running

pytestmark = pytest.mark.processes

QUEUED = 4
TEN_MINUTES, AN_HOUR = 600.0, 3600.0
TWO_MINUTES = 120.0
HALF_AN_HOUR = 1800
SANE = 3  # at most: due at once, after the command, and once more to be sure
PAUSED_IS_ASKED_ABOUT_EVERY = 27.0  # seconds at least
MOVED_BEAT = (*CELERY[:-1], "tests.chaos.beat_app", "beat", "--loglevel", "INFO")


@pytest.fixture(scope="module", params=BOTH)
def console(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of this module's own, on each stack."""
    with nasty_console(request, request.param, tmp_path_factory.mktemp("beats")) as console:
        yield console


@pytest.mark.timeout(600)
def test_two_beats_double_every_message_and_nothing_is_done_twice(console: Console, case: Case) -> None:
    end_everything(console)
    work = leave_work(console, "pair-", TEN_MINUTES)
    beats = [console.site.another_beat(), console.site.another_beat()]
    seen: dict[str, list[str]] = {}

    def both_sent_everything() -> bool:
        with suppress(ValueError):  # a message that is being written
            seen.update(deed(console, "origins"))
        return bool(seen) and all(len(set(origins)) == len(beats) for origins in seen.values())

    console.until(both_sent_everything, lambda: f"not from both beats: {seen}")
    case("7", "messages of two beats", sum(map(len, seen.values())), console.site.stack)
    if case.long:
        case("7", "seconds of two beats while work arrives all the time", int(TWO_MINUTES), console.site.stack)
    everything_is_done_once(console, "pair-", work, reminder=1, go_on=TWO_MINUTES if case.long else 0)
    with console.site.frozen(WORKER):
        seen.clear()
        console.until(both_sent_everything, lambda: f"one of the beats has gone silent: {seen}")


def test_a_beat_that_was_away_for_an_hour_does_what_is_due_once(console: Console, case: Case) -> None:
    end_everything(console)
    work = leave_work(console, "hour-", AN_HOUR + 1)
    case("7", "things due for beat, whose rows in the database were aged by an hour", len(work), console.site.stack)
    deed(console, "let_beat_rest", seconds=HALF_AN_HOUR, since=AN_HOUR)
    beat = console.site.another_beat()
    counts: dict[str, int] = {}

    def all_sent() -> bool:
        with suppress(ValueError):  # a message that is being written
            counts.update({task: len(origins) for task, origins in deed(console, "origins").items()})
        return all(counts.values())

    console.until(all_sent, lambda: f"beat sent {counts}")
    assert counts == dict.fromkeys(counts, 1), "an hour's messages at once"
    console.site.kill(beat)
    deed(console, "let_beat_rest", seconds=1, since=0)
    console.site.another_beat()
    everything_is_done_once(console, "hour-", work, reminder=2)


def test_a_beat_whose_clock_is_set_ahead_and_back_again_sends_each_thing_once_and_goes_on(
    console: Console, case: Case
) -> None:
    end_everything(console)
    deed(console, "let_beat_rest", seconds=HALF_AN_HOUR, since=0)
    beat = console.site.start(MOVED_BEAT, READY)
    once = dict.fromkeys(deed(console, "origins"), 1)
    case("7", "beat's clock set an hour ahead, and back again", 2, console.site.stack)
    os.kill(beat.process.pid, signal.SIGUSR1)
    console.until(lambda: len(sent(beat)) == len(once), lambda: f"beat sent {sent(beat)}")
    assert sent(beat) == once, "half an hour's messages twice at once, or some before the clock was set"

    deed(console, "let_beat_rest", seconds=1, since=0)  # an hour ago, as beat sees it
    console.site.another_worker()
    found_by_beat(console, "clock-ahead")
    os.kill(beat.process.pid, signal.SIGUSR2)
    told = sent(beat)
    console.until(
        lambda: all(sent(beat)[task] > told[task] for task in once),
        lambda: f"beat waits for the hour that was already: {sent(beat) - told}",
    )
    found_by_beat(console, "clock-back")
    console.judge("clock-")
    assert {ref: console.flow.posts()[ref] for ref in ("clock-ahead", "clock-back")} == {
        "clock-ahead": 1,
        "clock-back": 1,
    }


def test_a_beat_whose_clock_is_behind_is_noticed_and_what_it_missed_is_done_once_when_the_clock_is_right(
    console: Console, case: Case
) -> None:
    end_everything(console)
    deed(console, "let_beat_rest", seconds=1, since=0)
    beat = console.site.start(MOVED_BEAT, READY)
    case("7", "beat's clock an hour behind that of the workers: told, and set right", 1, console.site.stack)
    os.kill(beat.process.pid, signal.SIGUSR2)
    console.until(lambda: len(sent(beat)) > 0, lambda: "beat waits for the hour that was already")
    console.site.lose_messages()  # those from before its clock was set
    console.site.another_worker()
    console.site.desk("submit", order_ref="behind-1")
    told = sent(beat)
    console.until(
        lambda: bool(sent(beat)["campaigns.tasks.publish_sweep"] >= told["campaigns.tasks.publish_sweep"] + SANE),
        lambda: f"beat sent {sent(beat) - told}",
    )
    sick: dict[str, str] = {}

    def is_noticed() -> bool:
        sick.update(console.site.desk("tests.processes.signs.doctor"))
        return "set its machine's clock if that is wrong" in sick.get("scheduler", "")

    console.until(is_noticed, lambda: f"flow_doctor finds {sick}")
    assert console.site.desk("look", order_ref="behind-1")["state"] == "queued", "every message has expired"

    os.kill(beat.process.pid, signal.SIGUSR1)
    console.site.wait("behind-1", state="published")
    console.judge("behind-")
    assert console.flow.posts()["behind-1"] == 1


def found_by_beat(console: Console, order_ref: str) -> None:
    """Submit an order of which nobody tells the workers but beat, and wait until it is published."""
    console.site.desk("submit", order_ref=order_ref)
    console.site.wait(order_ref, state="published")


def sent(beat: Running) -> Counter[str]:
    """Return how often the beat of `beat_app` has sent each of our tasks."""
    tasks = [line.removeprefix(SENT) for line in beat.output.splitlines() if line.startswith(SENT)]
    return Counter(task for task in tasks if task.startswith("campaigns."))


def everything_is_done_once(
    console: Console, prefix: str, work: dict[str, int], *, reminder: int, go_on: float = 0
) -> None:
    """Start two workers; wait until all work is done and beat has gone round some more, for so many seconds; then count."""
    begun = time.monotonic()
    live, doubt = f"{prefix}live", f"{prefix}doubt"
    for _ in range(2):
        console.site.another_worker()
    ends = {f"{prefix}{name}": "published" for name in work if name != "command"} | {doubt: "unknown"}
    console.wait_for(ends, lambda: console.site.desk("tests.chaos.planning.look", prefix=prefix))
    console.site.wait_for_command(work["command"], "confirmed")
    mail = f"order {doubt}"
    console.until(lambda: bool(mails(console, mail)), lambda: "nobody is reminded")
    for number in range(2):
        found_by_beat(console, f"later-{prefix}{number}")  # after beat has found all the others once more
    arrived = work_goes_on_arriving(console, f"later-{prefix}", begun + go_on)
    console.judge(prefix)
    console.judge("later-")
    assert {ref: console.flow.posts()[ref] for ref in arrived} == dict.fromkeys(arrived, 1)
    asked = {ids: polls_of(console, ids) for ref in arrived for ids in ids_of(ref)}
    assert asked == dict.fromkeys(asked, 1), "it became due once after its first word was known"
    assert {ref: console.flow.posts()[ref] for ref in ends} == dict.fromkeys(ends, 1)
    assert console.site.desk("look", order_ref=f"{prefix}dead")["attempts"] == [
        ["not_sent", False],
        ["published", True],
    ]
    assert console.flow.commands()[f"queue_{live}_1"] == 1
    assert deed(console, "reminders", order_id=work["doubt"]) == [reminder]
    assert mails(console, mail) == 1
    polls = {ids: polls_of(console, ids) for ids in (f"queue_{live}_1", f"queue_{live}_2")}
    assert polls[f"queue_{live}_2"] == 1, "a live campaign is asked about each hour"
    often = int((time.monotonic() - begun) / PAUSED_IS_ASKED_ABOUT_EVERY)
    assert 1 <= polls[f"queue_{live}_1"] <= SANE + often


def work_goes_on_arriving(console: Console, prefix: str, end: float) -> list[str]:
    """Until then, submit an order now and then and let its campaigns be due once more; return the orders' refs."""
    refs: list[str] = []
    while time.monotonic() < end:
        ref = f"{prefix}arrived-{len(refs)}"
        refs.append(ref)
        console.flow.status_of |= dict.fromkeys(ids_of(ref), "active")
        found_by_beat(console, ref)
        console.site.wait(ref, phases=["live", "live"])  # from now on it is asked about each hour
        deed(console, "let_campaigns_be_due", order_ref=ref)
    console.until(
        lambda: all(polls_of(console, ids) > 0 for ref in refs for ids in ids_of(ref)),
        lambda: "campaigns that are due are not asked about",
    )
    return refs


def leave_work(console: Console, prefix: str, ago: float) -> dict[str, int]:
    """Leave every kind of work for beat; Flow's first answers about it are not counted."""
    console.flow.answers[f"{prefix}doubt"] = Answer(accepts=True, says=lambda _: says(500, {}))
    for number in (1, 2):
        console.flow.status_of[f"queue_{prefix}live_{number}"] = "active"
    work: dict[str, int] = deed(console, "leave_work", prefix=prefix, queued=QUEUED, ago=ago)
    return work


def polls_of(console: Console, tracking_id: str) -> int:
    """Return how often Flow was asked about a campaign since its first word was known."""
    lines = console.flow.lines("request")
    return [(line["place"], line["about"]) for line in lines].count(("status", tracking_id)) - 1


def mails(console: Console, words: str) -> int:
    """Return how many mails about it went out."""
    return sum(line.startswith("Subject:") and words in line for line in console.site.logs().splitlines())


def end_everything(console: Console) -> None:
    """End all workers and beats and lose their messages: each test begins with the machine off."""
    for argv, process in console.site.started:
        if argv in (WORKER, BEAT, MOVED_BEAT):
            console.site.kill(process)
    console.site.lose_messages()


def deed(console: Console, name: str, **arguments: Any) -> Any:
    """Have something done at the desk."""
    return console.site.desk(f"tests.chaos.beat_deeds.{name}", **arguments)
