"""Note who takes a list out of the console, before it leaves."""

from datetime import datetime

from django.contrib.auth.models import User

from campaigns.services.errors import Refused
from campaigns.services.history import record, require

MOST_XLSX_ROWS = 100_000


def note_export(
    list_name: str, file_format: str, *, filters: str, columns: list[str], rows: int, user: User, now: datetime
) -> None:
    """Write the line of history of an export. Raises NotAllowed, or Refused where a workbook would be too large."""
    require(user, "export_lists", "export lists")
    if file_format == "xlsx" and rows > MOST_XLSX_ROWS:
        raise Refused(
            f"The list has {rows:,} rows, and a workbook of the console takes {MOST_XLSX_ROWS:,} at most. Nothing was "
            "exported. Filter the list, or export it as CSV."
        )
    text = f"{user.get_username()} exported the list of {list_name} as {file_format.upper()}: {rows:,} rows."
    data = {"list": list_name, "format": file_format, "filters": filters, "columns": columns, "rows": rows}
    record("list.exported", text, now=now, by=user, data=data)
