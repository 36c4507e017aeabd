"""Put branches and agents in the place of the external ids that name them, and check what that shows."""

from typing import Any

from django.core.exceptions import ValidationError

from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.columns import Table
from campaigns.services.catalogue.reading import RowError


def link(table: Table, columns: tuple[str, ...], drafts: list[Draft]) -> list[RowError]:
    """Replace external ids by the entries they name, one query a column; return what can't be found or doesn't fit."""
    errors = []
    for column in relations(table, columns):
        errors += _link_column(table, column, drafts)
    for draft in drafts:
        errors += _check_whole(table, draft)
    return errors


def relations(table: Table, columns: tuple[str, ...]) -> list[str]:
    """Return the columns that name a branch or an agent."""
    return [column for column in columns if table.field(column).is_relation]


def _link_column(table: Table, column: str, drafts: list[Draft]) -> list[RowError]:
    related: Any = table.field(column).related_model
    found = related.objects.in_bulk(
        {draft.values[column] for draft in drafts if draft.values.get(column)}, field_name="external_id"
    )
    errors = []
    for draft in drafts:
        name = draft.values.get(column)
        if name is None:
            continue
        if name in found:
            draft.values[column] = found[name]
        else:
            del draft.values[column]
            message = f"There is no {column} with the external id “{name}”. Correct it, or import that {column} first."
            errors.append(RowError(draft.line, column, message))
    return errors


def _check_whole(table: Table, draft: Draft) -> list[RowError]:
    """Ask the model what it says of the row as a whole; a value that is missing because it is wrong doesn't matter to it."""
    try:
        table.model(**draft.values).clean()
    except ValidationError as error:
        return [RowError(draft.line, column, words) for column, said in error.message_dict.items() for words in said]
    return []
