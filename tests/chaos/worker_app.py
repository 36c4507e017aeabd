"""`celery --app tests.chaos.worker_app worker …`: the console's own worker, with markers around the steps of a publish.

The steps are wrapped from outside and named by what is seen of them: a commit by the tables that were written, a piece of a
request by its path. So a step that is new in the console is a new marker here, and every case strikes there as well.
CHAOS_CONF, as JSON, changes settings of Celery, such as its time limits.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial, wraps
from typing import Any, TypeVar, cast

from celery.signals import worker_process_init
from celery.worker.request import Request

from flowsite.celery import app
from tests.chaos.markers import Passage

F = TypeVar("F", bound=Callable[..., Any])
WRITES = re.compile(
    r'(?:INSERT(?: OR IGNORE)? INTO|UPDATE|DELETE FROM) "(?:campaigns_)?(\w+)"(?: SET "(\w+)" = (?:%s|[^,]+) WHERE)?'
)

PATIENCE = "CHAOS_PATIENCE"  # seconds that a database gets which is away while an answer is to be recorded
_under_way: list[Passage] = []


def configure(conf: Mapping[str, Any]) -> None:
    """Change settings of Celery, such as its time limits; of those that are a table, only what is given."""
    for name, value in conf.items():
        app.conf[name] = {**app.conf[name], **value} if isinstance(value, dict) else value


configure(json.loads(os.environ.get("CHAOS_CONF", "{}")))


def reach(name: str) -> None:
    """Reach a marker, if an order is being published in this process."""
    if _under_way:
        _under_way[-1].reach(name)


def marked(step: F, name: Callable[..., str]) -> F:
    """Return the step with a marker before and one after it; its name is made from its arguments."""

    @wraps(step)
    def with_markers(*args: Any, **kwargs: Any) -> Any:
        words = name(*args, **kwargs)
        reach(f"{words}: before")
        result = step(*args, **kwargs)
        reach(f"{words}: after")
        return result

    return cast(F, with_markers)


@worker_process_init.connect
def put_markers(**_: Any) -> None:
    """Put the markers around the steps, in each child of the pool."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    from campaigns.flow import FlowClient
    from campaigns.flow.sockets import WatchedConnection, WholeHeadResponse
    from campaigns.services import publishing, recording

    recording.PATIENCE = int(os.environ.get(PATIENCE, recording.PATIENCE))
    wrap(publishing, "publish_order", _followed)
    wrap(FlowClient, "token", partial(marked, name=lambda *_: "access token"))
    wrap(FlowClient, "publish", partial(marked, name=lambda *_: "publish"))
    wrap(WholeHeadResponse, "begin", partial(marked, name=lambda *_: "head of the answer"))
    wrap(WatchedConnection, "send", _in_pieces)
    wrap(BaseDatabaseWrapper, "_commit", partial(marked, name=lambda *_: f"commit of {_written()}"))


def wrap(owner: Any, name: str, around: Callable[[Any], Any]) -> None:
    """Put something around a function of a module or a method of a class."""
    setattr(owner, name, around(getattr(owner, name)))


def _followed(publish_order: F) -> F:
    """Return publish_order with an eye on what it does; each order is published by a client with no token yet."""

    @wraps(publish_order)
    def followed(order_id: int, **kwargs: Any) -> Any:
        from django.db import connection

        from campaigns import gateway

        gateway._client.cache_clear()
        _tables.clear()  # what a transaction that failed had written
        _under_way.append(Passage(order_id))
        try:
            with connection.execute_wrapper(_note_writes):
                reach("task: begun")
                result = publish_order(order_id, **kwargs)
                reach("task: over")
                return result
        except BaseException:
            reach("task: interrupted")
            raise
        finally:
            _under_way.pop()

    return cast(F, followed)


_tables: list[str] = []


def _note_writes(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Note what a transaction writes; a write outside of any has markers of its own, for it is a commit."""
    if not (found := WRITES.match(sql)):
        return execute(sql, params, many, context)
    table, only_column = found.groups()
    name = f"{table}.{only_column}" if only_column else table
    if context["connection"].in_atomic_block:
        _tables.append(name)
        return execute(sql, params, many, context)
    return marked(execute, lambda *_: f"commit of {name}")(sql, params, many, context)


def _written() -> str:
    names = ", ".join(dict.fromkeys(_tables))
    _tables.clear()
    return names or "nothing"


def _in_pieces(send: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Return `send` in two pieces, with a marker before, between and after them."""

    def in_pieces(self: Any, data: Any) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"the client sends {type(data).__name__} now, which has no markers: look after it here")
        if line := re.match(rb"(?:GET|POST) [^ ?]+", data):
            self.chaos_name, part = line[0].decode(), "head"
        else:
            part = "body"
        name = f"{self.chaos_name}: {part}"
        reach(f"{name}, before its first byte")
        send(self, data[: len(data) // 2])
        reach(f"{name}, between its bytes")
        send(self, data[len(data) // 2 :])
        reach(f"{name}, after its last byte")

    return in_pieces


def _acknowledged(acknowledge: Callable[[Request], None]) -> Callable[[Request], None]:
    """Return `acknowledge`, which the parent process does, with markers of the order that the message names."""

    def acknowledged(self: Request) -> None:
        order_id = None
        with suppress(AttributeError):
            order_id = self.kwargs.get("order_id")
        if order_id is None or self.acknowledged:
            return acknowledge(self)
        passage = Passage(order_id)
        passage.reach("message: before it is acknowledged")
        acknowledge(self)
        passage.reach("message: after it was acknowledged")
        return None

    return acknowledged


wrap(Request, "acknowledge", _acknowledged)
