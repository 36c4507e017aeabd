"""Put branches and agents in the place of the external ids that name them, and check what that shows."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from campaigns import selectors
from campaigns.models import Agent, Branch
from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.columns import Entry, Table
from campaigns.services.catalogue.reading import RowError


def link(
    table: Table, columns: tuple[str, ...], drafts: list[Draft], user: User | None
) -> tuple[dict[int, Entry], list[RowError]]:
    """Replace external ids by the entries they name, one query a column.

    Return by line the entry that a row describes, and what can't be found or doesn't fit. Only entries of the user's branches
    are found; all, where there is no user.
    """
    errors = []
    for column in relations(table, columns):
        errors += _link_column(column, drafts, user)
    entries = {}
    for draft in drafts:
        entries[draft.line] = entry = table.model(**draft.values)
        errors += _check_whole(entry, draft.line)
    return entries, errors


def relations(table: Table, columns: tuple[str, ...]) -> list[str]:
    """Return the columns that name a branch or an agent."""
    return [column for column in columns if table.field(column).is_relation]


def _link_column(column: str, drafts: list[Draft], user: User | None) -> list[RowError]:
    names = {draft.values[column] for draft in drafts if draft.values.get(column)}
    found = _choices(column, user).in_bulk(sorted(names), field_name="external_id")
    errors = []
    for draft in drafts:
        name = draft.values.get(column)
        if name is None:
            continue
        if name in found:
            draft.values[column] = found[name]
        else:
            del draft.values[column]
            errors.append(RowError(draft.line, column, not_found(column, name, user)))
    return errors


def _choices(column: str, user: User | None) -> QuerySet[Any]:
    if column == "branch":
        return Branch.objects.all() if user is None else selectors.branches_for(user)
    return Agent.objects.all() if user is None else selectors.agents_for(user)


def not_found(noun: str, name: str, user: User | None) -> str:
    """Return the words about an id that names nothing; what other branches have is not told."""
    if user is None or noun == "plan" or selectors.works_everywhere(user):
        return f"There is no {noun} with the external id “{name}”. Correct it, or import that {noun} first."
    return (
        f"In your branches there is no {noun} with the external id “{name}”. Correct it, or import that {noun} first."
    )


def _check_whole(entry: Entry, line: int) -> list[RowError]:
    """Ask the model what it says of the row as a whole; a value that is missing because it is wrong doesn't matter to it."""
    try:
        entry.clean()
    except ValidationError as error:
        return [RowError(line, column, words) for column, said in error.message_dict.items() for words in said]
    return []
