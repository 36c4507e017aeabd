"""Messages that nobody of ours writes, as they lie in a broker: each with the words by which it is refused."""

import base64
import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

TASK = "campaigns.tasks.publish_order"
COMMAND = "campaigns.tasks.send_command"


def message(
    named: object = None,
    *,
    task: object = TASK,
    positional: object = (),
    embedded: object = None,
    body: bytes | None = None,
    content_type: str = "application/json",
    without: str = "",
    queue: str = "campaigns",
    **headers: Any,
) -> bytes:
    """Return a message as kombu writes it, but for what is given; `without` leaves out a part."""
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None} if embedded is None else embedded
    said = json.dumps([positional, {} if named is None else named, embedded]).encode() if body is None else body
    delivery = {"exchange": "", "routing_key": queue}
    properties = {
        "correlation_id": "1",
        "delivery_mode": 2,
        "delivery_info": delivery,
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": f"tag-{next(_numbers)}",
    }
    whole: dict[str, Any] = {
        "body": base64.b64encode(said).decode(),
        "content-encoding": "utf-8",
        "content-type": content_type,
        "headers": {"lang": "py", "task": task, "id": f"id-{next(_numbers)}", "retries": 0, **headers},
        "properties": properties,
    }
    for part in (whole, whole["headers"], properties):
        part.pop(without, None)
    return json.dumps(whole).encode()


_numbers = iter(range(10**9))


class Touch:
    """What writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._path), "w")


def hostile(order: int, trap: Path, queue: str) -> dict[str, tuple[bytes, str]]:
    """Return (bytes, words of the refusal) by name: most would publish the order, or write the trap, if they had an effect."""
    write = partial(message, queue=queue)
    right = {"order_id": order}
    pickled = pickle.dumps([[], {"order_id": Touch(trap)}, {}])
    yaml = f"!!python/object/apply:os.system ['touch {trap}']".encode()
    good = {
        "an unknown task": (write(right, task="os.system"), "there is no task 'os.system'"),
        "a task of the library": (write(task="celery.starmap"), "there is no task 'celery.starmap'"),
        "a task that is a list": (write(right, task=[TASK]), "there is no task ['"),
        "no task": (write(right, without="task"), "there is no task None"),
        "no id": (write(right, without="id"), "it has no id"),
        "pickle": (write(body=pickled, content_type="application/x-python-serialize"), "not JSON"),
        "pickle that says it is JSON": (write(body=pickled), "its body can't be read"),
        "YAML": (write(body=yaml, content_type="application/x-yaml"), "not JSON"),
        "no content type": (write(right, without="content-type"), "not JSON"),
        "a body that is no JSON": (write(body=b"{'order_id': 1"), "its body can't be read"),
        "a body that is a number": (write(body=b"17"), "its body can't be read"),
        "a body nested deeply": (write(body=b"[" * 30_000), "its body can't be read"),
        "positional arguments": (write(positional=[order]), "not given by name"),
        "arguments that are text": (write("order_id"), "not given by name"),
        "embedded things that are a list": (write(right, embedded=[1]), "not given by name"),
        "no arguments": (write(), "its arguments do not fit"),
        "arguments of another": (write({"command_id": order}), "its arguments do not fit"),
        "10 MB of arguments": (write({**right, "more": "x" * 10_000_000}), "more than"),
        "headers of 1 MB": (write(right, more="x" * 1_000_000), "more than"),
        "a time in a hundred years": (write(right, eta="2130-01-01T00:00:00+00:00"), "it sets eta"),
        "an end that is no time": (write(right, expires="garbage"), "its time to expire is 'garbage'"),
        "an end without a zone": (write(right, expires="2130-01-01T00:00:00"), "its time to expire is '2130-"),
        "an end that is empty": (write(right, expires=""), "its time to expire is ''"),
        "an end that is a number": (write(right, expires=600), "its time to expire is 600"),
        "an end that is an object": (write(right, expires={"a": 1}), "its time to expire is {'a': 1}"),
        "a group": (write(right, group="g"), "it sets group"),
    }
    called: list[dict[str, Any]] = [{"task": TASK, "args": [], "kwargs": right, "options": {}, "subtask_type": None}]
    for name in ("callbacks", "errbacks", "chain", "chord"):
        good[f"embedded {name}"] = (write(right, embedded={name: called}), f"({name})")
    for value in ("1 OR 1=1", str(order), True, 1.5, -1, 0, None, [order], {"pk": order}, 10**30, 999_999):
        good[f"order_id {value!r}"] = (write({"order_id": value}), f"there is no order {ascii(value)[:100]}")
    good["a command that there is not"] = (write({"command_id": 999_999}, task=COMMAND), "there is no command 999999")
    return good | junk(order, write)


def junk(order: int, write: Callable[..., bytes]) -> dict[str, tuple[bytes, str]]:
    """Return what is not even a message."""
    no = "is no message"
    right = {"order_id": order}
    whole = json.loads(write(right))
    return {
        "nothing": (b"", no),
        "no JSON": (b"rm -rf /", no),
        "half a message": (write(right)[:200], no),
        "no text": (b"\xff\xfe\x00", no),
        "a number": (b"17", no),
        "a list": (b"[1, 2]", no),
        "nested deeply": (b"[" * 100_000, no),
        "no properties": (write(right, without="properties"), no),
        "no delivery tag": (write(right, without="delivery_tag"), no),
        "no delivery info": (write(right, without="delivery_info"), no),
        "a delivery tag that is a list": (
            json.dumps(whole | {"properties": whole["properties"] | {"delivery_tag": [1]}}).encode(),
            no,
        ),
        "headers that are a list": (json.dumps(whole | {"headers": [1]}).encode(), no),
        "broken base64": (json.dumps(whole | {"body": "a"}).encode(), no),
        "a body squeezed": (write(right, compression="application/x-gzip"), no),
        "no headers": (write(right, without="headers"), "it has no id"),
    }
