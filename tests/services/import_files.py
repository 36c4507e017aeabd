"""Files on their way through the two steps of an import."""

import io

from django.contrib.auth.models import User

from campaigns.models import ImportFile
from campaigns.services import imports
from campaigns.services.catalogue.findings import Findings
from campaigns.services.imports import Imported
from tests.services.building import NOW

Told = list[tuple[int, str, str]]


def kept(kind: str, *lines: str, user: User) -> ImportFile:
    """Return a CSV file of these lines that was uploaded."""
    return imports.keep(kind, io.BytesIO("\n".join(lines).encode()), f"{kind}.csv", user=user, now=NOW)


def seen(file: ImportFile, user: User) -> Findings:
    """Return what a look at the file finds."""
    return imports.examine(file, user=user, now=NOW)


def verdicts(findings: Findings) -> Told:
    """Return (line, key, verdict) of each row."""
    return [(row.line, row.key, str(row.verdict)) for row in findings.rows]


def errors(findings: Findings) -> list[tuple[int | None, str, str]]:
    """Return (line, column, message) of each error."""
    return [(error.line, error.column, error.message) for error in findings.all_errors]


def confirmed(file: ImportFile, findings: Findings, user: User, *, good_only: bool = False) -> Imported:
    """Import the file as it was seen."""
    return imports.confirm(file, findings.fingerprint(), good_only=good_only, user=user, now=NOW)
