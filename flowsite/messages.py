"""What a worker takes from the queue: messages as our own processes write them, and nothing else.

Whoever can write to the broker could otherwise stop the workers with a message that the library does not expect, or have
them do what no screen offers. What is refused is logged in one line and has no effect; the database holds the work.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery import Celery
from celery.worker import consumer

logger = logging.getLogger(__name__)

MOST_BYTES = 65_536  # ours have some hundred
MOST_SHOWN = 200
# None of ours has a time of its own, or another task to call afterwards or in case of an error.
NEVER_SET = ("eta", "compression", "chain", "chord", "group", "stamps")
UNSET: tuple[object, ...] = (None, [], {})
EMBEDDED = ("callbacks", "errbacks", "chain", "chord")


class Consumer(consumer.Consumer):
    """The library's consumer, behind a gate."""

    def create_task_handler(self, *arguments: Any) -> Callable[[Any], None]:
        """Return what is called with each message."""
        handle: Callable[[Any], None] = super().create_task_handler(*arguments)

        def take(message: Any) -> None:
            if problem := wrong_with(message, self.app):
                refuse(problem, message.headers)
                message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]  # it has
            else:
                # This worker's own count: they fit the lease that it gives.
                message.headers["timelimit"] = [None, None]
                handle(message)

        return take


def refuse(problem: str, shown: object) -> None:
    """Log that a message was refused, with the beginning of what it showed of itself: one line, whatever is in it."""
    logger.warning("Refused a message on the queue, without effect: %s. It shows: %s", problem, excerpt(shown))


def excerpt(shown: object) -> str:
    """Return the beginning of something that strangers wrote: on one line, without control characters."""
    words = ascii(shown)
    return words if len(words) <= MOST_SHOWN else f"{words[:MOST_SHOWN]}…"


def wrong_with(message: Any, app: Celery) -> str:
    """Return why the message is none of ours, in words for operators; empty where it is well."""
    if len(message.body or "") > MOST_BYTES:
        return f"it has {len(message.body)} bytes, more than {MOST_BYTES}"
    if message.content_type != "application/json":
        return f"its content is of type {excerpt(message.content_type)}, not JSON"
    return _wrong_headers(message.headers, app) or _wrong_body(message, app)


def _wrong_headers(headers: Any, app: Celery) -> str:
    if not isinstance(headers, dict):
        return "it has no headers"
    try:
        size = len(json.dumps(headers))
    except (TypeError, ValueError, RecursionError):
        return "its headers are no JSON"
    if size > MOST_BYTES:
        return f"its headers have {size} bytes, more than {MOST_BYTES}"
    if not isinstance(headers.get("id"), str):
        return "it has no id"
    task = headers.get("task")
    if not isinstance(task, str) or not _is_ours(task, app):
        return f"there is no task {excerpt(task)}"
    if not _is_time(headers.get("expires")):
        return f"its time to expire is {excerpt(headers['expires'])}"
    unwanted = [name for name in NEVER_SET if headers.get(name) not in UNSET]
    return f"it sets {', '.join(unwanted)}" if unwanted else ""


def _is_time(expires: object) -> bool:
    """Tell whether it is nothing, or a time with its zone as `apply_async` writes it."""
    if expires is None:
        return True
    try:
        time = datetime.fromisoformat(str(expires))
    except ValueError:
        return False
    return time.tzinfo is not None and time.isoformat() == expires


def _is_ours(task: str, app: Celery) -> bool:
    return task in app.tasks and (not task.startswith("celery.") or task == "celery.backend_cleanup")


def _wrong_body(message: Any, app: Celery) -> str:
    try:
        arguments, named, embedded = message.payload
    except Exception as error:  # noqa: BLE001 - strangers wrote it: whatever fails, it is none of ours
        return f"its body can't be read ({type(error).__name__})"
    if arguments != [] or not isinstance(named, dict) or not isinstance(embedded, dict):
        return "its arguments are not given by name"
    if called := [name for name in EMBEDDED if embedded.get(name)]:
        return f"it has other tasks called ({', '.join(called)})"
    try:
        app.tasks[message.headers["task"]].__header__(**named)  # type: ignore[attr-defined]  # as apply_async does
    except TypeError as error:
        return f"its arguments do not fit: {excerpt(str(error))}"
    return ""
