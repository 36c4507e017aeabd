"""The same console twice: over what needs no server, and over the servers that production has."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from tests import servers
from tests.processes.site import Site, prepared_site


@pytest.fixture(scope="module", params=["embedded", pytest.param("servers", marks=pytest.mark.redis)])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console of this module's own: SQLite and a folder, or PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("site")
    if request.param == "embedded":
        with prepared_site(folder, {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}) as site:
            site.lose_messages = lambda: remove_messages(folder / "broker" / "messages")
            yield site
        return
    postgresql, redis_server = (request.getfixturevalue(name) for name in ("postgresql_server", "redis_server"))
    with ExitStack() as stack:
        database = stack.enter_context(servers.fresh_database(postgresql))
        broker = stack.enter_context(servers.empty_redis(redis_server, 1))
        env = {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}
        site = stack.enter_context(prepared_site(folder, env))
        site.lose_messages = lambda: restart(broker)
        yield site


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
