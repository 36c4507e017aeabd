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
from campaigns.services.catalogue.changes import changes_between
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
    del content  # a large file and its rows would be much for one process
    with collisions(), transaction.atomic():
        examination = examine(table, reading, user=user, lock=not dry_run)
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
    new, changed = [each for each in writes if each.is_new], [each for each in writes if not each.is_new]
    insert(table.model, (each.entry() for each in new), len(new))
    columns = [column for column in table.columns if any(column in each.changes for each in changed)]
    for some in _parts(changed) if columns else ():
        _update(table, some, columns)
    actor_id = by.pk if isinstance(by, User) else None
    actor_kind = by if isinstance(by, ActorKind) else ActorKind.PERSON
    source, noun = PurePath(filename).name[:LONGEST_NAME], table.noun

    def told(write: Write) -> Event:
        entry = write.entry()
        if write.is_new:
            did, changes = "added", changes_between(None, entry, table.columns)
        else:
            did, changes = f"changed {', '.join(write.changes)} of", dict(write.changes)
        return Event(
            at=now,
            kind=f"{noun}.{'created' if write.is_new else 'changed'}",
            text=f"The import of {source} {did} {noun} {entry}.",
            data=changes,
            actor_kind=actor_kind.value,
            actor_id=actor_id,
            subject=f"{noun}:{write.entry.key}",
        )

    append(map(told, writes), len(writes))


def _parts(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    """Yield them in parts, of which no more is made into entries at once."""
    for first in range(0, len(writes), BATCH):
        yield writes[first : first + BATCH]


def _update(table: Table, changed: Sequence[Write], columns: list[str]) -> None:
    """Write the columns, which are all in the file: a row that does not change one of them has its value as it is."""
    table.entries().bulk_create(
        [each.entry() for each in changed],
        update_conflicts=True,
        unique_fields=[table.key],
        update_fields=columns,
    )
