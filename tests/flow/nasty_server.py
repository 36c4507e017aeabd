"""An HTTP server over a raw socket that can do what no decent one would: lie, stop, trickle, cut and reset.

Each place ("token", "publish", "status", "update") has a list of plays, one for each request; the last one repeats.
"""

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

JSON = "application/json"
ENOUGH = 10.0  # seconds after which the server gives up waiting for a client


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def bearer(self) -> str:
        return self.headers["authorization"].removeprefix("Bearer ")

    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """The other end of one connection, for a play to maltreat."""

    def __init__(self, sock: socket.socket, stopped: threading.Event) -> None:
        self.sock = sock
        self.stopped = stopped
        self.open = True

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        self.open = False

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def wait_until_gone(self) -> None:
        """Say nothing more until the client gives up."""
        with suppress(OSError):
            while self.sock.recv(65536):
                pass
        self.close()

    def trickle(self, data: bytes, pause: float) -> None:
        """Send a byte at a time until the client gives up."""
        for byte in data:
            if self.stopped.wait(pause):
                break
            self.send(bytes([byte]))


Play = Callable[[Peer, Received], None]


class NastyServer:
    """Listens on 127.0.0.1 and keeps every request it has read."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.plays: dict[str, list[Play]] = {}
        self.received: list[Received] = []
        self.connections = 0
        self.on_connect: Callable[[Peer], None] | None = None
        self._tls = tls
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https://localhost' if self._tls else 'http://127.0.0.1'}:{self.port}"

    def on(self, place: str, *plays: Play) -> None:
        self.plays[place] = list(plays)

    def at(self, place: str) -> list[Received]:
        """Return the requests that came to a place."""
        return [each for each in self.received if place_of(each) == place]

    def stop(self) -> None:
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(ENOUGH)
        self._listener.close()
        for thread in self._threads:
            thread.join(ENOUGH)

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(ENOUGH)
        try:
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._converse(Peer(sock, self._stopped))
        except OSError:  # the client has left, or has never spoken TLS
            pass
        finally:
            sock.close()

    def _converse(self, peer: Peer) -> None:
        if self.on_connect is not None:
            self.on_connect(peer)
        while peer.open and not self._stopped.is_set():
            request = read_request(peer.sock, self._stopped)
            if request is None:
                return
            self._play_for(request)(peer, request)

    def _play_for(self, request: Received) -> Play:
        with self._lock:
            self.received.append(request)
            plays = self.plays[place_of(request)]
            return plays.pop(0) if len(plays) > 1 else plays[0]


@contextmanager
def running(tls: ssl.SSLContext | None = None) -> Iterator[NastyServer]:
    server = NastyServer(tls)
    try:
        yield server
    finally:
        server.stop()


def place_of(request: Received) -> str:
    path = request.path
    if path.endswith("/auth/access-key/publickey"):
        return "token"
    if path.endswith("/campaigns/publish"):
        return "publish"
    return {"GET": "status", "POST": "update"}[request.method] if "/campaigns/status/" in path else unquote(path)


def read_request(sock: socket.socket, stopped: threading.Event) -> Received | None:
    """Read one request; None when the client has left."""
    data = b""
    sock.settimeout(0.1)
    began = time.monotonic()
    while b"\r\n\r\n" not in data:
        try:
            more = sock.recv(65536)
        except TimeoutError:
            if stopped.is_set() or time.monotonic() - began > ENOUGH:
                return None
            continue
        if not more:
            return None
        data += more
    sock.settimeout(ENOUGH)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        more = sock.recv(65536)
        if not more:
            return None
        body += more
    method, target, _ = first.split(" ")
    return Received(method, target, headers, body)


def message(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Write a well-formed answer, unless the headers given say otherwise."""
    all_headers = {"Content-Type": JSON, "Content-Length": str(len(body)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in all_headers.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode("latin-1") + body


def says(status: int, content: Any = b"", **headers: str) -> Play:
    """Answer properly: bytes as they are, everything else as JSON. Underscores in header names stand for hyphens."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    data = message(status, body, {name.replace("_", "-"): value for name, value in headers.items()})
    return lambda peer, _: peer.send(data)


def then_closes(data: bytes) -> Play:
    """Write these bytes, whatever they are, and close."""

    def play(peer: Peer, request: Received) -> None:
        peer.send(data)
        peer.close()

    return play


def then_resets(data: bytes) -> Play:
    def play(peer: Peer, request: Received) -> None:
        peer.send(data)
        peer.reset()

    return play


def trickles(data: bytes, pause: float = 0.05, *, at_once: bytes = b"") -> Play:
    def play(peer: Peer, request: Received) -> None:
        peer.send(at_once)
        peer.trickle(data, pause)

    return play


def falls_silent(data: bytes = b"") -> Play:
    def play(peer: Peer, request: Received) -> None:
        peer.send(data)
        peer.wait_until_gone()

    return play


def never_stops(data: bytes, again: bytes) -> Play:
    """Send this, and then that again and again, as fast as the client reads."""

    def play(peer: Peer, request: Received) -> None:
        peer.send(data)
        while not peer.stopped.is_set():
            peer.send(again)

    return play


def delayed(play: Play, seconds: float) -> Play:
    def later(peer: Peer, request: Received) -> None:
        peer.stopped.wait(seconds)
        play(peer, request)

    return later


def gives_tokens(tokens: Iterable[str]) -> Play:
    """Hand out one token after the other."""
    supply = iter(tokens)
    return lambda peer, request: says(200, {"accessToken": next(supply)})(peer, request)


def only_for(token: str, play: Play) -> Play:
    """Play for this token, and refuse every other one with a 401."""

    def judge(peer: Peer, request: Received) -> None:
        (play if request.bearer == token else says(401, {"error": "invalid access token"}))(peer, request)

    return judge


def gzipped(size: int) -> bytes:
    """Compress that many spaces."""
    return gzip.compress(b" " * size)


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that accepts no connection and refuses none: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for filler in fillers:
                filler.close()


def refused_address() -> str:
    """An address on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
