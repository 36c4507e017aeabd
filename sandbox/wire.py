"""What comes in, what goes out, and how a call says no."""

from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True)
class Request:
    """One request, read in full. Header names are in lower case; of a repeated query name the first value counts."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """One answer. `delay` (s) holds it back; `cut` resets the connection instead of sending it."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    cut: bool = False


class Refusal(Exception):
    """A request that is refused, with the HTTP status and the words for the caller."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.answer = error(status, message, headers)


def json_answer(status: int, body: Any) -> Answer:
    """Return `body` as a JSON answer."""
    return Answer(status, msgspec.json.encode(body))


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    """Return an error in Flow's form, `{"error": "…"}`."""
    return Answer(status, msgspec.json.encode({"error": message}), headers=headers or {})
