"""`flow_doctor`: is everything in place to publish? Publishes nothing."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from campaigns import gateway, selectors, tasks
from campaigns.domain.heartbeats import CLOCKS_MAY_DIFFER, Part
from campaigns.domain.times import lasted
from campaigns.flow import FlowError
from campaigns.management.base import ConsoleCommand, ExitCode, Report
from campaigns.models import Event, HistoryHead, guards
from campaigns.selectors import Sign
from campaigns.services import history
from campaigns.services.wording import when


class Sick(Exception):
    """A part is not well; the message says what to mend."""


class Command(ConsoleCommand):
    """Look at settings, servers, processes and history, one by one."""

    help = "Check settings, database, broker, Flow's token, processes and history; say what to mend. Publishes nothing."
    requires_system_checks: list[str] = []  # they are its own first part

    def run(self, **_: Any) -> Report:
        """Look at every part, but for those whose own settings are wrong."""
        wrong = [
            message
            for message in checks.run_checks(databases=["default"])
            if message.is_serious() and not message.is_silenced()
        ]
        rows = [_look("settings", lambda: _settings(wrong))]
        rows += [_look(name, look) for name, look in _servers(wrong)]
        has_tables = all(row["ok"] for row in rows if row["part"] == "database")
        rows += [_look(name, look if has_tables else _without_database) for name, look in WITHIN.items()]
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


def _servers(wrong: Sequence[checks.CheckMessage]) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield each server with its look. A default stands in for a wrong setting: what that leads to would mislead."""
    looks = (
        ("database", "DATABASE_URL", _database),
        ("broker", "BROKER_", _broker),
        ("token", "FLOW_", _token),
        ("mail", "EMAIL_URL", _mail),
    )
    for name, setting, look in looks:
        spoilt = any(setting in message.msg for message in wrong)
        yield name, _not_looked_at if spoilt else look


def _not_looked_at() -> str:
    raise Sick("Not looked at. Mend the settings first.")


def _without_database() -> str:
    raise Sick("Not looked at. Mend the database first.")


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


def _mail() -> str:
    backend = settings.EMAIL_BACKEND.rpartition(".")[0]
    if backend == "django.core.mail.backends.smtp":
        return f"Reminders of orders in doubt are sent through {settings.EMAIL_HOST}, port {settings.EMAIL_PORT}."
    return (
        "Reminders of orders in doubt reach nobody's letter box: mail is written to the worker's log. "
        "Set EMAIL_URL to your mail server; the queue “In doubt” shows them all the same."
    )


def _scheduler() -> str:
    sign = _sign(Part.BEAT)
    if sign.late:
        raise Sick(
            f"{_heard(sign)} Nobody tells the workers of orders that wait and of campaigns that are due. Start beat, "
            "`celery --app flowsite beat`; if it runs, see in its log why it is silent, set its machine's clock if that is "
            "wrong, and restart it."
        )
    return _heard(sign)


def _workers() -> str:
    sign = _sign(Part.WORKER)
    if not sign.late:
        return _heard(sign)
    if _sign(Part.BEAT).late:
        remedy = "Start the scheduler first: without its messages a worker has nothing to answer."
    else:
        remedy = (
            "Start one, `celery --app flowsite worker`. One that runs and is silent hears nothing, or only what has expired "
            "on its clock: see that the broker answers and that the clocks of its machine and beat's agree, and restart the "
            "worker with SIGTERM."
        )
    raise Sick(f"{_heard(sign)} Orders stay queued and nothing is lost; statuses are not fresh. {remedy}")


def _publishing() -> str:
    number, first = selectors.overdue_orders(timezone.now())
    if number:
        orders = "1 queued order should" if number == 1 else f"{number} queued orders should"
        raise Sick(
            f"{orders} have been published {_since(first)}. Nothing is lost. "
            "Start workers, or more of them; `publish_orders` publishes here and now."
        )
    if stranded := selectors.stranded_orders():
        raise Sick(
            f"Nobody works on what is said to be publishing: {', '.join(stranded)}. Somebody changed the database past the "
            "console. Look at Flow whether they are live before anything else is done."
        )
    if until := selectors.held_until(timezone.now()):
        return f"Flow asked us to wait until {when(until)}. Nothing is lost: the work goes on then."
    last = _sign(Part.PUBLISH).last
    return f"No order is overdue. The last was sent to Flow at {_at(last)}." if last else "No order is overdue."


def _since(first: datetime | None) -> str:
    if first is None:
        return "by now: somebody took their turns away past the console"
    if first > timezone.now():
        return "by now: a clock that was ahead wrote when the turn comes, which is not heeded"
    return f"more than 5 minutes ago, the first at {_at(first)}"


def _syncing() -> str:
    last = _sign(Part.SYNC).last
    return f"Flow last told of a campaign at {_at(last)}." if last else "Flow has not told of a campaign yet."


def _guards() -> str:
    if gone := guards.missing(connection):
        raise Sick(
            f"The database does not refuse all that goes past the console any more: {', '.join(gone)} missing or switched "
            "off. Run `python manage.py migrate`, which puts them back, and find out who took them away."
        )
    return "The database refuses what would go past the console."


def _history() -> str:
    head = (
        HistoryHead.objects.first() or HistoryHead()
    )  # read first: what comes meanwhile may be left for the next time
    if broken := history.broken_link():
        raise Sick(
            f"{broken} Somebody changed the database past the console: find out who may, and compare with a backup "
            "before you rely on what the history tells."
        )
    number = Event.objects.filter(pk__lte=head.event_id or 0).count()
    return f"Lines verified: {number}. The SHA-256 of the last is {head.sha256}." if number else "It is empty."


WITHIN: dict[str, Callable[[], str]] = {
    "scheduler": _scheduler,
    "workers": _workers,
    "publishing": _publishing,
    "syncing": _syncing,
    "guards": _guards,
    "history": _history,
}


def _sign(part: Part) -> Sign:
    return selectors.signs_of_life(timezone.now())[part]


def _heard(sign: Sign) -> str:
    if sign.last is None:
        return "It has never given a sign of life."
    node = f" ({sign.node})" if sign.node else ""
    return f"The last sign of life came at {_at(sign.last)}{node}."


def _at(moment: datetime) -> str:
    age = timezone.now() - moment
    ago = "in the future: a clock was set back" if age < -CLOCKS_MAY_DIFFER else f"{lasted(age)} ago"
    return f"{timezone.localtime(moment):%-d %b %Y, %H:%M:%S %Z} ({ago})"
