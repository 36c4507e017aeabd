"""A worker's connections to PostgreSQL: kept from task to task, and replaced when they are broken."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.processes.site import Site
from tests.processes.stacks import SERVERS, site_on

pytestmark = [pytest.mark.processes, pytest.mark.redis]
OTHERS = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def on_servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A console on PostgreSQL and Redis."""
    with site_on(SERVERS, request, tmp_path) as site:
        yield site


def test_a_worker_keeps_its_connections_from_order_to_order(on_servers: Site) -> None:
    site, before = on_servers, connected(on_servers)
    site.worker()
    for number in range(4):
        publish(site, f"first-{number}")
    kept = connected(site) - before
    assert kept
    for number in range(4):
        publish(site, f"second-{number}")
    assert connected(site) - before >= kept


def test_connections_that_were_broken_between_two_orders_cost_neither_an_order_nor_a_doubt(on_servers: Site) -> None:
    site = on_servers
    site.worker()
    publish(site, "before")
    with psycopg.connect(site.env["DATABASE_URL"], autocommit=True) as database:
        database.execute(f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS others")
    publish(site, "after-1")
    publish(site, "after-2")
    assert "closed" not in site.logs()


def publish(site: Site, order_ref: str) -> None:
    """Publish an order with one attempt, told of by one message and by no beat."""
    site.desk("submit", order_ref=order_ref, nudges=1)
    assert site.wait(order_ref, state="published")["attempts"] == [["published", True]]
    assert site.times_published(order_ref) == 1


def connected(site: Site) -> set[int]:
    """Return the backends that work for somebody else."""
    with psycopg.connect(site.env["DATABASE_URL"], autocommit=True) as database:
        return {pid for (pid,) in database.execute(OTHERS)}
