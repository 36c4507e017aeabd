"""A workbook to fill in: the columns of a kind on its first sheet, what each one takes on the second."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from django.db import models

from campaigns.services.catalogue.columns import Table
from campaigns.services.imports.kinds import columns_of
from campaigns.services.spreadsheets import Value, write_xlsx

ORDER_HELP = {
    "order_ref": "Your own reference: a new one makes a draft, one that is there edits that draft. It never changes.",
    "plan": "The reference of the plan.",
    "branch": "The external id of the branch.",
    "listings": "The external ids of the listings, separated by ; or |.",
    "agent": "The external id of an agent of the branch. Empty: none.",
    "start": "In the branch's own time, such as 2027-03-01 09:00. Empty: Flow begins at once.",
    "end": "In the branch's own time, such as 2027-03-15 09:00. Empty: Flow's plan decides.",
    "budget_override": "An amount in the plan's currency, such as 2928.00. Empty: the plan's default.",
}
BRANCH = "The external id of the branch."
HELP = {"branch": BRANCH, "agent": "The external id of an agent of the same branch. Empty: none."}


@dataclass(frozen=True)
class ColumnHelp:
    """What a column takes."""

    name: str
    is_required: bool
    text: str


def column_help(kind: str) -> list[ColumnHelp]:
    """Return what each column of a kind takes, those that a file must have first."""
    table = columns_of(kind)
    return [ColumnHelp(name, name in table.required, _help(table, name)) for name in table.columns]


def write_template(kind: str, file: IO[bytes]) -> None:
    """Write the workbook; an import reads its first sheet only."""
    columns = column_help(kind)
    write_xlsx([(kind.capitalize(), [[column.name for column in columns]]), ("Help", _rows(columns))], file)


def _rows(columns: list[ColumnHelp]) -> Iterator[list[Value]]:
    yield ["column", "needed", "what it takes"]
    for column in columns:
        yield [column.name, "yes" if column.is_required else "no", column.text]


def _help(table: object, name: str) -> str:
    if not isinstance(table, Table):
        return ORDER_HELP[name]
    field = table.field(name)
    if name in HELP:
        return HELP[name]
    words = [str(field.help_text)] if field.help_text else []
    if name == table.key:
        words.append("It says which entry a row means: one that is there is changed, any other is added.")
    words.append(_format(field))
    return " ".join(word for word in words if word)


def _format(field: "models.Field[object, object]") -> str:
    if isinstance(field, models.BooleanField):
        return "Yes or no; empty: yes."
    if isinstance(field, models.DecimalField):
        return "An amount with digits and a point, such as 2928.00."
    if isinstance(field, models.IntegerField):
        return "A whole number."
    if isinstance(field, models.URLField):
        return "A whole web address, such as https://portal.example/1."
    if isinstance(field, models.EmailField):
        return "An e-mail address."
    return f"Text, at most {field.max_length} characters."
