"""Import branches, agents, plans or listings from a CSV or XLSX file."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from campaigns.management.base import ConsoleCommand, ExitCode, Report
from campaigns.services.catalogue import TABLES, ImportResult, Kind, import_catalogue

COLUMNS = "\n".join(
    f"  {kind.value}: {', '.join(table.required)} [{', '.join(table.optional)}]" for kind, table in TABLES.items()
)


class Command(ConsoleCommand):
    """Import a file; all of it, or nothing where anything is wrong."""

    help = (
        "Add and change entries of the catalogue as a CSV (UTF-8) or XLSX file says, matched by external id (plans by ref). "
        "Columns, those in brackets may be left out:\n" + COLUMNS
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser; its help keeps the lines of the columns."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to import."""
        parser.add_argument("kind", choices=[kind.value for kind in Kind], help="What the file holds.")
        parser.add_argument("file", type=Path, help="The CSV or XLSX file.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Check the file and say what would change; write nothing."
        )

    def run(self, **options: Any) -> Report:
        """Import the file and tell what came of it."""
        kind, path, dry_run = Kind(options["kind"]), options["file"], options["dry_run"]
        try:
            with path.open("rb") as file:
                result = import_catalogue(kind, file, path.name, user=None, dry_run=dry_run, now=timezone.now())
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}. Nothing was imported.") from error
        self._tell(kind, path, result, dry_run)
        return Report(_data(kind, path, result, dry_run), ExitCode.FAILED if result.errors else ExitCode.DONE)

    def _tell(self, kind: Kind, path: Path, result: ImportResult, dry_run: bool) -> None:
        for note in result.notes:
            self.say(note)
        for error in result.errors:
            place = "" if error.line is None else f"{result.place} {error.line}"
            where = ", ".join(filter(None, (place, error.column and f"column {error.column}")))
            self.complain(f"{where}: {error.message}" if where else error.message)
        if result.errors:
            count = len(result.errors)
            errors = "1 error" if count == 1 else f"{count:,} errors"
            self.complain(f"Nothing was imported: {errors} in {path.name}. Mend the file and import it again.")
        elif not result.created and not result.changed:
            self.say(
                f"Nothing to change: all {result.unchanged:,} {kind.value} are in the catalogue just as {path.name} says."
            )
        else:
            did = "would be" if dry_run else "were"
            self.say(
                f"{kind.value.capitalize()}: {result.created:,} {did} added, {result.changed:,} changed, "
                f"{result.unchanged:,} left as they are."
            )


def _data(kind: Kind, path: Path, result: ImportResult, dry_run: bool) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "file": path.name,
        "dry_run": dry_run,
        "created": result.created,
        "changed": result.changed,
        "unchanged": result.unchanged,
        "errors": [{"line": error.line, "column": error.column, "message": error.message} for error in result.errors],
        "notes": list(result.notes),
    }
