"""People, and Flow at the other end of a socket."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.factories import make_user
from tests.flow.nasty_server import running
from tests.services.flow_server import API_KEY, Flow
from tests.services.following import new_client

WRITES = ("add_order", "change_order", "view_order", "submit_order")


@pytest.fixture(autouse=True)
def _known_settings(settings: Settings) -> None:
    settings.CURRENCY, settings.APPROVAL_THRESHOLD, settings.PUBLISH_LEASE = "ZAR", None, 180
    settings.FLOW_CLIENT_ERRORS_ARE_UNKNOWN, settings.FLOW_IS_LOCAL = False, True


@pytest.fixture
def author(db: None) -> User:
    """Somebody who writes and submits orders."""
    return make_user("anna", *WRITES)


@pytest.fixture
def approver(db: None) -> User:
    """Somebody who approves orders."""
    return make_user("ben", "view_order", "approve_order")


@pytest.fixture
def flow(settings: Settings) -> Iterator[Flow]:
    """Flow, and this process's client pointed at it."""
    with running() as server:
        settings.FLOW_BASE_URL = server.url
        settings.FLOW_ORGANISATION_ID = settings.FLOW_CLIENT_ID = "organisation-1"
        settings.FLOW_API_KEY = API_KEY
        settings.FLOW_CONNECT_TIMEOUT, settings.FLOW_READ_TIMEOUT, settings.FLOW_DEADLINE = 5, 20, 30
        settings.FLOW_MAX_PER_SECOND = 1000
        new_client()
        yield Flow(server)
        new_client()
