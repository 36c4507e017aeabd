"""The embedded broker: kombu's filesystem transport, with messages that appear whole.

kombu writes a message under its final name. A worker that looks in that very moment reads half of it, and ends.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    """Puts messages where the library's own workers look for them."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # as in the library itself
        """Write the message under a name that nobody looks for, then give it its own. Raises ChannelError."""
        folder = Path(self.data_folder_out)
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"  # the library takes them in this order
        try:
            part = folder / f"{name}.part"
            part.write_text(dumps(payload))
            part.rename(folder / name)
        except OSError as error:
            raise ChannelError(f"Cannot write a message into {folder}") from error


class Transport(filesystem.Transport):
    """The library's transport with the channel above."""

    Channel = Channel
