"""Open a file by what it is, whatever its name says."""

from campaigns.services.catalogue.reading import Source
from campaigns.services.catalogue.reading_csv import open_csv
from campaigns.services.catalogue.reading_xlsx import ZIP, open_xlsx, refuse_old_excel

NOTHING = Source("Line", (), iter(()))


def open_source(content: bytes, *, dates: bool = False) -> Source:
    """Return the rows of a CSV or XLSX file. Raises Unreadable, also while the rows are read."""
    if content.startswith(ZIP):
        return open_xlsx(content, dates=dates)
    refuse_old_excel(content)
    return open_csv(content)
