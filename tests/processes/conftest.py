"""The same console twice: over what needs no server, and over the servers that production has."""

from collections.abc import Iterator

import pytest

from tests.processes.site import Site
from tests.processes.stacks import BOTH, site_on


@pytest.fixture(scope="module", params=BOTH)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console of this module's own: SQLite and a folder, or PostgreSQL and Redis."""
    with site_on(request.param, request, tmp_path_factory.mktemp("site")) as site:
        yield site
