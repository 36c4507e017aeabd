"""All processes together begin no more calls in a second than set, whatever becomes of the place where they count."""

import errno
import logging
import multiprocessing
import socket
import sqlite3
import threading
import time
from contextlib import closing
from multiprocessing.queues import Queue
from pathlib import Path

import pytest
import redis
import time_machine
from filelock import FileLock

from campaigns.flow import Pace, pace
from tests.flow.nasty_server import black_hole

PROCESSES, THREADS, EACH, PER_SECOND = 3, 4, 5, 20
START = 1000.0
FORK = multiprocessing.get_context("fork")


def take_turns(store: str, turns: "Queue[list[float]]") -> None:
    """Take turns in several threads of one process; tell when each was had."""
    shared, had = Pace(PER_SECOND, store), []

    def take() -> None:
        for _ in range(EACH):
            shared.wait_for_turn(30)
            had.append(time.monotonic())

    threads = [threading.Thread(target=take) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns.put(had)


def turns_of_several_processes(store: str) -> list[float]:
    turns: Queue[list[float]] = FORK.Queue()
    processes = [FORK.Process(target=take_turns, args=(store, turns)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    had = [moment for _ in processes for moment in turns.get(timeout=60)]
    for process in processes:
        process.join()
    return sorted(had)


def assert_one_pace_was_kept(turns: list[float]) -> None:
    assert len(turns) == PROCESSES * THREADS * EACH == 3 * PER_SECOND
    # A second's worth at once, then a second's worth each second: three processes by themselves would need no second at all.
    assert turns[-1] - turns[0] > 1.7


class StandingClock:
    """Stands still until it is told another time."""

    now = START

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    clock = StandingClock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def turns_counted_in(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "flow_pace.sqlite3")) as counted:
        return int(counted.execute("SELECT count(*) FROM flow_pace").fetchone()[0])


def test_processes_of_one_machine_keep_one_pace(tmp_path: Path) -> None:
    assert_one_pace_was_kept(turns_of_several_processes(str(tmp_path)))


@pytest.mark.redis
def test_processes_of_several_machines_keep_one_pace(redis_url: str) -> None:
    assert_one_pace_was_kept(turns_of_several_processes(redis_url))


def test_a_turn_that_does_not_come_in_time_is_an_error_in_words(tmp_path: Path) -> None:
    shared = Pace(1, str(tmp_path))
    shared.wait_for_turn(1)

    with pytest.raises(TimeoutError) as caught:
        shared.wait_for_turn(0.1)

    assert caught.value.errno == errno.ETIMEDOUT
    assert caught.value.strerror == "the pace that all processes share left no turn for 0.1 seconds"


def test_a_turn_is_waited_for_no_longer_than_one_has_patience(tmp_path: Path) -> None:
    shared = Pace(1, str(tmp_path))
    shared.wait_for_turn(1)
    time.sleep(0.4)  # the next turn comes within the second that is not waited
    began = time.monotonic()

    with pytest.raises(TimeoutError):
        shared.wait_for_turn(0.1)

    assert time.monotonic() - began < 0.9
    assert turns_counted_in(tmp_path) == 1


def test_who_cannot_even_ask_in_time_gets_no_turn(tmp_path: Path) -> None:
    shared = Pace(100, str(tmp_path))
    shared.wait_for_turn(1)
    turns = shared._shared_turns()
    assert turns

    with turns._lock, pytest.raises(TimeoutError):
        shared.wait_for_turn(0.1)

    assert turns_counted_in(tmp_path) == 1


def test_a_process_alone_takes_whole_turns() -> None:
    assert Pace(250, "nowhere")._alone._together == 2


def test_a_process_alone_waits_no_longer_than_is_left(
    standing_clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, asked = Pace(1, "nowhere"), []

    def no_turn(patience: float) -> bool:
        asked.append(patience)
        return False

    def fails_after_a_second() -> None:
        standing_clock.now += 1
        raise ConnectionError

    monkeypatch.setattr(alone._alone, "take", no_turn)
    monkeypatch.setattr(alone, "_shared_turns", fails_after_a_second)

    for patience in (1.25, 0.25):
        with pytest.raises(TimeoutError):
            alone.wait_for_turn(patience)

    assert asked == [0.25, 0]


@pytest.mark.parametrize(
    ("store", "error"),
    [
        ("redis://:hush@127.0.0.1:9/0", "ConnectionError"),
        ("rediss://:hush@127.0.0.1:9/0", "ConnectionError"),
        ("/dev/null/at/all", "NotADirectoryError"),
    ],
)
def test_a_place_that_cannot_be_reached_is_told_once_and_the_process_keeps_the_pace_alone(
    store: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    alone = Pace(5, store)
    begun = time.monotonic()

    with caplog.at_level(logging.WARNING, "campaigns.flow.pace"):
        for _ in range(8):
            alone.wait_for_turn(10)

    assert 1 <= time.monotonic() - begun < 5
    (line,) = [record.getMessage() for record in caplog.records if record.name == "campaigns.flow.pace"]
    assert line == f"The pace towards Flow can't be shared ({error}): this process keeps it alone for 30 seconds"


@pytest.mark.redis
def test_a_redis_that_forgot_everything_is_used_again_after_a_while(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "ALONE_FOR", 0.2)
    shared = Pace(100, redis_url)
    with redis.Redis.from_url(redis_url) as client:
        shared.wait_for_turn(1)
        assert client.zcard(pace.NAME) == 1
        client.flushall()
        client.script_flush()
        shared.wait_for_turn(1)  # the script is gone: this one is taken alone
        assert client.zcard(pace.NAME) == 0
        time.sleep(0.3)
        shared.wait_for_turn(1)
        assert client.zcard(pace.NAME) == 1


def test_a_silent_redis_costs_a_second_and_no_turn() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        alone = Pace(100, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        begun = time.monotonic()
        alone.wait_for_turn(10)
        assert 0.9 < time.monotonic() - begun < 3
        begun = time.monotonic()
        alone.wait_for_turn(10)
        assert time.monotonic() - begun < 0.5


def test_a_redis_that_does_not_let_anybody_in_costs_a_second_and_no_turn() -> None:
    with black_hole() as address:
        alone = Pace(100, address.replace("http:", "redis:"))
        begun = time.monotonic()
        alone.wait_for_turn(10)
        assert 0.9 < time.monotonic() - begun < 3


def test_a_redis_that_refuses_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    connect = socket.socket.connect

    def noted(sock: socket.socket, address: tuple[str, int]) -> None:
        asked.append(address)
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", noted)

    Pace(100, "redis://127.0.0.1:9/0").wait_for_turn(1)

    assert asked == [("127.0.0.1", 9)]


def test_a_place_that_failed_is_tried_every_30_seconds_however_many_turns_are_taken_meanwhile(
    tmp_path: Path, standing_clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "turns"
    folder.write_text("A file is in the way.")
    alone = Pace(100, str(folder))
    with caplog.at_level(logging.WARNING, "campaigns.flow.pace"):
        for seconds, told in ((0, 1), (15, 1), (29.9, 1), (30, 2), (45, 2)):
            standing_clock.now = START + seconds
            alone.wait_for_turn(1)
            assert len([record for record in caplog.records if record.name == "campaigns.flow.pace"]) == told
    folder.unlink()

    standing_clock.now = START + 59.9
    alone.wait_for_turn(1)
    assert not folder.exists()
    standing_clock.now = START + 60
    alone.wait_for_turn(1)
    assert turns_counted_in(folder) == 1


def test_needs_no_thread_of_the_library(tmp_path: Path) -> None:
    before = set(threading.enumerate())

    Pace(100, str(tmp_path)).wait_for_turn(1)

    assert set(threading.enumerate()) <= before


def test_a_process_that_stops_while_it_counts_costs_a_second_and_no_turn(tmp_path: Path) -> None:
    with FileLock(tmp_path / "flow_pace.lock"):
        alone = Pace(100, str(tmp_path))
        begun = time.monotonic()
        alone.wait_for_turn(10)
        assert 0.9 < time.monotonic() - begun < 3


def in_an_hour(of: Pace, turns: int) -> None:
    """Take turns while the machine's clock is an hour ahead."""
    with time_machine.travel(time.time() + 3600):
        for _ in range(turns):
            of.wait_for_turn(1)


def test_a_clock_that_was_ahead_holds_nobody_up_once_it_is_right(tmp_path: Path) -> None:
    in_an_hour(Pace(5, str(tmp_path)), turns=5)
    shared = Pace(5, str(tmp_path))
    for _ in range(6):
        shared.wait_for_turn(3)


@pytest.mark.redis
def test_a_clock_that_was_ahead_holds_no_other_machine_up(redis_url: str) -> None:
    in_an_hour(Pace(5, redis_url), turns=5)
    shared = Pace(5, redis_url)
    for _ in range(6):
        shared.wait_for_turn(3)


def test_a_process_gets_over_its_own_clock_that_was_ahead(tmp_path: Path, standing_clock: StandingClock) -> None:
    shared = Pace(5, str(tmp_path))
    in_an_hour(shared, turns=5)
    with pytest.raises(TimeoutError):
        shared.wait_for_turn(0.1)
    standing_clock.now = START + 10.1
    shared.wait_for_turn(0.1)


def test_the_processes_of_one_machine_count_in_the_folder_that_was_named(tmp_path: Path) -> None:
    Pace(100, str(tmp_path)).wait_for_turn(1)

    assert turns_counted_in(tmp_path) == 1


def test_a_process_takes_the_turns_of_a_hundredth_of_a_second_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FRESH_FOR", 60.0)  # this process may be held up
    shared = Pace(1000, str(tmp_path))
    for taken in range(1, 11):
        shared.wait_for_turn(1)
        assert (taken, turns_counted_in(tmp_path)) == (taken, 10)
    shared.wait_for_turn(1)
    assert turns_counted_in(tmp_path) == 20


def test_turns_that_were_taken_together_and_not_used_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FRESH_FOR", 0.0)
    shared = Pace(1000, str(tmp_path))
    for taken in (1, 2, 3):
        shared.wait_for_turn(1)
        assert turns_counted_in(tmp_path) == 10 * taken


def test_old_turns_are_forgotten_after_ten_seconds(tmp_path: Path, standing_clock: StandingClock) -> None:
    shared = Pace(100, str(tmp_path))
    for _ in range(20):
        shared.wait_for_turn(1)
    assert turns_counted_in(tmp_path) == 20
    time.sleep(2.1)  # the library keeps the turns of the longest window, twice

    for seconds, counted in ((10, 21), (10.1, 2), (10.2, 3)):
        standing_clock.now = START + seconds
        shared.wait_for_turn(1)
        assert turns_counted_in(tmp_path) == counted
