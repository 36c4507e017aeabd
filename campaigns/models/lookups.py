"""A lookup that both databases answer from the index of a column: how a text begins."""

from typing import Any

from django.db.models import CharField
from django.db.models.lookups import StartsWith

LAST = "\U0010ffff"
"""Behind every other character."""


@CharField.register_lookup
class Begins(StartsWith):
    """`startswith` that SQLite, too, answers from an index: as a range, and so with small and capital letters apart."""

    lookup_name = "begins"

    def get_rhs_op(self, connection: Any, rhs: str) -> str:
        """Return the comparison of `startswith`."""
        return str(connection.operators["startswith"] % rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the range of the texts that begin so."""
        column, values = self.process_lhs(compiler, connection)
        return f"{column} >= %s AND {column} < %s", [*values, self.rhs, *values, f"{self.rhs}{LAST}"]
