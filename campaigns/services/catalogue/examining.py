"""Look at a file of the catalogue: what would an import do with each row? Nothing here writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from campaigns import selectors
from campaigns.models import Branch, Plan
from campaigns.models.among import by_name, named
from campaigns.services.catalogue.changes import Added, changes_between
from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.columns import Entry, Table
from campaigns.services.catalogue.files import Reading
from campaigns.services.catalogue.findings import NO_CURRENCIES, Changes, Finding, Findings, Verdict, by_line, wrong
from campaigns.services.catalogue.linking import Described, Links, check_whole, relations
from campaigns.services.catalogue.reading import RowError

AT_ONCE = 2_000
"""So many rows are compared with what is there, of which no more is in memory."""


@dataclass(frozen=True, slots=True)
class Write:
    """An entry to be written, and what is new about it."""

    entry: Described
    is_new: bool
    changes: Changes


@dataclass(frozen=True)
class Examination:
    """What was found in a file, and what to write of its good rows."""

    findings: Findings
    writes: tuple[Write, ...] = ()


def examine(table: Table, reading: Reading, *, user: User | None, lock: bool = False) -> Examination:
    """Return what a file says of the catalogue as it is, within the user's branches (all, where there is none).

    `lock` keeps the entries that the file names from changing until the transaction ends.
    """
    if not reading.is_readable:
        return Examination(reading.findings_of_nothing())
    judged = [draft for draft in reading.drafts if not draft.is_stored]
    judge = _Judge(table, reading.columns, judged, user)
    if lock:
        _lock(table, judged)
    told = by_line(reading.errors)
    found: list[Finding] = []
    writes: list[Write] = []
    for first in range(0, len(reading.drafts), AT_ONCE):
        drafts = reading.drafts[first : first + AT_ONCE]
        there = judge.there(drafts)
        for draft in drafts:
            finding, write = judge(draft, told.get(draft.line, ()), there)
            found.append(finding)
            if write:
                writes.append(write)
    return Examination(Findings(reading.place, reading.notes, reading.header, tuple(found)), tuple(writes))


class _Judge:
    """Says what rows would do."""

    def __init__(self, table: Table, columns: tuple[str, ...], drafts: list[Draft], user: User | None) -> None:
        self._table, self._columns = table, columns
        self._links = Links(table, columns, drafts, user)
        self._mine: set[int] | None = None
        if not (user is None or table.model is Plan or selectors.works_everywhere(user)):
            self._mine = set(selectors.branches_for(user).values_list("pk", flat=True))

    def there(self, drafts: Sequence[Draft]) -> dict[str, Any]:
        """Return the entries that are there already, by their key."""
        entries = self._table.entries().select_related(*relations(self._table, self._columns))
        return by_name(entries, _keys(drafts), self._table.key)

    def __call__(self, draft: Draft, told: Sequence[RowError], there: dict[str, Any]) -> tuple[Finding, Write | None]:
        """Judge one row, of whose cells is known what is wrong."""
        if draft.is_stored:
            return _unchanged(draft, told), None
        old = there.get(draft.key or "")
        entry, unknown = self._links.describe(draft)
        problems = [*told, *unknown, *check_whole(entry, draft.line), *self._of_others(draft, old)]
        if problems or draft.key is None:
            return wrong(draft.line, draft.key, problems, self._columns), None
        described = Described(self._links, draft)
        if old is None:
            changes: Changes = Added(described, self._table.columns)
            verdict = Verdict.NEW
        else:
            changes = changes_between(old, entry, self._columns)
            verdict = Verdict.CHANGED if changes else Verdict.UNCHANGED
        finding = Finding(draft.line, draft.key, verdict, changes, currencies=_currencies(self._columns, entry, old))
        return finding, None if verdict is Verdict.UNCHANGED else Write(described, old is None, changes)

    def _of_others(self, draft: Draft, old: Any) -> list[RowError]:
        """Refuse a row that means an entry of a branch that the user does not work for."""
        if self._mine is None or old is None:
            return []
        if (old.pk if self._table.model is Branch else old.branch_id) in self._mine:
            return []
        noun = self._table.noun
        message = (
            f"“{draft.key}” is a {noun} of a branch that you do not work for. Correct the id, or leave the row out."
        )
        return [RowError(draft.line, self._table.key, message)]


def _unchanged(draft: Draft, told: Sequence[RowError]) -> Finding:
    if told:
        return wrong(draft.line, draft.key, told, ())
    return Finding(draft.line, draft.key or "", Verdict.UNCHANGED)


def _currencies(columns: tuple[str, ...], entry: Entry, old: Any) -> tuple[str, str]:
    """Return the currency of a plan as it is, and as the file would leave it."""
    if not isinstance(entry, Plan):
        return NO_CURRENCIES
    before = old.currency if old else ""
    return before, before if old and "currency" not in columns else entry.currency


def _keys(drafts: Iterable[Draft]) -> set[str]:
    return {draft.key for draft in drafts if draft.key is not None and not draft.is_stored}


def _lock(table: Table, drafts: Iterable[Draft]) -> None:
    """Lock all entries that the rows name, in one order, so that two imports never wait for each other in a circle."""
    keys = _keys(drafts)
    if keys and connection.features.has_select_for_update:
        entries = table.entries().filter(named(keys, table.key)).order_by("pk")
        list(entries.select_for_update().values_list("pk", flat=True))
