"""A Flow that keeps an honest ledger and then misbehaves, in the way that the order or the campaign asks for.

What it has done is on the disk, written and fsynced, before the first byte of its answer: so its ledger can be trusted
whatever the answer was, and whether it came at all.
"""

import json
import os
import select
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jwt

from tests.flow.nasty_server import NastyServer, Peer, Play, Received, gives_tokens, place_of, running, says

SIGNING_KEY = "a key of this Flow's own, long enough for the library"
DOOR_TOKEN = "token-of-a-door.that-nobody-may-see"
WELL = "in_progress"
"""The status of a campaign of which nothing else is said."""


@dataclass(frozen=True)
class Answer:
    """What Flow does with a publish: whether it takes the order, and what it says, given the ids that it gave it."""

    accepts: bool
    says: Callable[[tuple[str, ...]], Play]


@dataclass(frozen=True)
class Update:
    """What Flow does with a command: whether it carries it out, and what it says."""

    obeys: bool
    play: Play


def good(ids: tuple[str, ...]) -> dict[str, Any]:
    """Write the answer that Flow documents."""
    return {"campaign_tracking_ids": list(ids), "status": "queued"}


def ids_of(order_ref: str) -> tuple[str, ...]:
    """Return the tracking ids that this Flow gives an order."""
    return f"queue_{order_ref}_1", f"queue_{order_ref}_2"


TAKES_IT = Answer(accepts=True, says=lambda ids: says(202, good(ids)))


@dataclass
class Tokens:
    """The tokens of this Flow: what they say of themselves, and which it takes."""

    seconds: float = 600
    skew: float = 0
    with_iat: bool = True
    play: Play | None = None
    """What is done instead of giving one."""
    takes_long: float = 0
    refusal: int = 401
    issued: list[str] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    valid_for: int | None = None
    """After how many publishes all tokens that were given out end; None for never."""
    worthless: bool = False
    """Whether each token is refused from its beginning."""

    def issue(self) -> str:
        now = time.time() + self.skew
        claims = {"exp": now + self.seconds, "number": len(self.issued)} | ({"iat": now} if self.with_iat else {})
        token = jwt.encode(claims, SIGNING_KEY)
        self.issued.append(token)
        self.valid |= set() if self.worthless else {token}
        return token


class NastyFlow(NastyServer):
    """Plays are chosen by the order's ref (`answers`) or the campaign's tracking id (`statuses`, `updates`)."""

    def __init__(self, ledger: Path) -> None:
        self.answers: dict[str, Answer] = {}
        self.statuses: dict[str, Play] = {}
        self.updates: dict[str, Update] = {}
        self.ids: dict[str, tuple[str, ...]] = {}
        self.status_of: dict[str, str] = {}
        self.tokens = Tokens()
        self._path = ledger
        self._file = ledger.open("a")
        self._deeds = threading.Lock()
        super().__init__()

    def stop(self) -> None:
        super().stop()
        self._file.close()

    # what the judge reads --------------------------------------------------------------------------------------------
    def lines(self, what: str) -> list[dict[str, Any]]:
        """Return the lines of the ledger of one kind: request, accepted, commanded or token."""
        lines = [json.loads(line) for line in self._path.read_text().splitlines()]
        return [line for line in lines if line["what"] == what]

    def ledger(self) -> dict[str, list[tuple[str, ...]]]:
        """Return what was accepted: the ids of each publish, by order."""
        accepted: dict[str, list[tuple[str, ...]]] = {}
        for line in self.lines("accepted"):
            accepted.setdefault(line["order_ref"], []).append(tuple(line["ids"]))
        return accepted

    def posts(self) -> Counter[str]:
        """Return how often each order was POSTed."""
        return Counter(line["about"] for line in self.lines("request") if line["place"] == "publish")

    def commands(self) -> Counter[str]:
        """Return how often a command was POSTed to each campaign."""
        return Counter(line["about"] for line in self.lines("request") if line["place"] == "update")

    def requests_for_tokens(self) -> int:
        """Return how often a token was asked for."""
        return sum(line["place"] == "token" for line in self.lines("request"))

    def requests_in_each_lifetime(self) -> list[int]:
        """Return how often a token was asked for before all tokens ended, before they ended again, and so on."""
        counts = [0]
        for line in map(json.loads, self._path.read_text().splitlines()):
            if line["what"] == "ended":
                counts.append(0)
            counts[-1] += line["what"] == "request" and line["place"] == "token"
        return counts

    def last_words(self) -> dict[str, tuple[str, float]]:
        """Return what Flow has last said of each campaign, and when; not where it was no honest answer."""
        told = {line["tracking_id"]: (line["word"], line["at"]) for line in self.lines("told")}
        return {tracking_id: said for tracking_id, said in told.items() if said[0]}

    def end_tokens(self) -> None:
        """Let no token that was given out be good any more."""
        with self._deeds:
            self._end_tokens()

    # what it does ----------------------------------------------------------------------------------------------------
    def _play_for(self, request: Received) -> Play:
        place = place_of(request)
        with self._deeds:
            self.received.append(request)
            about = str(request.json()["orderRef"]) if place == "publish" else unquote(request.path.rsplit("/", 1)[-1])
            self._write(what="request", place=place, method=request.method, about=about)
            if place == "token":
                return self._token()
            if request.bearer not in self.tokens.valid:
                return says(self.tokens.refusal, {"error": "JWT expired"})
            if place == "publish":
                return self._publish(about)
            return self._status(about) if place == "status" else self._update(about, request.json()["status"])

    def _token(self) -> Play:
        if self.tokens.play is not None:
            return self.tokens.play
        token, takes_long = self.tokens.issue(), self.tokens.takes_long
        self._write(what="token", token=token)

        def play(peer: Peer, request: Received) -> None:
            peer.stopped.wait(takes_long)
            says(200, {"accessToken": token})(peer, request)

        return play

    def _publish(self, order_ref: str) -> Play:
        answer = self.answers.get(order_ref, TAKES_IT)
        ids = self.ids.get(order_ref, ids_of(order_ref))
        if answer.accepts:
            self._write(what="accepted", order_ref=order_ref, ids=ids)
        if self.tokens.valid_for is not None:
            self.tokens.valid_for -= 1
            if self.tokens.valid_for == 0:
                self._end_tokens()
        return answer.says(ids)

    def _end_tokens(self) -> None:
        self.tokens.valid.clear()
        self._write(what="ended")

    def _status(self, tracking_id: str) -> Play:
        word = self.status_of.get(tracking_id, WELL)
        odd = self.statuses.get(tracking_id)
        self._write(what="told", tracking_id=tracking_id, word="" if odd else word, at=time.time())
        return odd or says(200, {"status": word, "message": ""})

    def _update(self, tracking_id: str, status: str) -> Play:
        update = self.updates.get(tracking_id, Update(obeys=True, play=says(200, {"status": status})))
        if update.obeys:
            self._write(what="commanded", tracking_id=tracking_id, status=status)
            self.status_of[tracking_id] = status
        return update.play

    def _write(self, **line: Any) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def nasty_flow(folder: Path) -> Iterator[NastyFlow]:
    """Run a nasty Flow with its ledger in the folder."""
    flow = NastyFlow(folder / "ledger.jsonl")
    try:
        yield flow
    finally:
        flow.stop()


class Door:
    """An address at which Flow gives a token, until what is behind it changes: for the call that comes next."""

    def __init__(self, stack: ExitStack, tls: ssl.SSLContext | None = None) -> None:
        self._stack = stack
        self.server = stack.enter_context(running(tls))
        self.server.on("token", gives_tokens([DOOR_TOKEN]))
        self.server.on("publish", says(202, {"campaign_tracking_ids": ["queue_that-nobody-may-get"]}))
        self.url = self.server.url

    def shut(self) -> None:
        """Let the address refuse connections."""
        self.server.stop()

    def swallow(self) -> None:
        """Let the address neither take nor refuse connections: its queue is full."""
        port = self.server.port
        self.shut()
        listener = self._stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=0))
        for _ in range(4):
            filler = self._stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())

    def speak_plainly(self) -> None:
        """Let the address answer without TLS."""
        self.server._tls = None
        self.server.on_connect = lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    def reset_each(self) -> None:
        """Reset each connection at the first byte of its request, which is not read."""

        def reset(peer: Peer) -> None:
            peer.sock.recv(1, socket.MSG_PEEK)
            peer.reset()

        self.server.on_connect = reset

    def read_nothing(self) -> None:
        """Take each connection, and read nothing of its request."""
        self.server.on_connect = lambda peer: wait_until_left(peer)

    def posts(self) -> int:
        """Return how many publishes were read."""
        return len(self.server.at("publish"))


def wait_until_left(peer: Peer) -> None:
    """Wait until the other side has closed the connection, without reading, and close it too."""
    poll = select.poll()
    poll.register(peer.sock, select.POLLRDHUP)
    poll.poll(10_000)
    peer.reset()
