"""What came of looking at a file: each row new, changed, unchanged or wrong. Nothing here writes."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from campaigns.services.catalogue.reading import RowError

Changes = Mapping[str, list[Any]]
NO_CURRENCIES = ("", "")


class Verdict(StrEnum):
    """What an import would do with a row."""

    WRONG = "wrong"
    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: where it stands, which entry it means, and what would change (`{column: [old, new]}`)."""

    line: int
    key: str
    verdict: Verdict
    changes: Changes = field(default_factory=dict)
    errors: tuple[RowError, ...] = ()
    currencies: tuple[str, str] = NO_CURRENCIES
    """Of the amounts among `changes`, old and new; empty: the site's."""


@dataclass(frozen=True)
class Findings:
    """A whole file. `place` is what a row's number is called; with `errors`, of the file itself, there are no rows."""

    place: str = "Line"
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[Finding, ...] = ()
    errors: tuple[RowError, ...] = ()

    @property
    def counts(self) -> dict[Verdict, int]:
        """Return how many rows there are of each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def wrong(self) -> list[Finding]:
        """Return the rows that can't be imported."""
        return [row for row in self.rows if row.verdict is Verdict.WRONG]

    @property
    def good(self) -> int:
        """Return how many rows an import would write."""
        return self.counts[Verdict.NEW] + self.counts[Verdict.CHANGED]

    @property
    def all_errors(self) -> tuple[RowError, ...]:
        """Return every error, in the order of the file."""
        return self.errors + tuple(error for row in self.rows for error in row.errors)

    def fingerprint(self) -> str:
        """Return what two looks have in common only where they found the same: rows, old and new values, and errors."""
        said = [
            [
                row.line,
                row.key,
                row.verdict,
                dict(row.changes.items()),
                [[error.column, error.message] for error in row.errors],
            ]
            for row in self.rows
        ]
        whole = [self.columns, said, [[error.line, error.column, error.message] for error in self.errors]]
        return hashlib.sha256(json.dumps(whole, ensure_ascii=True).encode()).hexdigest()


def by_line(errors: Iterable[RowError]) -> dict[int, list[RowError]]:
    """Return the errors of each line."""
    found: dict[int, list[RowError]] = {}
    for error in errors:
        found.setdefault(error.line or 0, []).append(error)
    return found


def wrong(line: int, key: str | None, errors: Iterable[RowError], columns: tuple[str, ...]) -> Finding:
    """Return the finding of a row that can't be imported, its errors in the order of the columns."""
    order = {column: number for number, column in enumerate(columns)}
    told = sorted(errors, key=lambda error: order.get(error.column, -1))
    return Finding(line, key or "", Verdict.WRONG, errors=tuple(told))
