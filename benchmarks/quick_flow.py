"""A Flow that answers after a fixed time and remembers all: `python -m benchmarks.quick_flow SECONDS`; prints its port.

One process, one thread: it costs the measured console little. `/ledger` gives what was asked: when each call came, in seconds
of this process's clock, the order_ref of each publish with the tracking ids given for it, and the status that each campaign
was last asked to take.
"""

import asyncio
import itertools
import json
import sys
import time
from typing import Any


class Flow:
    """What was asked so far."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls: list[float] = []
        self.published: list[tuple[str, list[str]]] = []
        self.statuses: dict[str, str] = {}
        self.numbers = itertools.count(1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer call after call on one connection."""
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target = head.split(" ", 2)[:2]
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status, answer = await self._answer(method, target.partition("?")[0], body)
        data = json.dumps(answer).encode()
        keep = headers.get("connection") != "close"
        writer.write(
            f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n".encode()
            + data
        )
        await writer.drain()
        return keep

    async def _answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if path == "/ledger":
            return 200, {"calls": self.calls, "published": self.published, "statuses": self.statuses}
        if path.startswith("/auth/"):
            return 200, {"accessToken": "a-token-for-benchmarks"}
        self.calls.append(time.monotonic())
        await asyncio.sleep(self.seconds)
        if path == "/campaigns/publish":
            return 202, self._publish(json.loads(body))
        return 200, self._status(path.rpartition("/")[2], json.loads(body)["status"] if method == "POST" else None)

    def _publish(self, order: dict[str, Any]) -> dict[str, Any]:
        ids = [f"queue_new_{next(self.numbers)}" for _ in order["listingExternalIds"]]
        self.published.append((order["orderRef"], ids))
        return {"campaign_tracking_ids": ids, "status": "queued"}

    def _status(self, tracking_id: str, asked_for: str | None) -> dict[str, Any]:
        if asked_for is not None:
            self.statuses[tracking_id] = asked_for
        return {
            "status": self.statuses.get(tracking_id, "active"),
            "message": "As it was asked.",
            "campaign_id": "camp",
        }


async def main(seconds: float) -> None:
    """Listen until the process ends."""
    server = await asyncio.start_server(Flow(seconds).serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
