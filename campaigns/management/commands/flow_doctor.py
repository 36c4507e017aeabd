"""`flow_doctor`: is everything in place to publish? Publishes nothing."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from campaigns import gateway, tasks
from campaigns.flow import FlowError
from campaigns.management.base import ConsoleCommand, ExitCode, Report


class Sick(Exception):
    """A part is not well; the message says what to mend."""


class Command(ConsoleCommand):
    """Look at settings, database, broker and token, one by one."""

    help = "Check settings, database, broker and Flow's token, and say what to mend. Publishes nothing."
    requires_system_checks: list[str] = []  # they are its own first part

    def run(self, **_: Any) -> Report:
        """Look at every part, but for those whose own settings are wrong."""
        wrong = [
            message
            for message in checks.run_checks(databases=["default"])
            if message.is_serious() and not message.is_silenced()
        ]
        rows = [_look("settings", lambda: _settings(wrong))]
        rows += [_look(name, look) for name, look in _parts(wrong)]
        for row in rows:
            (self.say if row["ok"] else self.complain)(
                f"{'well' if row['ok'] else 'SICK'}  {row['part']}: {row['words']}"
            )
        ok = all(row["ok"] for row in rows)
        return Report({"ok": ok, "parts": rows}, ExitCode.DONE if ok else ExitCode.FAILED)


def _look(name: str, look: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"part": name, "ok": True, "words": look()}
    except Sick as error:
        return {"part": name, "ok": False, "words": str(error)}


def _parts(wrong: Sequence[checks.CheckMessage]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield each part with its look. A default stands in for a wrong setting: what that leads to would mislead."""
    looks = (("database", "DATABASE_URL", _database), ("broker", "BROKER_", _broker), ("token", "FLOW_", _token))
    for name, setting, look in looks:
        spoilt = any(setting in message.msg for message in wrong)
        yield name, _not_looked_at if spoilt else look


def _not_looked_at() -> str:
    raise Sick("Not looked at. Mend the settings first.")


def _settings(wrong: Sequence[checks.CheckMessage]) -> str:
    if wrong:
        raise Sick(" ".join(f"{message.id}: {message.msg} {message.hint or ''}".strip() for message in wrong))
    where = "a stand-in on this machine, no real money" if settings.FLOW_IS_LOCAL else "real money"
    return f"Flow is {settings.FLOW_BASE_URL} ({where})."


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        words = " ".join(str(error).split()).rstrip(".")
        raise Sick(f"It does not answer: {words}. Check DATABASE_URL and that the server runs.") from None
    if missing:
        raise Sick(f"{len(missing)} migrations are missing. Run `python manage.py migrate`.")
    return f"{connection.display_name} answers, and its tables are up to date."


def _broker() -> str:
    try:
        tasks.reach_broker()
    except tasks.BrokerUnreachable as error:
        embedded = settings.BROKER_SCHEME == "filesystem"
        remedy = "that this user may write into BROKER_DIR" if embedded else "CELERY_BROKER_URL and that it runs"
        raise Sick(f"{error} Check {remedy}. Orders are safe; they wait in the queue.") from None
    return f"The broker ({settings.BROKER_SCHEME}) answers."


def _token() -> str:
    try:
        gateway.client().token()
    except FlowError as error:
        raise Sick(str(error)) from None
    return "Flow gave an access token."
