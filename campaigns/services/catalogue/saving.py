"""Write and delete single entries of the catalogue, each with its line of history."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from campaigns.domain.states import OrderState
from campaigns.models import Branch
from campaigns.services.catalogue.changes import changes_between, key_of, plain_values, subject_of
from campaigns.services.catalogue.columns import Entry, table_of
from campaigns.services.errors import Overtaken, Refused
from campaigns.services.history import record, require, require_branch


def check(entry: Entry) -> None:
    """Raise ValidationError, by field, unless the entry keeps all rules.

    An id that Flow knows submitted orders by never changes: the orders would point at something that they were not for.
    """
    entry.full_clean()
    old = _stored(entry)
    if old and key_of(old) != key_of(entry) and old.orders.exclude(state=OrderState.DRAFT.value).exists():
        table = table_of(entry)
        raise ValidationError(
            {
                table.key: f"Submitted orders name this {table.noun} by its id {key_of(old)}, so the id can't change. "
                f"Add a new {table.noun} with the other id, and set this one inactive."
            }
        )


def save(entry: Entry, *, user: User, now: datetime, began: dict[str, Any] | None = None) -> None:
    """Write a new or changed entry; unchanged, it writes nothing.

    `began` are the plain values that the person began with. Raises NotAllowed, ValidationError by field, or Overtaken where
    the entry has other values by now.
    """
    table = table_of(entry)
    adding = entry.pk is None
    deed = "add" if adding else "change"
    require(user, f"{deed}_{entry._meta.model_name}", f"{deed} {entry._meta.verbose_name_plural}")
    _require_branches(user, entry, _stored(entry))
    with transaction.atomic():
        stored = _stored(entry)
        if stored and began is not None:
            _check_began(stored, entry, began, table.columns)
        check(entry)
        changes = changes_between(stored, entry, table.columns)
        if not changes:
            return
        entry.save(update_fields=None if adding else list(changes))
        did = f"added {table.noun} {entry}" if adding else f"changed {', '.join(changes)} of {table.noun} {entry}"
        what = "created" if adding else "renamed" if table.key in changes else "changed"
        text = f"{user.get_username()} {did}."
        record(f"{table.noun}.{what}", text, now=now, by=user, subject=subject_of(entry), data=changes)


def delete(entry: Entry, *, user: User, now: datetime) -> None:
    """Delete an entry that nothing refers to. Raises NotAllowed, or Refused with what refers to it."""
    table = table_of(entry)
    require(user, f"delete_{entry._meta.model_name}", f"delete {entry._meta.verbose_name_plural}")
    _require_branches(user, entry)
    subject, changes = subject_of(entry), changes_between(entry, None, table.columns)
    with transaction.atomic():
        try:
            entry.delete()
        except ProtectedError:
            raise Refused(f"{why_kept(entry)} Nothing was changed.") from None
        text = f"{user.get_username()} deleted {table.noun} {entry}."
        record(f"{table.noun}.deleted", text, now=now, by=user, subject=subject, data=changes)


def _require_branches(user: User, *entries: Entry | None) -> None:
    """Raise NotAllowed unless the user works for the branch of each; a plan has none, a new branch is nobody's yet."""
    for entry in entries:
        branch = entry if isinstance(entry, Branch) else getattr(entry, "branch", None)
        if branch and branch.pk:
            require_branch(user, branch)


def _stored(entry: Entry) -> Entry | None:
    """Return the entry as it is in the database, for this transaction alone."""
    return type(entry).objects.select_for_update(no_key=True).filter(pk=entry.pk).first() if entry.pk else None


def _check_began(stored: Entry, entry: Entry, began: dict[str, Any], columns: Iterable[str]) -> None:
    columns = tuple(columns)
    theirs = plain_values(stored, columns)
    if theirs != began:
        words = f"{stored} has changed since you opened it. Nothing of yours is saved yet."
        raise Overtaken(words, began, theirs, plain_values(entry, columns))


def why_kept(entry: Entry) -> str:
    """Return why the entry can't be deleted and what to do instead; empty where nothing refers to it."""
    uses = _uses(entry)
    if not uses:
        return ""
    return (
        f"{table_of(entry).noun.capitalize()} {entry} has {uses}, so it can't be deleted. Set it inactive instead: then "
        "nobody can choose it any more."
    )


def _uses(entry: Entry) -> str:
    counts = {name: getattr(entry, name).count() for name in ("orders", "listings", "agents") if hasattr(entry, name)}
    parts = [f"{count:,} {name if count > 1 else name[:-1]}" for name, count in counts.items() if count]
    return ", ".join(parts)
