"""Import a file of the catalogue: everything is checked first, then all of it is written, or nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import IO

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from campaigns.domain.states import ActorKind
from campaigns.models import Event
from campaigns.services.catalogue.columns import TABLES, Kind, Table
from campaigns.services.catalogue.examining import Write, examine
from campaigns.services.catalogue.files import read_file
from campaigns.services.catalogue.findings import Findings, Verdict
from campaigns.services.catalogue.reading import RowError, Unreadable, read_content
from campaigns.services.catalogue.storing import stored_in
from campaigns.services.errors import Refused
from campaigns.services.history import append, require
from campaigns.services.inserting import insert

BATCH = 1000
LONGEST_NAME = 100  # of a file, in the history


@dataclass(frozen=True)
class ImportResult:
    """What an import did, or would do; with errors it did nothing. `place` is what a row's number is called."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: tuple[RowError, ...] = ()
    notes: tuple[str, ...] = ()
    place: str = "Line"


def import_catalogue(
    kind: Kind, file: IO[bytes], filename: str, *, user: User | None, dry_run: bool = False, now: datetime
) -> ImportResult:
    """Add and change entries of the catalogue as the file says, matched by external id (plans by ref).

    All rows are checked before any is written, and what is wrong is in the result, not raised. A column that the file
    lacks leaves the values as they are. `user` is None where the machine's own command line imports. Raises NotAllowed,
    or Refused where others changed the catalogue in the same moment.
    """
    table = TABLES[kind]
    require_import(kind, user)
    try:
        content = read_content(file)
    except Unreadable as unreadable:
        return ImportResult(errors=(unreadable.error,))
    reading = read_file(table, content, stored=stored_in(table, user))
    with collisions(), transaction.atomic():
        examination = examine(table, reading, user=user, lock=not dry_run)
        del reading  # its rows take as much memory as the entries made of them
        findings = examination.findings
        if not findings.all_errors and not dry_run:
            write(table, examination.writes, by=user or ActorKind.SCHEDULER, filename=filename, now=now)
    return _result(findings)


def require_import(kind: Kind, user: User | None) -> None:
    """Raise NotAllowed unless the user may add and change what the file holds; a machine without a user may."""
    if user is not None:
        for deed in ("add", "change"):
            require(user, f"{deed}_{TABLES[kind].model._meta.model_name}", f"{deed} {kind.value}")


@contextmanager
def collisions() -> Iterator[None]:
    """Turn what others wrote in the same moment into a refusal."""
    try:
        yield
    except IntegrityError as error:
        raise Refused(
            "Somebody changed the catalogue while the file was being checked. Nothing was imported. Import it again."
        ) from error


def _result(findings: Findings) -> ImportResult:
    if errors := findings.all_errors:
        return ImportResult(errors=errors, notes=findings.notes, place=findings.place)
    counts = findings.counts
    return ImportResult(
        counts[Verdict.NEW],
        counts[Verdict.CHANGED],
        counts[Verdict.UNCHANGED],
        (),
        findings.notes,
        findings.place,
    )


def write(table: Table, writes: Sequence[Write], *, by: User | ActorKind, filename: str, now: datetime) -> None:
    """Write what an examination found, each entry with its line of history, in the caller's transaction.

    An entry that somebody else has added meanwhile raises IntegrityError.
    """
    new = [each.entry for each in writes if each.is_new]
    changed = [each for each in writes if not each.is_new]
    insert(new)
    columns = [column for column in table.columns if any(column in each.changes for each in changed)]
    if columns:
        _update(table, changed, columns)
    person = by if isinstance(by, User) else None
    actor_kind = by if isinstance(by, ActorKind) else ActorKind.PERSON
    source, noun = PurePath(filename).name[:LONGEST_NAME], table.noun
    append(
        Event(
            at=now,
            kind=f"{noun}.{'created' if each.is_new else 'changed'}",
            text=_words(noun, each, source),
            data=dict(each.changes.items()),
            actor_kind=actor_kind.value,
            actor=person,
            subject=f"{noun}:{getattr(each.entry, table.key)}",
        )
        for each in writes
    )


def _update(table: Table, changed: Sequence[Write], columns: list[str]) -> None:
    """Write the columns, which are all in the file: a row that does not change one of them has its value as it is."""
    table.entries().bulk_create(
        [each.entry for each in changed],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=[table.key],
        update_fields=columns,
    )


def _words(noun: str, write: Write, source: str) -> str:
    did = "added" if write.is_new else f"changed {', '.join(write.changes)} of"
    return f"The import of {source} {did} {noun} {write.entry}."
