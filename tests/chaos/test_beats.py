"""Case 7: two beats double every message, and beat is away for an hour; each thing is done once all the same."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.chaos.flow import Answer
from tests.chaos.nasty_console import Console, nasty_console
from tests.chaos.table import Case
from tests.flow.nasty_server import says
from tests.processes.site import BEAT, WORKER
from tests.processes.stacks import BOTH

pytestmark = pytest.mark.processes

QUEUED = 4
TEN_MINUTES, AN_HOUR = 600.0, 3600.0
HALF_AN_HOUR = 1800
SANE = 4  # at most: due at once, after the command, once more to be sure, and when half a minute has passed


@pytest.fixture(scope="module", params=BOTH)
def console(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of this module's own, on each stack."""
    with nasty_console(request, request.param, tmp_path_factory.mktemp("beats")) as console:
        yield console


def test_two_beats_double_every_message_and_nothing_is_done_twice(console: Console, case: Case) -> None:
    end_everything(console)
    work = leave_work(console, "pair-", TEN_MINUTES)
    beats = [console.site.another_beat(), console.site.another_beat()]
    seen: dict[str, list[str]] = {}

    def both_sent_everything() -> bool:
        with suppress(ValueError):  # a message that is being written
            seen.update(deed(console, "origins"))
        return all(len(set(origins)) == len(beats) for origins in seen.values())

    console.until(both_sent_everything, lambda: f"not from both beats: {seen}")
    case("7", "messages of two beats", sum(map(len, seen.values())), console.site.stack)
    everything_is_done_once(console, "pair-", work, reminder=1)


def test_a_beat_that_was_away_for_an_hour_does_what_is_due_once(console: Console, case: Case) -> None:
    end_everything(console)
    work = leave_work(console, "hour-", AN_HOUR + 1)
    case("7", "things that were due while beat was away for an hour", len(work), console.site.stack)
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


def everything_is_done_once(console: Console, prefix: str, work: dict[str, int], *, reminder: int) -> None:
    """Start two workers; wait until all work is done and beat has gone round some more; then count."""
    live, doubt = f"{prefix}live", f"{prefix}doubt"
    for _ in range(2):
        console.site.another_worker()
    ends = {f"{prefix}{name}": "published" for name in work if name != "command"} | {doubt: "unknown"}
    console.wait_for(ends, lambda: console.site.desk("tests.chaos.planning.look", prefix=prefix))
    console.site.wait_for_command(work["command"], "confirmed")
    mail = f"order {doubt}"
    console.until(lambda: bool(mails(console, mail)), lambda: "nobody is reminded")
    for number in range(2):
        later = f"later-{prefix}{number}"  # found by beat alone, after it has found all the others once more
        console.site.desk("submit", order_ref=later)
        console.site.wait(later, state="published")
    console.judge(prefix)
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
    assert 1 <= polls[f"queue_{live}_1"] <= SANE


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
        if argv in (WORKER, BEAT):
            console.site.kill(process)
    console.site.lose_messages()


def deed(console: Console, name: str, **arguments: Any) -> Any:
    """Have something done at the desk."""
    return console.site.desk(f"tests.chaos.beat_deeds.{name}", **arguments)
