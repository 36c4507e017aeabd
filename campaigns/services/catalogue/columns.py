"""Which columns each file of the catalogue has. A column is called like the model's field."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from django.db import models

from campaigns.models import Agent, Branch, Listing, Plan
from campaigns.services.catalogue.cells import Field, reader

Entry = Branch | Agent | Plan | Listing


class Kind(StrEnum):
    """What a file holds."""

    BRANCHES = "branches"
    AGENTS = "agents"
    PLANS = "plans"
    LISTINGS = "listings"


@dataclass(frozen=True)
class Table:
    """The columns that a file must have, the key first, and those that it may have."""

    model: type[Entry]
    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the column that says which entry a row means."""
        return self.required[0]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all columns."""
        return self.required + self.optional

    def entries(self) -> models.QuerySet[Any]:
        """Return what is in the database."""
        return self.model._default_manager.all()

    def field(self, column: str) -> Field:
        """Return the model's field that the column fills."""
        return cast("Field", self.model._meta.get_field(column))

    def reader(self, column: str) -> Callable[[str], Any]:
        """Return what makes a column's values of texts. It raises ValidationError with what to do."""
        return reader(self.field(column))

    @property
    def noun(self) -> str:
        """Return what one entry is called, such as branch."""
        return str(self.model._meta.verbose_name)


TABLES: dict[Kind, Table] = {
    Kind.BRANCHES: Table(
        Branch, ("external_id", "name"), ("time_zone", "monthly_budget", "approval_threshold", "active")
    ),
    Kind.AGENTS: Table(Agent, ("external_id", "branch", "name", "email"), ("active",)),
    Kind.PLANS: Table(
        Plan,
        ("ref", "name", "default_budget", "duration_days"),
        ("currency", "objective", "channels", "max_listings", "active"),
    ),
    Kind.LISTINGS: Table(
        Listing,
        ("external_id", "branch", "agent", "title", "price", "url"),
        ("address", "status", "image_url", "active"),
    ),
}


def table_of(entry: Entry) -> Table:
    """Return the table that the entry belongs to."""
    return next(table for table in TABLES.values() if table.model is type(entry))
