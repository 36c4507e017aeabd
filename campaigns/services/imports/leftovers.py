"""The rows of a file that can't be imported, as a table that can be mended and uploaded again."""

from collections.abc import Iterator

from campaigns.services.catalogue.checking import PROBLEM
from campaigns.services.catalogue.findings import Findings


def rejected_rows(findings: Findings) -> Iterator[tuple[str, ...]]:
    """Yield the file's headers, then each wrong row as it was written; a last column says what is wrong with it."""
    places = [
        number for number, name in enumerate(findings.columns) if name.strip() and name.strip().lower() != PROBLEM
    ]
    yield (*(findings.columns[number].strip() for number in places), PROBLEM)
    for row in findings.wrong:
        cells = [cell if isinstance(cell, str) else "" for cell in row.cells]
        cells += [""] * (len(findings.columns) - len(cells))
        words = " ".join(f"{error.column}: {error.message}" if error.column else error.message for error in row.errors)
        yield (*(cells[number] for number in places), f"{findings.place} {row.line}: {words}")
