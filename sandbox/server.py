"""HTTP: reads a request, finds who answers it, sends the answer. Never a traceback to the caller."""

import logging
import os
import socket
import struct
import sys
import threading
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox import calls, controls
from sandbox.controls import View
from sandbox.wire import Answer, Refusal, Request, error
from sandbox.world import World

logger = logging.getLogger("sandbox")

BODY_CAP = 1024 * 1024
DRAIN_CAP = 16 * BODY_CAP
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
RESET_ON_CLOSE = struct.pack("ii", 1, 0)

FLOW_ROUTES: dict[str, dict[str, View]] = {
    "/auth/access-key/publickey": {"GET": partial(calls.call, "token")},
    "/campaigns/publish": {"POST": partial(calls.call, "publish")},
}
CAMPAIGN_ROUTE: dict[str, View] = {"GET": partial(calls.call, "status"), "POST": partial(calls.call, "command")}


class Server(ThreadingHTTPServer):
    """One thread a connection. Raise OSError when the address cannot be had."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: World) -> None:
        self.world = world
        self.stopping = threading.Event()
        super().__init__((world.settings.host, world.settings.port), Handler)

    def server_bind(self) -> None:
        # HTTPServer's own looks the host's name up, which can take seconds where there is no DNS.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.world.settings.host, self.world.settings.port

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        # A caller that goes away is a daily event here: that is what is being rehearsed.
        if not isinstance(sys.exception(), ConnectionError):
            logger.exception("A connection ended in an error")


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 300

    def answer(self) -> None:
        """Answer one request."""
        if self.server.stopping.is_set():
            self._reset()
            return
        try:
            request = self._read()
            _check_host(request, self.server.world.settings.host)
            answer = _view(request)(self.server.world, request, datetime.now(UTC))
        except Refusal as refusal:
            answer = refusal.answer
        except (ConnectionError, TimeoutError):
            raise
        except Exception:  # a mistake of ours must reach the caller as a 500 in Flow's form
            logger.exception("A request ended in an error")
            answer = error(500, "Internal server error")
        self._send(answer)

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_PATCH(self) -> None:
        self.answer()

    def do_OPTIONS(self) -> None:
        self.answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server itself refuses in Flow's form rather than as HTML, and close."""
        self.close_connection = True
        self._send(error(405 if code == 501 else code, message or explain or "Bad request"))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the request line holds the API key, and what matters is logged where it happens."""

    def _read(self) -> Request:
        path, _, query_text = self.path.partition("?")
        query: dict[str, str] = {}
        for name, value in parse_qsl(query_text, keep_blank_values=True):
            query.setdefault(name, value)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, path, query, headers, self._body())

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refusal(411, "Send the body with a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            raise Refusal(400, "Content-Length must be a whole number")
        if int(length) > BODY_CAP:
            self.close_connection = True
            # Read on, or the caller sees a reset instead of the answer.
            self.rfile.read(min(int(length), DRAIN_CAP))
            raise Refusal(413, f"The body is larger than {BODY_CAP} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionAbortedError("The caller went away in the middle of its request")
        return body

    def _send(self, answer: Answer) -> None:
        if answer.delay:
            self.server.stopping.wait(answer.delay)
        if answer.cut:
            self._reset()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _reset(self) -> None:
        """Close so that the caller sees a reset and not an orderly end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        os.close(self.connection.detach())


def _view(request: Request) -> View:
    if request.path.startswith(calls.STATUS_PATH) and request.path != calls.STATUS_PATH:
        views = CAMPAIGN_ROUTE
    else:
        views = FLOW_ROUTES.get(request.path) or controls.ROUTES.get(request.path) or {}
    if not views:
        raise Refusal(404, "Not found")
    if request.method not in views:
        raise Refusal(405, f"{request.method} is not allowed here", {"Allow": ", ".join(views)})
    return views[request.method]


def _check_host(request: Request, own_host: str) -> None:
    """Refuse what a web page elsewhere could send: another name that leads here, or a form that is not ours."""
    host = request.headers.get("host", "")
    if _name(f"//{host}") not in LOOPBACK | {own_host}:
        raise Refusal(421, "The sandbox answers to 127.0.0.1 and localhost only")
    origin = request.headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        raise Refusal(403, "The sandbox takes no requests from other web pages")


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
