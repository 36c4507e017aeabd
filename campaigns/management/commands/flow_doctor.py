"""`flow_doctor`: is everything in place to publish? Publishes nothing."""

from collections.abc import Callable
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
        """Look at every part, whatever the others say."""
        parts: dict[str, Callable[[], str]] = {
            "settings": _settings,
            "database": _database,
            "broker": _broker,
            "token": _token,
        }
        rows = [_look(name, look) for name, look in parts.items()]
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


def _settings() -> str:
    found = [message for message in checks.run_checks() if message.is_serious() and not message.is_silenced()]
    if found:
        raise Sick(" ".join(f"{message.id}: {message.msg} {message.hint or ''}".strip() for message in found))
    where = "the sandbox, no real money" if settings.FLOW_IS_SANDBOX else "real money"
    return f"Flow is {settings.FLOW_BASE_URL} ({where})."


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        raise Sick(f"It does not answer: {error} Check DATABASE_URL and that the server runs.") from None
    if missing:
        raise Sick(f"{len(missing)} migrations are missing. Run `python manage.py migrate`.")
    return f"{connection.display_name} answers, and its tables are up to date."


def _broker() -> str:
    try:
        tasks.reach_broker()
    except tasks.BrokerUnreachable as error:
        raise Sick(
            f"{error} Check CELERY_BROKER_URL and that it runs. Orders are safe; they wait in the queue."
        ) from None
    return f"The broker ({settings.BROKER_SCHEME}) answers."


def _token() -> str:
    try:
        gateway.client().token()
    except FlowError as error:
        raise Sick(str(error)) from None
    return "Flow gave an access token."
