"""What all commands share: `--json`, exit codes, and failures told in sentences."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from io import TextIOWrapper
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from campaigns.services.errors import Refused


class ExitCode(IntEnum):
    """What a script learns from the way a command ended."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2  # the command line alone shows that it is wrong
    PARTLY_DONE = 3


@dataclass(frozen=True)
class Report:
    """What a command found or did: `data` is what `--json` prints."""

    data: Any
    code: ExitCode = ExitCode.DONE


class ConsoleCommand(BaseCommand):
    """A command for people and scripts: write `add_arguments` and `run`; use `say`, `complain` and `user`.

    With `--json` stdout holds the report's data alone. Refused, ValidationError and CommandError end the command as sentences
    on stderr, with exit code 1 (or the CommandError's own).
    """

    _called_from_command_line: bool  # set by Django
    _json = False

    def run(self, **options: Any) -> Report:
        """Do the command's work."""
        raise NotImplementedError(type(self).__module__)

    def say(self, text: str) -> None:
        """Tell people something: on stdout, or on stderr where stdout belongs to the data."""
        self._write(self.stderr if self._json else self.stdout, text)

    def complain(self, text: str) -> None:
        """Tell people that something is wrong, on stderr."""
        self._write(self.stderr, text)

    def user(self, username: str) -> User:
        """Return the user who acts. Raises CommandError where nobody who can log in has that name."""
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(
                f"There is no user “{username}”. Nothing was done. Give the name of somebody who can log in."
            )
        if not user.is_active:
            raise CommandError(
                f"User “{username}” is not active. Nothing was done. Give the name of somebody who can log in."
            )
        if not user.is_staff:
            raise CommandError(
                f"User “{username}” has no staff status. Nothing was done. Give the name of somebody who can log in."
            )
        return user

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the command's own parser with `--json` added."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument("--json", action="store_true", help="Print data for scripts on stdout, messages on stderr.")
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the command line, whatever characters the terminal lacks; refuse words that are no text."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        if broken := [word for word in argv if not _is_text(word)]:
            self.complain(f"“{broken[0]}” is not UTF-8. Nothing was done. Write it in UTF-8, as the terminal should.")
            sys.exit(ExitCode.WRONG_USAGE)
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run; on the command line, end a failure with its words and its exit code instead of a traceback."""
        try:
            return super().execute(*args, **options)
        except (CommandError, Refused, ValidationError, OperationalError, ProgrammingError) as error:
            failure = in_words(error)
            if not self._called_from_command_line or options["traceback"]:
                raise failure from error
            self.complain(str(failure))
            sys.exit(failure.returncode)
        except KeyboardInterrupt:
            if not self._called_from_command_line or options["traceback"]:
                raise
            self.complain(
                "Interrupted. What was done until then stays done: show_order and list_orders tell how far it came."
            )
            sys.exit(ExitCode.FAILED)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the command, print its data where asked for, and end with its exit code."""
        self._json = options["json"]
        report = self.run(**options)
        if self._json:
            self._write(self.stdout, json.dumps(report.data, cls=DjangoJSONEncoder, indent=2))
        if report.code is not ExitCode.DONE:
            sys.exit(report.code)

    def _write(self, stream: OutputWrapper, text: str) -> None:
        try:
            stream.write(_printable(text))
            stream.flush()
        except BrokenPipeError:
            # Whoever read this is gone; the work goes on all the same, and Python's own flush at exit must not fail.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def in_words(error: Exception) -> CommandError:
    """Return a failure as sentences for people; raise it again where it is nobody's but the programmer's."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, ValidationError):
        return CommandError("\n".join(_sentences(error)))
    if isinstance(error, Refused):
        return CommandError(str(error))
    if _migrations_are_missing():
        return CommandError(
            "The database lacks tables or columns. Run `python manage.py migrate`, then this command again."
        )
    if isinstance(error, OperationalError):
        return CommandError(f"The database did not do its part: {error}")
    raise error


def quoted(refs: Iterable[str]) -> str:
    """Return refs as they were written, so that a space or nothing at all is seen."""
    return ", ".join(f"“{ref}”" for ref in sorted(refs))


def _sentences(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return error.messages
    return [
        message if field == "__all__" else f"{field}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    ]


def _migrations_are_missing() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:
        return False


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # bytes that Python could not read and smuggles through
        return False
    return True


def _printable(text: str) -> str:
    """Return the text without what would steer a terminal: parts of it come from files and from Flow."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else ascii(sign)[1:-1] for sign in text)
