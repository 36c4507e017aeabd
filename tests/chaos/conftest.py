"""A console for each module of cases, on both stacks, and the line of the table that each case writes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.chaos.table import Case
from tests.chaos.workers import Workshop, workshop
from tests.processes.site import Site
from tests.processes.stacks import BOTH, site_on

QUICK = {
    "FLOW_CONNECT_TIMEOUT": "1",
    "FLOW_READ_TIMEOUT": "3",
    "FLOW_DEADLINE": "5",
    "FLOW_MAX_PER_SECOND": "1000",
    "PUBLISH_LEASE": "60",
    "SECRET_KEY": "s3cret-key-of-the-chaos-suite-which-nobody-may-ever-see-anywhere",
}


def chaos_site(
    request: pytest.FixtureRequest, stack: str, folder: Path, *, flow: str | None = None, **env: str
) -> AbstractContextManager[Site]:
    """Prepare a console with short deadlines on a stack (“embedded”, “servers”); `env` adds to its settings.

    It publishes to a sandbox of its own, or to `flow`, an address. `site.stack` is the stack's name.
    """
    return site_on(stack, request, folder, flow=flow, **{**QUICK, **env})


@pytest.fixture(scope="module", params=BOTH)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console with short deadlines of this module's own, on each stack."""
    with chaos_site(request, request.param, tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture(scope="module")
def open_workshop(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """The module's workshop; use `shop`."""
    with workshop(site, tmp_path_factory.mktemp("workshop")) as shop:
        yield shop


@pytest.fixture
def shop(open_workshop: Workshop) -> Iterator[Workshop]:
    """Workers of the module's console that can be struck at any marker; they are gone after each test."""
    yield open_workshop
    open_workshop.close()


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Notes what a test injects, for the table; `case.long` says whether there is time for the long form."""
    return Case(request.node, bool(request.config.getoption("--chaos-long")))
