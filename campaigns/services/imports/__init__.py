"""Import in two steps: keep a file and look at it, then import exactly what was seen."""

from campaigns.services.imports.confirming import Imported, confirm, examine, require_import
from campaigns.services.imports.files import keep, kept_file, remove_expired
from campaigns.services.imports.kinds import NAMES, columns_of
from campaigns.services.imports.leftovers import rejected_rows
from campaigns.services.imports.templates import ColumnHelp, column_help, write_template

__all__ = [
    "NAMES",
    "ColumnHelp",
    "Imported",
    "column_help",
    "columns_of",
    "confirm",
    "examine",
    "keep",
    "kept_file",
    "rejected_rows",
    "remove_expired",
    "require_import",
    "write_template",
]
