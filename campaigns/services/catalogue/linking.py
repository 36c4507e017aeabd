"""Put branches and agents in the place of the external ids that name them, and check what that shows."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.models import Agent, Branch
from campaigns.models.among import by_name
from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.columns import Entry, Table
from campaigns.services.catalogue.reading import RowError


class Links:
    """The branches and agents that rows name, looked up with one query a column.

    Only those of the user's branches are found; all, where there is no user.
    """

    def __init__(self, table: Table, columns: tuple[str, ...], drafts: Iterable[Draft], user: User | None) -> None:
        self._table, self._user = table, user
        self._found: dict[str, dict[str, Any]] = {}
        for column in relations(table, columns):
            place = columns.index(column)
            names = {name for draft in drafts if draft.read and isinstance(name := draft.read[place], str)}
            self._found[column] = by_name(_choices(column, user), names, "external_id")

    def describe(self, draft: Draft) -> tuple[Entry, list[RowError]]:
        """Return the entry that a row describes, and what the row names wrongly; the entry is without that."""
        values, errors = draft.values, []
        for column, found in self._found.items():
            name = values.get(column)
            if name is None:
                continue
            if name in found:
                values[column] = found[name]
            else:
                del values[column]
                errors.append(RowError(draft.line, column, not_found(column, name, self._user)))
        return self._table.model(**values), errors


class Described:
    """The entry that a row describes, made whenever it is asked for: an entry takes several times the memory of its row."""

    __slots__ = ("_draft", "_links")

    def __init__(self, links: Links, draft: Draft) -> None:
        self._links, self._draft = links, draft

    @property
    def key(self) -> str | None:
        """Return the external id or reference."""
        return self._draft.key

    def __call__(self) -> Entry:
        """Make the entry."""
        return self._links.describe(self._draft)[0]


def relations(table: Table, columns: tuple[str, ...]) -> list[str]:
    """Return the columns that name a branch or an agent."""
    return [column for column in columns if table.field(column).is_relation]


def _choices(column: str, user: User | None) -> QuerySet[Any]:
    if column == "branch":
        return Branch.objects.all() if user is None else selectors.branches_for(user)
    return Agent.objects.all() if user is None else selectors.agents_for(user)


def not_found(noun: str, name: str, user: User | None) -> str:
    """Return the words about an id that names nothing; what other branches have is not told."""
    if noun == "plan":
        return f"There is no plan with the ref “{name}”. Correct it, or import that plan first."
    if user is None or selectors.works_everywhere(user):
        return f"There is no {noun} with the external id “{name}”. Correct it, or import that {noun} first."
    return (
        f"In your branches there is no {noun} with the external id “{name}”. Correct it, or import that {noun} first."
    )


def check_whole(entry: Entry, line: int) -> list[RowError]:
    """Ask the model what it says of the row as a whole; a value that is missing because it is wrong doesn't matter to it."""
    try:
        entry.clean()
    except ValidationError as error:
        return [RowError(line, column, words) for column, said in error.message_dict.items() for words in said]
    return []
