"""Import a file of the catalogue: everything is checked first, then all of it is written, or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import IO

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from campaigns.domain.states import ActorKind
from campaigns.models import Event
from campaigns.services.catalogue.changes import Changes, changes_between, subject_of
from campaigns.services.catalogue.checking import Checker, Draft, check_header
from campaigns.services.catalogue.columns import TABLES, Entry, Kind, Table
from campaigns.services.catalogue.linking import link, relations
from campaigns.services.catalogue.reading import Row, RowError, Source, Unreadable, read_content, read_rows
from campaigns.services.catalogue.reading_csv import open_csv
from campaigns.services.catalogue.reading_xlsx import ZIP, open_xlsx, refuse_old_excel
from campaigns.services.errors import Refused
from campaigns.services.history import append, require

BATCH = 1000
NOTHING = Source("Line", (), iter(()))


@dataclass(frozen=True)
class ImportResult:
    """What an import did, or would do; with errors it did nothing. `place` is what a row's number is called."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: tuple[RowError, ...] = ()
    notes: tuple[str, ...] = ()
    place: str = "Line"


@dataclass(frozen=True)
class Write:
    """An entry to be written, and what is new about it."""

    entry: Entry
    is_new: bool
    changes: Changes


def import_catalogue(
    kind: Kind, file: IO[bytes], filename: str, *, user: User | None, dry_run: bool = False, now: datetime
) -> ImportResult:
    """Add and change entries of the catalogue as the file says, matched by external id (plans by ref).

    All rows are checked before any is written, and what is wrong is in the result, not raised. A column that the file
    lacks leaves the values as they are. `user` is None where the machine's own command line imports. Raises NotAllowed,
    or Refused where others changed the catalogue in the same moment.
    """
    table = TABLES[kind]
    if user is not None:
        for deed in ("add", "change"):
            require(user, f"{deed}_{table.model._meta.model_name}", f"{deed} {kind.value}")
    source = NOTHING
    try:
        source = _open(read_content(file))
        rows = read_rows(source)
    except Unreadable as unreadable:
        return ImportResult(errors=(unreadable.error,), notes=source.notes, place=source.place)
    columns, drafts, errors = _check(table, rows, source.place)
    writes: list[Write] = []
    with _collisions(), transaction.atomic():
        errors += link(table, columns, drafts)
        if not errors:
            writes = list(_compare(table, columns, drafts))
            if not dry_run:
                _write(table, columns, writes, by=user or ActorKind.SCHEDULER, source=PurePath(filename).name, now=now)
    return _result(source, columns, drafts, writes, errors)


@contextmanager
def _collisions() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Refused(
            "Somebody changed the catalogue while the file was being checked. Nothing was imported. Import it again."
        ) from error


def _result(
    source: Source, columns: tuple[str, ...], drafts: list[Draft], writes: list[Write], errors: list[RowError]
) -> ImportResult:
    if errors:
        order = {column: number for number, column in enumerate(columns)}
        found = sorted(errors, key=lambda error: (error.line or 0, order.get(error.column, -1)))
        return ImportResult(errors=tuple(found), notes=source.notes, place=source.place)
    new = sum(write.is_new for write in writes)
    return ImportResult(new, len(writes) - new, len(drafts) - len(writes), (), source.notes, source.place)


def _open(content: bytes) -> Source:
    if content.startswith(ZIP):
        return open_xlsx(content)
    refuse_old_excel(content)
    return open_csv(content)


def _check(table: Table, rows: list[Row], place: str) -> tuple[tuple[str, ...], list[Draft], list[RowError]]:
    if not rows:
        return (), [], [RowError(None, "", "The file is empty. Give a row of headers and a row for each entry.")]
    header, *body = rows
    columns, errors = check_header(table, header)
    if errors:
        return (), [], errors
    if not body:
        return (), [], [RowError(header.line, "", "Below the headers there are no rows. Add a row for each entry.")]
    checker = Checker(table, columns, place)
    drafts = [checker.check(row) for row in body]
    return columns, drafts, checker.errors


def _compare(table: Table, columns: tuple[str, ...], drafts: list[Draft]) -> Iterator[Write]:
    """Yield what differs from the database."""
    keys = [draft.values[table.key] for draft in drafts]
    there = table.entries().select_related(*relations(table, columns)).in_bulk(keys, field_name=table.key)
    for draft in drafts:
        entry, old = table.model(**draft.values), there.get(draft.values[table.key])
        changes = changes_between(old, entry, columns if old else table.columns)
        if changes:
            yield Write(entry, old is None, changes)


def _write(
    table: Table, columns: tuple[str, ...], writes: list[Write], *, by: User | ActorKind, source: str, now: datetime
) -> None:
    table.entries().bulk_create(
        [write.entry for write in writes],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=[table.key],
        update_fields=[column for column in columns if column != table.key],
    )
    person = by if isinstance(by, User) else None
    actor_kind = by if isinstance(by, ActorKind) else ActorKind.PERSON
    append(
        Event(
            at=now,
            kind=f"{table.noun}.{'created' if write.is_new else 'changed'}",
            text=_words(table, write, source),
            data=write.changes,
            actor_kind=actor_kind.value,
            actor=person,
            subject=subject_of(write.entry),
        )
        for write in writes
    )


def _words(table: Table, write: Write, source: str) -> str:
    did = "added" if write.is_new else f"changed {', '.join(write.changes)} of"
    return f"The import of {source} {did} {table.noun} {write.entry}."
