"""`python -m benchmarks [ROW…]`: measure the rows named, else all, and write each into docs/benchmarks.md.

What `make bench` calls. Each row is a module of this package: its `measure` returns the row's section.
"""

import argparse
import datetime
import importlib
import os
import platform
import re
import sys
from contextlib import ExitStack
from pathlib import Path

import celery
import django

from benchmarks import growth
from benchmarks.stage import ROOT, Stage

ROWS = ("sync", "publish", "calls", "lists", "forms", "home", "imports", "bulk", "start", "nodes")
PAGE = ROOT / "docs" / "benchmarks.md"
GROWTH = """## How the cost grows

![Time against rows for lists, search, the home page and sync, on logarithmic axes](images/growth.svg)

A level line means that the work takes as long at a million campaigns as at ten thousand; one that rises by a square for each
square grows with the rows. The points are those of the rows' last measurements.
"""


def main(arguments: list[str]) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    names = parser.parse_args(arguments).rows or ROWS
    if unknown := set(names) - set(ROWS):
        parser.error(f"There is no row {', '.join(sorted(unknown))}. There are: {', '.join(ROWS)}.")
    with ExitStack() as stack:
        stage = Stage(stack)
        for name in names:
            print(f"# {name}", flush=True)
            section = f"{importlib.import_module(f'benchmarks.{name}').measure(stage).strip()}\n\n{machine()}\n"
            print(section, flush=True)
            write(PAGE, name, section)
    if growth.draw():
        write(PAGE, "growth", GROWTH)


def machine() -> str:
    """Return the line that says what the row was measured on, and when."""
    versions = f"Python {platform.python_version()}, Django {django.__version__}, Celery {celery.__version__}"
    return f"*{os.cpu_count()} processors, {versions}; {datetime.datetime.now(datetime.UTC):%d %B %Y}*"


def write(page: Path, name: str, section: str) -> None:
    """Put the section into the page, in place of what it said of the row before."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    text = page.read_text()
    if begin not in text:
        text = f"{text.rstrip()}\n\n{begin}{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    page.write_text(pattern.sub(lambda _: f"{begin}{section}{end}", text))


if __name__ == "__main__":
    main(sys.argv[1:])
