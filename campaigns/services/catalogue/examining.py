"""Look at a file of the catalogue: what would an import do with each row? Nothing here writes."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from campaigns import selectors
from campaigns.models import Branch, Plan
from campaigns.services.catalogue.changes import Added, changes_between
from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.columns import Entry, Table
from campaigns.services.catalogue.files import Reading
from campaigns.services.catalogue.findings import Changes, Finding, Findings, Verdict, by_line, wrong
from campaigns.services.catalogue.linking import link, relations
from campaigns.services.catalogue.reading import RowError


@dataclass(frozen=True, slots=True)
class Write:
    """An entry to be written, and what is new about it."""

    entry: Entry
    is_new: bool
    changes: Changes


@dataclass(frozen=True)
class Examination:
    """What was found in a file, and what to write of its good rows."""

    findings: Findings
    writes: tuple[Write, ...] = ()


def examine(table: Table, reading: Reading, *, user: User | None, lock: bool = False) -> Examination:
    """Return what a file says of the catalogue as it is, within the user's branches (all, where there is none).

    `lock` keeps the entries that the file names from changing until the transaction ends. A reading is examined once.
    """
    if not reading.is_readable:
        return Examination(reading.findings_of_nothing())
    columns, drafts = reading.columns, list(reading.drafts)
    judged = [draft for draft in drafts if not draft.is_stored]
    entries, wrong_links = link(table, columns, judged, user)
    errors = [*reading.errors, *wrong_links]
    there = _entries(table, columns, judged, lock=lock)
    errors += _of_others(table, judged, there, user)
    told = by_line(errors, columns)
    found: list[Finding] = []
    writes: list[Write] = []
    for draft, row in zip(drafts, reading.rows, strict=True):
        if problems := told.get(draft.line):
            found.append(wrong(draft.line, draft.values.get(table.key), problems, row))
            continue
        if draft.is_stored:
            found.append(Finding(draft.line, draft.values[table.key], Verdict.UNCHANGED))
            continue
        write = _compare(table, columns, entries[draft.line], there.get(draft.values[table.key]))
        key, currencies = draft.values[table.key], _currencies(columns, write, there)
        found.append(Finding(draft.line, key, _verdict(write), write.changes, currencies=currencies))
        writes += [write] if write.is_new or write.changes else []
    return Examination(Findings(reading.place, reading.notes, reading.header, tuple(found)), tuple(writes))


def _currencies(columns: tuple[str, ...], write: Write, there: dict[str, Any]) -> tuple[str, str]:
    """Return the currency of a plan as it is, and as the file would leave it."""
    if not isinstance(write.entry, Plan):
        return "", ""
    old = there.get(write.entry.ref)
    before = old.currency if old else ""
    return before, before if old and "currency" not in columns else write.entry.currency


def _verdict(write: Write) -> Verdict:
    if write.is_new:
        return Verdict.NEW
    return Verdict.CHANGED if write.changes else Verdict.UNCHANGED


def _entries(table: Table, columns: tuple[str, ...], drafts: list[Draft], *, lock: bool) -> dict[str, Any]:
    """Return the entries that are there already, by their key."""
    entries = table.entries().select_related(*relations(table, columns)).order_by("pk")
    keys = {draft.values[table.key] for draft in drafts if table.key in draft.values}
    if lock:
        entries = entries.select_for_update(of=("self",))
    return entries.in_bulk(sorted(keys), field_name=table.key)


def _of_others(table: Table, drafts: list[Draft], there: dict[str, Any], user: User | None) -> list[RowError]:
    """Refuse rows that mean an entry of a branch that the user does not work for."""
    if user is None or table.model is Plan or selectors.works_everywhere(user):
        return []
    mine = set(selectors.branches_for(user).values_list("pk", flat=True))
    branch_of = "pk" if table.model is Branch else "branch_id"
    errors = []
    for draft in drafts:
        key = draft.values.get(table.key)
        if key in there and getattr(there[key], branch_of) not in mine:
            message = (
                f"“{key}” is a {table.noun} of a branch that you do not work for. Correct the id, or leave the row out."
            )
            errors.append(RowError(draft.line, table.key, message))
    return errors


def _compare(table: Table, columns: tuple[str, ...], entry: Entry, old: Entry | None) -> Write:
    if old is None:
        return Write(entry, True, Added(entry, table.columns))
    return Write(entry, False, changes_between(old, entry, columns))
