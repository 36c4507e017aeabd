"""What a row of a file of orders says: its columns, and its cells read without a look at the database."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from campaigns.models import Listing, Order
from campaigns.services.catalogue.cells import Field, reader

SEPARATORS = (";", "|")


class OrderTable:
    """The columns of a file of orders."""

    key = "order_ref"
    required = ("order_ref", "plan", "branch", "listings")
    optional = ("agent", "start", "end", "budget_override")
    columns = required + optional

    def reader(self, column: str) -> Callable[[str], Any]:
        """Return what makes values of texts: ids as they are written, times without a zone unless the cell names its offset."""
        if column == "listings":
            return partial(_ids, reader(_field(Listing, "external_id")))
        if column in ("start", "end"):
            return _moment
        return reader(_field(Order, column))


def _field(model: type[Order] | type[Listing], name: str) -> Field:
    field: Field = model._meta.get_field(name)  # type: ignore[assignment]  # none of these is a relation from elsewhere
    return field


def _ids(read: Callable[[str], Any], text: str) -> tuple[str, ...]:
    for other in SEPARATORS[1:]:
        text = text.replace(other, SEPARATORS[0])
    ids = tuple(read(part) for part in text.split(SEPARATORS[0]) if part.strip())
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
