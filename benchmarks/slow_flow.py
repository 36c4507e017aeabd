"""A Flow that answers after a fixed time: `python -m benchmarks.slow_flow --help`; prints its port, ends with its input.

One process of asyncio that reads requests by hand, so that it is not what a row measures: see `answers_a_second`.
"""

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OK, ACCEPTED, BROKEN, NOT_FOUND = "200 OK", "202 Accepted", "500 Internal Server Error", "404 Not Found"
TOKEN = {"accessToken": "a-token-for-benchmarks-that-is-as-long-as-half-of-one-" * 4}
Said = tuple[float, str, dict[str, object]]


class Flow:
    """What is answered, and after how long; whether a campaign is among the slow or the failing hangs on its id alone."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.numbers = itertools.count(1)
        self.under_way = self.most = self.asked = 0

    def answer(self, method: str, path: str) -> Said:
        """Return after how many seconds to say what."""
        if path == "/counts":
            counts = {"asked": self.asked, "most_under_way": self.most}
            self.asked = self.most = 0
            return 0, OK, dict(counts)
        if path.startswith("/auth/"):
            return 0, OK, dict(TOKEN)
        if path.startswith("/campaigns/publish") and method == "POST":
            ids = [f"queue_published_{next(self.numbers)}"]
            return self.options.seconds, ACCEPTED, {"campaign_tracking_ids": ids, "status": "queued"}
        if path.startswith("/campaigns/status/"):
            return self._status(path.rpartition("/")[2])
        return 0, NOT_FOUND, {"error": "not found"}

    def _status(self, tracking_id: str) -> Said:
        word = {"status": self.options.word, "message": f"Campaign is {self.options.word}.", "campaign_id": "camp_1"}
        fate = self.fate(tracking_id)
        if fate == "fails":
            return self.options.seconds, BROKEN, {"error": "Something went wrong."}
        return self.options.slow_seconds if fate == "slow" else self.options.seconds, OK, dict(word)

    def fate(self, tracking_id: str) -> str:
        """Return "slow", "fails" or "" for a campaign."""
        return fate(tracking_id) if self.options.slow_seconds else ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        if length := _header(head, "content-length"):
            await reader.readexactly(int(length))
        seconds, status, said = self.answer(method, path)
        await self._wait(seconds)
        body = json.dumps(said).encode()
        closes = _header(head, "connection").lower() == "close"
        lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}")
        writer.write("\r\n".join((*lines, "Connection: close" if closes else "", "")).encode().rstrip(b"\r\n"))
        writer.write(b"\r\n\r\n" + body)
        await writer.drain()
        return not closes

    async def _wait(self, seconds: float) -> None:
        if seconds:
            self.asked += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await asyncio.sleep(seconds)
            self.under_way -= 1


def fate(tracking_id: str) -> str:
    """Return what becomes of a campaign where some are slow: one in a hundred is, one in a hundred fails."""
    return {0: "slow", 1: "fails"}.get(zlib.crc32(tracking_id.encode()) % 100, "")


def _header(head: str, name: str) -> str:
    for line in head.split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


@contextmanager
def running(seconds: float, *options: str) -> Iterator[str]:
    """Run it in a process of its own; yield its address."""
    argv = [sys.executable, "-m", "benchmarks.slow_flow", str(seconds), *options]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


async def serve(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> None:
    """Serve until whoever started this goes away."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)  # type: ignore[arg-type]  # a coroutine
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main(arguments: list[str]) -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow_flow", description=__doc__)
    parser.add_argument("seconds", type=float, help="after which a status or a publish is answered")
    parser.add_argument("--slow-seconds", type=float, default=0, help="for one campaign in a hundred; one more fails")
    parser.add_argument("--word", default="active", help="the status of every campaign")
    asyncio.run(serve(Flow(parser.parse_args(arguments)).talk))


if __name__ == "__main__":
    main(sys.argv[1:])
