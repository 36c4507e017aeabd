"""The table of cases: what was injected how often, on what, and whether every promise held.

A test notes its lines as properties of its report, which pytest-xdist carries home; lines that say the same are added up.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

PROPERTY = "case"
HEADINGS = ("case", "what was done", "on", "times", "result")


@dataclass(frozen=True)
class Case:
    """Notes the lines of one test. `long` says whether the long form runs: more rounds, all combinations."""

    item: pytest.Item
    long: bool

    def __call__(self, number: str, name: str, count: int, stack: str | None = None) -> None:
        """Note what a test injects, before it does so: the case's number, plain words, how many faults, and on what."""
        self.item.user_properties.append((PROPERTY, json.dumps([number, name, stack or "both alike", count])))


@dataclass
class Line:
    """One line of the table."""

    number: str
    name: str
    stack: str
    count: int = 0
    held: bool = True

    def cells(self) -> tuple[str, ...]:
        return self.number, self.name, self.stack, str(self.count), "held" if self.held else "FAILED"


def lines(reports: Iterable[pytest.TestReport]) -> list[Line]:
    """Return the table's lines in the order of their cases; one failure of many makes a line failed."""
    reports = list(reports)
    failed = {report.nodeid for report in reports if report.failed}
    table: dict[tuple[str, str, str], Line] = {}
    for report in reports:
        noted = [value for key, value in report.user_properties if key == PROPERTY and report.when == "call"]
        for number, name, stack, count in (json.loads(str(value)) for value in noted):
            line = table.setdefault((number, name, stack), Line(number, name, stack))
            line.count += count
            line.held = line.held and report.nodeid not in failed
    return sorted(table.values(), key=lambda line: (int(line.number), line.name, line.stack))


def as_text(table: Iterable[Line]) -> list[str]:
    """Return the table for a terminal, one text a line."""
    rows = [HEADINGS, *(line.cells() for line in table)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def as_markdown(table: Iterable[Line]) -> str:
    """Return the table for a page of the documentation."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells() for line in table)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
