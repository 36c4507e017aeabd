"""The embedded broker: a message appears whole, however closely its readers look."""

import json
import multiprocessing
import resource
from contextlib import suppress
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Exchange
from kombu import Queue as Binding
from kombu.exceptions import ChannelError

MESSAGES = 1000
WORKERS, EXCHANGES = 3, 40


def connect(folder: Path) -> Connection:
    folders = {"data_folder_in": folder / "messages", "data_folder_out": folder / "messages"}
    options: dict[str, Any] = {**folders, "control_folder": folder / "control", "polling_interval": 0.001}
    return Connection("filesystem://localhost", transport="flowsite.broker:Transport", transport_options=options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A broker's folder."""
    for name in ("messages", "control"):
        (tmp_path / name).mkdir()
    return tmp_path


def read_all(folder: Path, results: "Queue[object]") -> None:
    """Take messages as fast as they come until one says that there are no more."""
    seen: list[int] = []
    with connect(folder) as connection, connection.SimpleQueue("busy", no_ack=True) as queue:
        try:
            while (number := read_one(queue)) is not None:
                seen.append(number)
        except Exception as error:  # noqa: BLE001 - the test fails with whatever it is
            results.put(repr(error))
            return
    results.put(seen)


def read_one(queue: Any) -> int | None:
    while True:
        try:
            number: int | None = queue.get_nowait().payload["number"]
        except queue.Empty:
            continue
        return number


def what_is_left(folder: Path) -> list[int]:
    left = []
    with connect(folder) as connection, connection.SimpleQueue("busy", no_ack=True) as queue, suppress(queue.Empty):
        while True:
            left.append(queue.get_nowait().payload["number"])
    return left


def test_readers_that_never_rest_see_whole_messages_only_and_each_once(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: Queue[object] = context.Queue()
    readers = [context.Process(target=read_all, args=(folder, results)) for _ in range(2)]
    for reader in readers:
        reader.start()
    with connect(folder) as connection, connection.SimpleQueue("busy") as queue:
        for number in range(MESSAGES):
            queue.put({"number": number, "text": "x" * 500})
        seen = []
        for _ in readers:
            queue.put({"number": None})
        for _ in readers:
            seen.append(results.get(timeout=60))
    for reader in readers:
        reader.join(60)
    seen.append(what_is_left(folder))  # the last ones may be listed after the two that end the readers
    assert all(isinstance(each, list) for each in seen), seen
    assert sorted(number for each in seen if isinstance(each, list) for number in each) == list(range(MESSAGES))


def bind_many(folder: Path, number: int, begin: Any, results: "Queue[object]") -> None:
    """Bind a queue of its own to each of many exchanges, in the same moments as the others."""
    try:
        with connect(folder) as connection:
            for each in range(EXCHANGES):
                begin.wait(60)
                Binding(f"queue-{number}", Exchange(f"exchange-{each}"), channel=connection.default_channel).declare()
    except Exception as error:  # noqa: BLE001 - the test fails with whatever it is
        results.put(repr(error))
    else:
        results.put("bound")


def test_workers_that_begin_at_once_are_all_bound(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: Queue[object] = context.Queue()
    begin = context.Barrier(WORKERS)
    workers = [context.Process(target=bind_many, args=(folder, number, begin, results)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == ["bound"] * WORKERS
    for worker in workers:
        worker.join(60)
    for each in range(EXCHANGES):
        assert sorted(tables_of(folder, f"exchange-{each}")) == [f"queue-{number}" for number in range(WORKERS)]


def tables_of(folder: Path, exchange: str) -> list[str]:
    """Return the queues that are bound to an exchange."""
    return [queue for _, _, queue in json.loads((folder / "control" / f"{exchange}.exchange").read_text())]


@pytest.mark.parametrize("left", ["", '[["a"', "7", "[[1, 2, 3, 4]]"])
def test_a_table_that_a_killed_worker_left_half_written_is_written_anew(folder: Path, left: str) -> None:
    name = f"half-{len(left)}"  # a process binds each name once
    (folder / "control" / f"{name}.exchange").write_text(left)
    with connect(folder) as connection, connection.SimpleQueue(name) as queue:
        queue.put({"number": 1})
        assert queue.get_nowait().payload == {"number": 1}
    assert tables_of(folder, name) == [name]


def test_nothing_is_left_of_a_message_that_was_taken(folder: Path) -> None:
    with connect(folder) as connection, connection.SimpleQueue("calm") as queue:
        queue.put({"number": 1})
        (name,) = [path.name for path in (folder / "messages").iterdir()]
        assert name.endswith(".calm.msg")
        message = queue.get_nowait()
        message.ack()
        assert message.payload == {"number": 1}
    assert list((folder / "messages").iterdir()) == []


def test_a_full_disk_keeps_no_beginnings_of_messages(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    words: Queue[str] = context.Queue()
    writer = context.Process(target=write_without_room, args=(folder, words))
    writer.start()
    assert "Cannot write a message into" in words.get(timeout=60)
    writer.join(60)
    assert list((folder / "messages").iterdir()) == []


def write_without_room(folder: Path, words: "Queue[str]") -> None:
    """Write a message that is longer than any file of this process may become."""
    with connect(folder) as connection, connection.SimpleQueue("full") as queue:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            queue.put({"text": "x" * 5000})
        except ChannelError as error:
            words.put(str(error))
        else:
            words.put("it was written")


def test_a_message_that_cannot_be_taken_ends_the_worker_rather_than_leave_it_deaf(folder: Path) -> None:
    with connect(folder) as connection, connection.SimpleQueue("stuck") as queue:
        queue.put({"number": 1})
        (name,) = [path.name for path in (folder / "messages").iterdir()]
        (folder / "refused" / name).mkdir(parents=True)
        with pytest.raises(IsADirectoryError):
            queue.get_nowait()


def test_a_message_that_cannot_be_written_is_told_as_a_fault_of_the_broker(folder: Path) -> None:
    with connect(folder) as connection, connection.SimpleQueue("broken") as queue:
        (folder / "messages").rmdir()
        with pytest.raises(ChannelError, match="Cannot write a message into"):
            queue.put({"number": 1})
