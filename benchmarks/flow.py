"""A Flow that answers after a fixed time and remembers all: `python -m benchmarks.flow --help`; prints its port.

One process, one thread, requests read by hand: it shares the processors with what a row measures. `/ledger` gives what was
asked: when each call came, in seconds of this process's clock, the order_ref of each publish with the tracking ids given for
it, and the status that each campaign was last asked to take.
"""

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

OK, ACCEPTED, BROKEN, NOT_FOUND = "200 OK", "202 Accepted", "500 Internal Server Error", "404 Not Found"
TOKEN = {"accessToken": "a-token-for-benchmarks-that-is-as-long-as-half-of-one-" * 4}
END = b"\r\n\r\n"
Said = tuple[float, str, dict[str, Any]]


class Flow:
    """What is answered, and after how long; whether a campaign is among the slow or the failing hangs on its id alone."""

    def __init__(self, seconds: float, slow_seconds: float) -> None:
        self.seconds, self.slow_seconds = seconds, slow_seconds
        self.calls: list[float] = []
        self.published: list[tuple[str, list[str]]] = []
        self.statuses: dict[str, str] = {}
        self.numbers = itertools.count(1)

    def answer(self, method: str, path: str, body: bytes) -> Said:
        """Return after how many seconds to say what."""
        if path == "/ledger":
            return 0, OK, {"calls": self.calls, "published": self.published, "statuses": self.statuses}
        if path.startswith("/auth/"):
            return 0, OK, TOKEN
        self.calls.append(time.monotonic())
        if path == "/campaigns/publish":
            return self.seconds, ACCEPTED, self._publish(json.loads(body))
        if path.startswith("/campaigns/status/"):
            return self._status(path.rpartition("/")[2], json.loads(body)["status"] if method == "POST" else None)
        return 0, NOT_FOUND, {"error": "not found"}

    def _publish(self, order: dict[str, Any]) -> dict[str, Any]:
        ids = [f"queue_new_{next(self.numbers)}" for _ in order["listingExternalIds"]]
        self.published.append((order["orderRef"], ids))
        return {"campaign_tracking_ids": ids, "status": "queued"}

    def _status(self, tracking_id: str, asked_for: str | None) -> Said:
        if asked_for is not None:
            self.statuses[tracking_id] = asked_for
        word = self.statuses.get(tracking_id, "active")
        said = {"status": word, "message": f"Campaign is {word}.", "campaign_id": "camp_1"}
        its = fate(tracking_id) if self.slow_seconds else ""
        if its == "fails":
            return self.seconds, BROKEN, {"error": "Something went wrong."}
        return self.slow_seconds if its == "slow" else self.seconds, OK, said


class Connection(asyncio.Protocol):
    """One connection, on which one request comes after the other's answer."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._came = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a whole request has come."""
        self._came += data
        head, end, body = self._came.partition(END)
        if not end:
            return
        headers = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        if len(body) < int(headers.get("content-length", 0)):
            return
        self._came = b""
        method, target, _ = head.decode("latin-1").split(" ", 2)
        seconds, status, said = self._flow.answer(method, target.partition("?")[0], body)
        closes = headers.get("connection") == "close"
        asyncio.get_running_loop().call_later(seconds, self._say, status, json.dumps(said).encode(), closes)

    def _say(self, status: str, body: bytes, closes: bool) -> None:
        assert self._transport
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: {'close' if closes else 'keep-alive'}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        if closes:
            self._transport.close()


def fate(tracking_id: str) -> str:
    """Return what becomes of a campaign where some are slow: one in a hundred is, one in a hundred fails."""
    return {0: "slow", 1: "fails"}.get(zlib.crc32(tracking_id.encode()) % 100, "")


@contextmanager
def running(seconds: float, *options: str) -> Iterator[str]:
    """Run it in a process of its own; yield its address."""
    argv = [sys.executable, "-m", "benchmarks.flow", str(seconds), *options]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def ledger(address: str) -> dict[str, Any]:
    """Return what that Flow was asked."""
    with urllib.request.urlopen(f"{address}/ledger") as answer:
        said: dict[str, Any] = json.load(answer)
    return said


async def serve(flow: Flow) -> None:
    """Serve until whoever started this goes away."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(flow), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main(arguments: list[str]) -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flow", description=__doc__)
    parser.add_argument("seconds", type=float, help="after which a call is answered")
    parser.add_argument("--slow-seconds", type=float, default=0, help="for one campaign in a hundred; one more fails")
    options = parser.parse_args(arguments)
    asyncio.run(serve(Flow(options.seconds, options.slow_seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
