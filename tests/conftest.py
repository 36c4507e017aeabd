"""What every test may use: servers, a browser, and which tests run in which pass."""

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models.signals import post_migrate
from django.test import TransactionTestCase

from campaigns.models import guards
from flowsite.celery import app
from tests import servers
from tests.chaos import table

TOUCHES_DATABASE = {"db", "transactional_db", "django_db_reset_sequences", "django_db_serialized_rollback"}
STANDS_ALONE = {"processes", "browser", "redis", "postgresql"}
"""Marks of tests that start their own parts, so that the pass on PostgreSQL would prove nothing new."""
NOBODY_LISTENS = "http://127.0.0.1:9"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the second pass."""
    parser.addoption(
        "--database-only",
        action="store_true",
        help="run only the tests that touch Django's database: the second pass, with DATABASE_URL set to PostgreSQL",
    )
    parser.addoption("--chaos-long", action="store_true", help="run the long form of the cases of tests/chaos")
    parser.addoption(
        "--chaos-table", metavar="FILE", help="write the table of cases, as Markdown, when all of them held"
    )


def pytest_configure() -> None:
    """Keep the tests, and the processes they start, away from a console that runs on this machine."""
    broker = tempfile.mkdtemp(prefix="broker-")
    atexit.register(shutil.rmtree, broker, ignore_errors=True)
    os.environ["BROKER_DIR"] = broker
    folders = {"data_folder_in": broker, "data_folder_out": broker, "control_folder": f"{broker}/control"}
    app.conf.update(broker_url="filesystem://", broker_transport_options={**folders, "polling_interval": 0.1})
    os.environ["FLOW_BASE_URL"] = settings.FLOW_BASE_URL = NOBODY_LISTENS
    settings.FLOW_PACE_STORE = broker
    # A shell's background jobs ignore Ctrl-C and hand that down to what the tests start; no person's terminal does so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick
    let_tables_be_emptied()
    # After a test that emptied the tables Django makes the permissions again, but not what migrations wrote.
    post_migrate.connect(make_roles, sender=apps.get_app_config("campaigns"))


@pytest.fixture
def unguarded(db: None) -> Iterator[None]:
    """The database of somebody who takes the guards away first."""
    guards.remove(connection)
    yield
    guards.install(connection)


def make_roles(**_: Any) -> None:
    """Make the groups that are missing, as the migration does."""
    import_module("campaigns.migrations.0007_roles").make_roles(apps, None)


def let_tables_be_emptied() -> None:
    """Take the database's guards away while Django empties the tables after a test; `flush` puts them back."""
    empty = getattr(TransactionTestCase, "_fixture_teardown")  # noqa: B009 - django-stubs does not know it

    def empty_unguarded(case: TransactionTestCase) -> None:
        guards.remove(connection)
        empty(case)

    setattr(TransactionTestCase, "_fixture_teardown", empty_unguarded)  # noqa: B010 - as above


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by the servers they use; keep those of this pass."""
    for item in items:
        for fixture, mark in (("postgresql_server", "postgresql"), ("redis_server", "redis"), ("chromium", "browser")):
            if fixture in fixtures_of(item):
                item.add_marker(mark)
    if config.getoption("--database-only"):
        config.hook.pytest_deselected(items=[item for item in items if not belongs_to_second_pass(item)])
        items[:] = [item for item in items if belongs_to_second_pass(item)]


def fixtures_of(item: pytest.Item) -> set[str]:
    """Return the names of all fixtures that the test uses, directly or not."""
    return set(getattr(item, "fixturenames", ()))


def has(item: pytest.Item, *marks: str) -> bool:
    """Tell whether the test carries one of the marks."""
    return any(item.get_closest_marker(mark) for mark in marks)


def wants_django_on_postgresql(item: pytest.Item) -> bool:
    """Tell whether the test is marked as needing PostgreSQL, and means Django's own database by it."""
    return has(item, "postgresql") and "postgresql_server" not in fixtures_of(item)


def belongs_to_second_pass(item: pytest.Item) -> bool:
    """Tell whether another database under Django could change what the test says."""
    touches_database = has(item, "django_db") or bool(TOUCHES_DATABASE & fixtures_of(item))
    return wants_django_on_postgresql(item) or (touches_database and not has(item, *STANDS_ALONE))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that wants Django on PostgreSQL while it stands on SQLite, and a browser test without a browser."""
    on_postgresql = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    if wants_django_on_postgresql(item) and not on_postgresql:
        pytest.skip("runs in the pass on PostgreSQL")
    if has(item, "browser"):
        have(servers.chromium)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of the cases of tests/chaos that ran, and write it where that was asked for."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    cases = table.lines(report for report in reports if isinstance(report, pytest.TestReport))
    if cases:
        terminalreporter.section("what was done to the console, and whether every promise held")
        terminalreporter.write_line("\n".join(table.as_text(cases)))
    if (path := config.getoption("--chaos-table")) and all(case.held for case in cases):
        Path(path).write_text(table.as_markdown(cases))


def have(get: Callable[[], str]) -> str:
    """Return what is needed; without it skip the test with the reason, or fail it where CI is set."""
    try:
        return get()
    except servers.UnavailableError as missing:
        if servers.nothing_may_be_missing():
            pytest.fail(f"{missing}. With CI set, nothing is skipped.", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL server. For most tests `postgresql_url` is the better one."""
    with ExitStack() as stack:
        yield have(lambda: stack.enter_context(servers.postgresql()))


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database for this test alone, fit for DATABASE_URL."""
    with servers.fresh_database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis server. For most tests `redis_url` is the better one."""
    with ExitStack() as stack:
        yield have(lambda: stack.enter_context(servers.redis_server()))


@pytest.fixture
def redis_url(redis_server: str, worker_id: str) -> Iterator[str]:
    """The address of an empty Redis database, fit for CELERY_BROKER_URL."""
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    with servers.empty_redis(redis_server, number) as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium, for Playwright's `executable_path`."""
    return have(servers.chromium)
