"""The rows of a file that can't be imported, as a table that can be mended and uploaded again."""

from collections.abc import Iterator

from campaigns.models import ImportFile
from campaigns.services.catalogue.checking import PROBLEM
from campaigns.services.catalogue.findings import Findings
from campaigns.services.catalogue.opening import open_source
from campaigns.services.imports.kinds import ORDERS


def rejected_rows(file: ImportFile, findings: Findings) -> Iterator[tuple[str, ...]]:
    """Yield the file's headers, then each wrong row as it was written; a last column says what is wrong with it."""
    places = [
        number for number, name in enumerate(findings.columns) if name.strip() and name.strip().lower() != PROBLEM
    ]
    yield (*(findings.columns[number].strip() for number in places), PROBLEM)
    wrong = {finding.line: finding for finding in findings.wrong}
    for row in open_source(bytes(file.content), dates=file.kind == ORDERS).rows if wrong else ():
        if (finding := wrong.get(row.line)) is None:
            continue
        cells = [cell if isinstance(cell, str) else "" for cell in row.cells]
        cells += [""] * (len(findings.columns) - len(cells))
        words = " ".join(
            f"{error.column}: {error.message}" if error.column else error.message for error in finding.errors
        )
        yield (*(cells[number] for number in places), f"{findings.place} {row.line}: {words}")
