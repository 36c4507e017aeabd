"""Look at a kept file, and import it as it was seen: all or nothing, or its good rows where somebody says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns.models import ImportFile
from campaigns.services.catalogue import TABLES, Kind, examining, importing
from campaigns.services.catalogue.examining import Write
from campaigns.services.catalogue.files import Reading, read_file
from campaigns.services.catalogue.findings import Findings, Verdict
from campaigns.services.catalogue.storing import stored_in
from campaigns.services.errors import Refused, Stale
from campaigns.services.history import record, require
from campaigns.services.imports.kinds import ORDERS
from campaigns.services.imports.order_import import OrderWrite, examine_orders, read_orders, write_orders

MOST_ROWS = 10_000
"""Of the catalogue, in the admin: a page waits for them, and others for what it locks. `import_catalogue` takes more."""

MOST_ORDERS = 1_000
"""Each is one draft with its history, made through the same door as by hand."""


@dataclass(frozen=True)
class Imported:
    """How many rows were written, and how many were left out because they are wrong."""

    created: int
    changed: int
    left_out: int


def require_import(kind: str, user: User) -> None:
    """Raise NotAllowed unless the user may import this kind, one of `NAMES`."""
    if kind != ORDERS:
        importing.require_import(Kind(kind), user)
        return
    for permission, deed in (("add_order", "create orders"), ("change_order", "edit orders")):
        require(user, permission, deed)


def examine(file: ImportFile, *, user: User, now: datetime) -> Findings:
    """Return what an import of the file would do, row by row. Raises NotAllowed."""
    require_import(file.kind, user)
    return _examine(file, _read(file, user), user, now, lock=False)[0]


def confirm(file: ImportFile, fingerprint: str, *, good_only: bool, user: User, now: datetime) -> Imported:
    """Import a file exactly as somebody saw it, then forget it. Rows are independent of each other within a file.

    `fingerprint` is of what they saw. Raises NotAllowed, Stale where the file says something else by now, or Refused where
    rows are wrong (unless `good_only`), where nothing is to be written or where others wrote in the same moment.
    """
    require_import(file.kind, user)
    reading = _read(file, user)
    with importing.collisions(), transaction.atomic():
        findings, writes = _examine(file, reading, user, now, lock=True)
        if findings.fingerprint() != fingerprint:
            raise Stale("What the file would change is not the same any more. Nothing was imported. Look at it again.")
        wrong = len(findings.wrong)
        if findings.errors or (wrong and not good_only):
            raise Refused("The file has errors. Nothing was imported. Mend it and upload it again.")
        if not writes:
            raise Refused("There is nothing to import: no row is new or changed.")
        _write(file, writes, user=user, now=now)
        counts = findings.counts
        done = Imported(counts[Verdict.NEW], counts[Verdict.CHANGED], wrong)
        _record(file, done, user=user, now=now)
        file.delete()
    return done


def _read(file: ImportFile, user: User) -> Reading:
    content = bytes(file.content)  # PostgreSQL answers a memoryview
    if file.kind == ORDERS:
        return read_orders(content, MOST_ORDERS)
    table = TABLES[Kind(file.kind)]
    return read_file(table, content, most=MOST_ROWS, stored=stored_in(table, user))


def _examine(
    file: ImportFile, reading: Reading, user: User, now: datetime, *, lock: bool
) -> tuple[Findings, Sequence[Write] | Sequence[OrderWrite]]:
    if file.kind == ORDERS:
        return examine_orders(reading, user=user, now=now, lock=lock)
    examination = examining.examine(TABLES[Kind(file.kind)], reading, user=user, lock=lock)
    return examination.findings, examination.writes


def _write(file: ImportFile, writes: Sequence[Write] | Sequence[OrderWrite], *, user: User, now: datetime) -> None:
    entries = [write for write in writes if isinstance(write, Write)]
    drafts = [write for write in writes if isinstance(write, OrderWrite)]
    try:
        if drafts:
            write_orders(drafts, user=user, now=now)
        else:
            importing.write(TABLES[Kind(file.kind)], entries, by=user, filename=file.name, now=now)
    except ValidationError as error:
        raise Refused(f"Nothing was imported. {' '.join(error.messages)} Look at the file again.") from error


def _record(file: ImportFile, done: Imported, *, user: User, now: datetime) -> None:
    text = (
        f"{user.get_username()} imported {file.kind} from {file.name}: {done.created:,} new, {done.changed:,} changed, "
        f"{done.left_out:,} left out."
    )
    data = {
        "file": file.name,
        "sha256": file.sha256,
        "new": done.created,
        "changed": done.changed,
        "left_out": done.left_out,
    }
    record(f"{file.kind}.imported", text, now=now, by=user, data=data)
