"""The brokers: kombu's transports, made to bear what they do not expect.

The filesystem transport writes a message, and the table of an exchange, under its final name: a worker that looks in that very
moment reads half of it, and of a table that a kill left so every worker ends. Both transports let an entry that is no message
end the worker.
"""

import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from filelock import FileLock
from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual
from kombu.utils.json import dumps, loads

from flowsite.messages import MOST_BYTES, excerpt, refuse

ASIDE = "refused"
SECONDS_TO_BIND = 1  # a page has two
MOST_IN_FILE = 4 * MOST_BYTES  # the body is in it in base64, and the headers are there too


class Message(virtual.Message):
    """A message with all that the library will look for in it."""

    def __init__(self, payload: Any, channel: Any = None, **more: Any) -> None:
        """Raises ValueError where something is missing or is not what it must be."""
        try:
            properties, headers = payload["properties"], payload.get("headers") or {}
            delivery = properties["delivery_info"]
            words = (properties["delivery_tag"], delivery["exchange"], delivery["routing_key"])
            whole = all(isinstance(word, str) for word in words) and "compression" not in headers
            if whole:
                super().__init__(payload, channel=channel, **more)
        except Exception as error:  # noqa: BLE001 - strangers wrote it: whatever fails, it is no message
            raise ValueError(f"{type(error).__name__}: {error}") from None
        if not whole:
            raise ValueError("its properties are not those of a message")


class Channel(filesystem.Channel):
    """Puts messages where the library's own workers look for them, and takes them unless they are broken."""

    Message = Message

    def get_table(self, exchange: str) -> list[Any]:
        """Return the exchange's queues; none of a table that can't be read: whoever uses a queue binds it first."""
        file = self._file_of(exchange)
        try:
            return [filesystem.exchange_queue_t(*queue) for queue in loads(file.read_text())]
        except (FileNotFoundError, ValueError, TypeError):
            return []
        except OSError as error:
            raise ChannelError(f"Cannot read {file}") from error

    def _file_of(self, exchange: str) -> Path:
        file: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]  # the stubs lack it
        return file

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str) -> None:
        """Add the queue to the exchange's table, which is replaced as a whole. Raises ChannelError."""
        file = self._file_of(exchange)
        bound = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        if bound in self.get_table(exchange):
            return
        part = file.with_suffix(".part")
        try:
            file.parent.mkdir(exist_ok=True)
            with FileLock(file.with_suffix(".lock"), timeout=SECONDS_TO_BIND):
                part.write_text(dumps([bound, *self.get_table(exchange)]))
                part.rename(file)
        except OSError as error:
            raise ChannelError(f"Cannot write {file}") from error

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # as in the library itself
        """Write the message under a name that nobody looks for, then give it its own. Raises ChannelError."""
        folder = Path(self.data_folder_out)
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"  # the library takes them in this order
        part = folder / f"{name}.part"
        try:
            part.write_text(dumps(payload))
            part.rename(folder / name)
        except OSError as error:
            with suppress(OSError):  # a full disk must not fill up with beginnings of messages
                part.unlink()
            raise ChannelError(f"Cannot write a message into {folder}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002 - as in the library
        """Return the queue's next message. What is none is put aside for people to look at. Raises Empty."""
        folder = Path(self.data_folder_in)
        aside = folder.parent / ASIDE
        aside.mkdir(exist_ok=True)
        for name in sorted(path.name for path in folder.iterdir()):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            mine = aside / name
            try:
                (folder / name).rename(mine)
            except FileNotFoundError:  # another worker was faster; of all else the worker ends, rather than be deaf
                continue
            try:
                payload = self._read(mine)
            except (OSError, ValueError, RecursionError) as error:
                refuse(f"the file is no message ({excerpt(str(error))}) and lies in {aside}", name)
                continue
            mine.unlink(missing_ok=True)
            return payload
        raise Empty

    def _read(self, path: Path) -> Any:
        if path.is_symlink() or not path.is_file():
            raise ValueError("not a file")
        if path.stat().st_size > MOST_IN_FILE:
            raise ValueError(f"more than {MOST_IN_FILE} bytes")
        payload = loads(path.read_text())
        self.Message(payload, channel=self)  # raises what it would raise later, where nobody expects it
        return payload


class Transport(filesystem.Transport):
    """The library's transport with the channel above."""

    Channel = Channel


def use_ours() -> None:
    """Let the addresses of Redis lead to our transport; it is imported by whoever uses it."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = "flowsite.redis_broker:Transport"
