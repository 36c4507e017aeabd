"""A sandbox for each test, and a small caller that speaks Flow's four calls without any code of ours in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.sandbox_process import API_KEY, ORGANISATION_ID, REQUEST_TYPE, Sandbox, running_sandbox

TIMEOUT = 30
VERSION = {"Accept-Version": "v1"}


class Caller:
    """Calls a sandbox over a real socket, with a token of its own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.token = ""

    def fetch_token(self, **query: str | None) -> requests.Response:
        right = {"organisationId": ORGANISATION_ID, "apiKey": API_KEY, "requestType": REQUEST_TYPE}
        address = f"{self.url}/auth/access-key/publickey"
        return requests.get(address, params={**right, **query}, headers=VERSION, timeout=TIMEOUT)

    def log_in(self) -> None:
        response = self.fetch_token()
        assert response.status_code == 200, response.text
        self.token = response.json()["accessToken"]

    def publish(self, body: dict[str, Any] | None = None, **fields: Any) -> requests.Response:
        """Publish a good order with these fields changed; a field that is `...` is left out."""
        return self.publish_raw(json=order(**fields) if body is None else body)

    def publish_raw(
        self, params: dict[str, str] | None = None, headers: dict[str, str] | None = None, **content: Any
    ) -> requests.Response:
        return requests.post(
            f"{self.url}/campaigns/publish",
            params={"clientId": ORGANISATION_ID} if params is None else params,
            headers=self.headers() | (headers or {}),
            timeout=TIMEOUT,
            **content,
        )

    def published_id(self, **fields: Any) -> str:
        response = self.publish(**fields)
        assert response.status_code == 202, response.text
        first: str = response.json()["campaign_tracking_ids"][0]
        return first

    def status(self, tracking_id: str, **headers: str) -> requests.Response:
        address = f"{self.url}/campaigns/status/{tracking_id}"
        return requests.get(address, headers=self.headers() | headers, timeout=TIMEOUT)

    def command(self, tracking_id: str, **body: Any) -> requests.Response:
        address = f"{self.url}/campaigns/status/{tracking_id}"
        return requests.post(address, json=body, headers=self.headers(), timeout=TIMEOUT)

    def headers(self) -> dict[str, str]:
        return VERSION | {"Authorization": f"Bearer {self.token}"}


def order(**fields: Any) -> dict[str, Any]:
    """Return the body of a good publish that starts in an hour; a field given as `...` is left out."""
    body = {
        "planRef": "facebook",
        "listingExternalIds": ["listing-1"],
        "branchId": "branch-1",
        "agentExternalId": "agent-1",
        "startDate": in_seconds(3600),
        "endDate": in_seconds(7200),
        "budgetOverride": 2928,
        "orderRef": "Order-001",
        "dryRun": False,
    } | fields
    return {name: value for name, value in body.items() if value is not ...}


def in_seconds(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose campaigns stay queued for as long as a test runs."""
    with running_sandbox(SANDBOX_QUEUED_SECONDS=3600) as running:
        yield running


@pytest.fixture
def quick_sandbox() -> Iterator[Sandbox]:
    """A sandbox whose campaigns are active at once."""
    with running_sandbox(SANDBOX_QUEUED_SECONDS=0, SANDBOX_IN_PROGRESS_SECONDS=0) as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return logged_in(sandbox)


@pytest.fixture
def quick_caller(quick_sandbox: Sandbox) -> Caller:
    return logged_in(quick_sandbox)


def logged_in(sandbox: Sandbox) -> Caller:
    caller = Caller(sandbox)
    caller.log_in()
    return caller
