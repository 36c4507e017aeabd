"""What a console of the tests stands on: what needs no server, or the servers that production has."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis

from tests import servers
from tests.processes.site import Site, prepared_site

EMBEDDED, SERVERS = "embedded", "servers"
BOTH = [EMBEDDED, pytest.param(SERVERS, marks=pytest.mark.redis)]
DATABASE_PASSWORD, BROKER_PASSWORD = "p4ss-of-the-database", "p4ss-of-the-broker"

# Numbers of Redis databases; processes of one run that share a server keep out of each other's way.
_odd = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2
_numbers = cycle(range(9, 16) if _odd else range(2, 9))


@contextmanager
def site_on(
    stack: str, request: pytest.FixtureRequest, folder: Path, *, flow: str | None = None, **env: str
) -> Iterator[Site]:
    """Prepare a console on one of the stacks, with settings of its own; it publishes to `flow` or to its own sandbox."""
    with ExitStack() as parts:
        addresses, lose_messages = _embedded(folder) if stack == EMBEDDED else _servers(request, parts)
        site = parts.enter_context(prepared_site(folder, {**addresses, **env}, flow))
        site.stack, site.lose_messages = stack, lose_messages
        yield site


def _embedded(folder: Path) -> tuple[dict[str, str], Callable[[], None]]:
    return {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}, lambda: remove_messages(folder / "broker" / "messages")


def _servers(request: pytest.FixtureRequest, parts: ExitStack) -> tuple[dict[str, str], Callable[[], None]]:
    postgresql, redis_server = (request.getfixturevalue(name) for name in ("postgresql_server", "redis_server"))
    database = parts.enter_context(servers.fresh_database(postgresql))
    broker = parts.enter_context(servers.empty_redis(redis_server, next(_numbers)))
    if "TEST_DATABASE_URL" not in os.environ:
        database = _with_password(database, "postgres", DATABASE_PASSWORD)
    if "TEST_REDIS_URL" not in os.environ:
        broker = _with_password(broker, "default", BROKER_PASSWORD)
    return {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}, lambda: restart(broker)


def _with_password(address: str, user: str, password: str) -> str:
    """Put a password in, which the tests' own servers take without a look: it must never be seen anywhere."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}"))


def remove_messages(folder: Path) -> None:
    """Do what losing the disk of the broker does."""
    for message in folder.iterdir():
        message.unlink(missing_ok=True)


def restart(broker: str) -> None:
    """Do what a restart of a Redis that keeps nothing does: all is forgotten and all are thrown out."""
    with redis.Redis.from_url(broker) as client:
        client.flushdb()
        for other in client.client_list():
            if other["id"] != str(client.client_id()):
                client.client_kill_filter(_id=other["id"])
