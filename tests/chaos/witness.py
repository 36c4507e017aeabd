"""What a process connects to and which files it must not read, noted by the interpreter itself.

`sitecustomize.py` in a folder on PYTHONPATH imports this, so that every process of a console is watched from its beginning,
its forked children included. Each line of the file named by WITNESS is JSON: the event, and its address or path.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NAME = "WITNESS"
MUST_NOT_BE_READ = "/etc/passwd"


def watch(report: str) -> None:
    """Note each connection, and each opening of a file that must not be read, from now on."""

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            line = [event, arguments[1]]
        elif event == "open" and arguments[0] == MUST_NOT_BE_READ:
            line = [event, arguments[0]]
        else:
            return
        target = os.open(report, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(target, json.dumps(line, default=str).encode() + b"\n")
        os.close(target)

    sys.addaudithook(note)


def environment(folder: Path) -> Mapping[str, str]:
    """Return the variables with which a process is watched; its report is `report(folder)`."""
    site = folder / "witness"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import tests.chaos.witness\n")
    return {"PYTHONPATH": f"{site}:{ROOT}", NAME: str(site / "report.jsonl")}


def events(folder: Path) -> list[list[Any]]:
    """Return what was noted."""
    return [json.loads(line) for line in (folder / "witness" / "report.jsonl").read_text().splitlines()]


if NAME in os.environ:
    watch(os.environ[NAME])
