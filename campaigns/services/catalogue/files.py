"""Read a whole file: what takes long is done before any row is locked."""

from dataclasses import dataclass

from campaigns.services.catalogue.checking import Columns, Draft, Stored, check_rows, nothing_stored
from campaigns.services.catalogue.findings import Findings
from campaigns.services.catalogue.opening import NOTHING, open_source
from campaigns.services.catalogue.reading import RowError, Unreadable, read_rows


@dataclass(frozen=True)
class Reading:
    """A file: its columns, its rows below the headers as they were read, and what is wrong with headers and cells."""

    place: str
    notes: tuple[str, ...]
    header: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    drafts: tuple[Draft, ...] = ()
    errors: tuple[RowError, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Say whether there are rows to judge; else the errors say what is wrong with the file."""
        return bool(self.drafts)

    def findings_of_nothing(self) -> Findings:
        """Return the findings of a file that has no rows to judge."""
        return Findings(self.place, self.notes, errors=self.errors)


def read_file(
    table: Columns,
    content: bytes,
    *,
    most: int | None = None,
    dates: bool = False,
    stored: Stored = nothing_stored,
) -> Reading:
    """Return what a CSV or XLSX file holds, at most `most` rows; `dates` says whether a workbook's dates are wanted.

    Rows that are `stored` as they are need no judgement.
    """
    source = NOTHING
    try:
        source = open_source(content, dates=dates)
        checked = check_rows(table, read_rows(source, most), source.place, stored)
    except Unreadable as unreadable:
        return Reading(source.place, source.notes, errors=(unreadable.error,))
    return Reading(source.place, source.notes, checked.header, checked.columns, checked.drafts, checked.errors)
