"""Two people edit the same row: what the second one is shown, field by field, and what becomes of their form."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from campaigns.admin import look
from campaigns.models import Event

TAKE = "take_"
THEIRS = "theirs"
Values = Mapping[str, Any]
FormValues = Mapping[str, list[str]]


@dataclass(frozen=True)
class Compared:
    """A field that somebody else changed since the form began: what it was, what it is, and what the person wrote."""

    field: str
    label: str
    before: str
    theirs: str
    mine: str
    who: str
    touched: bool
    """Whether the person changed it too: then they choose."""

    @property
    def choice(self) -> str:
        """Return the name of the choice in the form."""
        return f"{TAKE}{self.field}"


def compare(
    before: Values,
    theirs: Values,
    mine: Values,
    events: Iterable[Event],
    labels: Mapping[str, str],
    words: Callable[[str, Values], str],
) -> list[Compared]:
    """Return what others changed since `before`. `events` are the newest first; `words` tells a field of a content."""
    lines = list(events)
    return [
        Compared(
            field=field,
            label=labels[field],
            before=words(field, before),
            theirs=words(field, theirs),
            mine=words(field, mine),
            who=_who(field, lines),
            touched=before[field] != mine[field],
        )
        for field in labels
        if field in before and before[field] != theirs[field]
    ]


def summary(rows: Iterable[Compared]) -> str:
    """Return what happened, for the top of the form."""
    names = ", ".join(row.label for row in rows)
    if not names:
        return "Somebody else has saved this since you opened it. Nothing of yours is saved yet: look at it, and save again."
    return f"Others have changed this since you opened it: {names}. Nothing of yours is saved yet: compare, and save again."


def chosen(written: QueryDict, theirs: FormValues) -> QueryDict:
    """Return what was written, with the other people's values where the person took those."""
    taken = [field for field in theirs if written.get(f"{TAKE}{field}") == THEIRS]
    return _with(written, {field: theirs[field] for field in taken})


def merged(written: QueryDict, theirs: FormValues, rows: Iterable[Compared]) -> QueryDict:
    """Return what was written, with the other people's values in the fields that the person left alone."""
    return _with(written, {row.field: theirs[row.field] for row in rows if not row.touched})


def _with(written: QueryDict, values: FormValues) -> QueryDict:
    data = written.copy()
    for field, each in values.items():
        if each:
            data.setlist(field, each)
        else:
            data.pop(field, None)
    return data


def _who(field: str, events: list[Event]) -> str:
    for event in events:
        if field in event.data:
            return f"{event.actor.get_username() if event.actor else 'an import'}, {look.when(event.at)}"
    return "somebody"
