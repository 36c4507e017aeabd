"""What a row of a file of orders says: its columns, and its cells read without a look at the database."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from campaigns.models import Listing, Order
from campaigns.services.catalogue.cells import Field, read_cell

SEPARATORS = (";", "|")


class OrderTable:
    """The columns of a file of orders."""

    key = "order_ref"
    required = ("order_ref", "plan", "branch", "listings")
    optional = ("agent", "start", "end", "budget_override")
    columns = required + optional

    def read(self, column: str, text: str) -> Any:
        """Return the value of a cell: ids as they are written, times without a zone unless the cell names its offset."""
        if column == "listings":
            return _ids(text)
        if column in ("start", "end"):
            return _moment(text)
        return read_cell(_field(Order, column), text)


def _field(model: type[Order] | type[Listing], name: str) -> Field:
    field: Field = model._meta.get_field(name)  # type: ignore[assignment]  # none of these is a relation from elsewhere
    return field


def _ids(text: str) -> tuple[str, ...]:
    for other in SEPARATORS[1:]:
        text = text.replace(other, SEPARATORS[0])
    field = _field(Listing, "external_id")
    ids = tuple(read_cell(field, part) for part in text.split(SEPARATORS[0]) if part.strip())
    if not ids:
        raise ValidationError(
            "The cell is empty. Give at least one listing, by its external id; separate several with ;."
        )
    if len(set(ids)) != len(ids):
        raise ValidationError("A listing is there twice. Write each once.")
    return ids


def _moment(text: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValidationError(
            f"“{text[:40]}” is not a date and time. Write it such as 2027-03-01 09:00, in the branch's own time."
        ) from None
    if not 2000 <= moment.year <= 2999:  # at the ends of the calendar no other zone has the moment
        raise ValidationError(f"{moment.year} is not a year to advertise in. Write it such as 2027-03-01 09:00.")
    return moment
