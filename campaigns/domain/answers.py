"""What another system answered, in words: its message and its fields, each in one line and cut."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from campaigns.domain.texts import one_line

MOST_FACTS = 20
DEEPEST = 3
LONGEST_NAME, LONGEST_VALUE, LONGEST_MESSAGE = 60, 200, 500
MESSAGES = ("error", "message")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
PLAIN = {True: "yes", False: "no", None: "none"}


@dataclass(frozen=True)
class Said:
    """The message of an answer, empty where it has none, and its other fields by name."""

    message: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def read(answer: str) -> Said:
    """Return what a JSON object says, and nothing of any other text. Numbers stay as they are written."""
    try:
        found = json.loads(answer, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return Said()
    if not isinstance(found, dict):
        return Said()
    message = next((name for name in MESSAGES if isinstance(found.get(name), str) and found[name].strip()), None)
    words = one_line(found.pop(message), LONGEST_MESSAGE) if message else ""
    return Said(words, tuple(islice(_facts("", found, DEEPEST), MOST_FACTS)))


def _facts(name: str, value: Any, deeper: int) -> Iterator[tuple[str, str]]:
    """Yield a value beneath its name; what it holds beneath both names, as deep as that."""
    if isinstance(value, dict) and deeper:
        for key, each in value.items():
            yield from _facts(f"{name}, {_name(key)}" if name else _name(key).capitalize(), each, deeper - 1)
    elif isinstance(value, list) and deeper and any(isinstance(each, dict | list) for each in value):
        for number, each in enumerate(value, start=1):
            yield from _facts(f"{name} {number}", each, deeper - 1)
    else:
        yield one_line(name, LONGEST_NAME), one_line(_words(value), LONGEST_VALUE)


def _name(key: str) -> str:
    return HUMP.sub(" ", key).replace("_", " ").lower()


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or PLAIN[None]
    if isinstance(value, dict):
        return f"{len(value)} fields"
    return value if isinstance(value, str) else PLAIN[value]
