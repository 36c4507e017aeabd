"""Connections that know how far a call has come, and a watchdog that ends the calls which take too long.

A timeout of a socket limits one wait: a server that sends a byte now and then never meets it. So each call hands a
duplicate of its socket's descriptor to the watchdog, which shuts the connection down when the time of the call is over.
The duplicate belongs to the call alone, so it cannot be another connection's by the time it is shut down.
"""

import http
import http.client
import io
import math
import os
import socket
import threading
from enum import IntEnum
from typing import cast

import urllib3.connection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

from campaigns.flow import clock


class Stage(IntEnum):
    """How far a call has come. Up to SECURING nothing of it can have reached Flow."""

    PREPARING = 0
    RESOLVING = 1
    CONNECTING = 2
    SECURING = 3
    SENT = 4


class OutOfTimeError(Exception):
    """The time of the call was over before it had ended."""


class Call:
    """One exchange under way: `ends` is when it must be over, by clock.now."""

    def __init__(self, ends: float, connect_timeout: float) -> None:
        self.stage = Stage.PREPARING
        self.overdue = False
        self.ends = ends
        self._connect_timeout = connect_timeout
        self._handle: int | None = None

    def reach(self, stage: Stage) -> None:
        """Note a step forward; what was sent stays sent, even if the library should connect once more."""
        self.stage = max(self.stage, stage)

    def seconds_left(self) -> float:
        """Return the rest of the call's time; raise OutOfTimeError when there is none."""
        left = self.ends - clock.now()
        if self.overdue or left <= 0:
            raise OutOfTimeError
        return left

    def seconds_to_connect(self) -> float:
        return min(self._connect_timeout, self.seconds_left())

    def hold(self, sock: socket.socket) -> None:
        if self._handle is None:
            self._handle = os.dup(sock.fileno())

    def cut_if_overdue(self, now: float) -> float:
        """Shut the connection down when the time is over; return the seconds that are left."""
        left = self.ends - now
        if left <= 0:
            self.overdue = True
            if self._handle is not None:
                _shut_down(self._handle)
        return left

    def let_go(self) -> None:
        if self._handle is not None:
            os.close(self._handle)


class Watchdog:
    """Cuts overdue calls, in one thread for all of them that starts with a call and ends after a while without any."""

    idle_seconds = 5.0

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: set[Call] = set()
        self._thread: threading.Thread | None = None
        self._looks_at = math.inf  # when the thread looks by itself, by clock.now

    def watch(self, call: Call) -> None:
        with self._changed:
            self._calls.add(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="flow-deadlines", daemon=True)
                self._thread.start()
            elif call.ends < self._looks_at:  # seldom: to wake it for each call would cost more than the call
                self._changed.notify()

    def forget(self, call: Call) -> None:
        with self._changed:
            self._calls.discard(call)
            call.let_go()

    def _run(self) -> None:
        with self._changed:
            while self._calls or self._changed.wait_for(lambda: self._calls, self.idle_seconds):
                self._changed.wait(self._cut_overdue())
                self._looks_at = math.inf
            self._thread = None

    def _cut_overdue(self) -> float:
        now = clock.now()
        left = [call.cut_if_overdue(now) for call in self._calls]
        self._calls = {call for call in self._calls if not call.overdue}
        soonest = min((seconds for seconds in left if seconds > 0), default=0)
        self._looks_at = now + soonest
        return soonest


_current = threading.local()


def set_current_call(call: Call | None) -> None:
    """Say which call this thread's connections work for; requests gives no way to hand it to them."""
    _current.call = call


class _WholeLines:
    """Reads lines, and raises where one ends without its line break."""

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = source

    def readline(self, limit: int = -1) -> bytes:
        line = self._source.readline(limit)
        if not line.endswith(b"\n"):
            raise http.client.RemoteDisconnected("the answer broke off in its head")
        return line

    def close(self) -> None:
        self._source.close()


class WholeHeadResponse(http.client.HTTPResponse):
    """Takes no head that ends before its empty line: the library would take what has come for the whole.

    It passes over interim answers as well (RFC 9110, 15.2): the library knows 100 alone, and would take another one for the
    answer, and the answer for that of the next call on this connection.
    """

    def begin(self) -> None:
        source = self.fp
        self.fp = cast(io.BufferedReader, _WholeLines(source))
        try:
            super().begin()
            while 100 < self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
                self.headers = self.msg = None  # type: ignore[assignment]  # else the library takes it for begun
                super().begin()
        finally:
            if self.fp is not None:  # it is None when the library has closed it
                self.fp = source
        if self.status != http.HTTPStatus.OK:
            self.will_close = True  # what a server that is out of order sends after it would be the next call's answer


class WatchedConnection(urllib3.connection.HTTPConnection):
    """A plain connection that tells its call what it is doing."""

    response_class = WholeHeadResponse

    def _new_conn(self) -> socket.socket:
        """Connect within the time of the call; raise the library's error, for it swallows some kinds of OSError."""
        call: Call = _current.call
        call.reach(Stage.RESOLVING)
        try:
            found = socket.getaddrinfo(self._dns_host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NewConnectionError(self, "its name is not known") from error
        call.reach(Stage.CONNECTING)
        sock = self._connect_to_one_of([str(address[0]) for *_, address in found], call)
        call.reach(Stage.SECURING)
        call.hold(sock)
        return sock

    def _connect_to_one_of(self, addresses: list[str], call: Call) -> socket.socket:
        """Try the addresses in turn within the time of the call: the library would give each the whole timeout."""
        failure: OSError | None = None
        for address in addresses:
            seconds = call.seconds_to_connect()
            try:
                return create_connection((address, self.port), seconds, socket_options=self.socket_options)
            except OSError as error:
                failure = error
        raise NewConnectionError(self, "no address answered") from failure

    def send(self, data: object) -> None:
        """Note that the first byte is about to leave, then write; refuse when the time of the call is over."""
        if self.sock is None:
            self.connect()
        call: Call = _current.call
        call.hold(self.sock)
        call.seconds_left()
        call.reach(Stage.SENT)
        super().send(data)  # type: ignore[arg-type]  # the library's stub names each kind of body; all are passed on


class WatchedTlsConnection(WatchedConnection, urllib3.connection.HTTPSConnection):
    """The same over TLS; the handshake is over before the first `send`."""


class WatchedPool(HTTPConnectionPool):
    ConnectionCls = WatchedConnection


class WatchedTlsPool(HTTPSConnectionPool):
    ConnectionCls = WatchedTlsConnection


POOLS = {"http": WatchedPool, "https": WatchedTlsPool}


def _shut_down(handle: int) -> None:
    sock = socket.socket(fileno=handle)
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # the other side was faster
        return
    finally:
        sock.detach()  # the call closes it
