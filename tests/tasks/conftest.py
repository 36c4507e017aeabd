"""The embedded broker of the tests, and what lies in it."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowsite.celery import app

Messages = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def messages() -> Messages:
    """A look at the messages that wait for a worker: their tasks and arguments, oldest first; at first there are none."""
    folder = Path(app.conf.broker_transport_options["data_folder_out"])
    for message in folder.glob("*.msg"):
        message.unlink()

    def read() -> list[tuple[str, dict[str, Any]]]:
        paths = sorted(folder.glob("*.msg"), key=lambda path: path.stat().st_mtime_ns)
        return [read_message(path) for path in paths]

    return read


def read_message(path: Path) -> tuple[str, dict[str, Any]]:
    message = json.loads(path.read_text())
    _, arguments, _ = json.loads(base64.b64decode(message["body"]))
    assert message["headers"]["expires"], "a message without an end"
    return message["headers"]["task"].rpartition(".")[2], arguments
