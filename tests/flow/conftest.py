"""A nasty server, clients for it, and the rule that no test may let a secret out."""

import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import pytest

from campaigns.flow import FlowClient, FlowConfig, FlowError, PublishRequest
from tests.flow.nasty_server import NastyServer, gives_tokens, running

API_KEY = "k3y/with+odd &chars=é%"
TOKENS = [f"tokenNumber{number}.secretPart" for number in range(1, 100)]
SECRETS = [form for secret in (API_KEY, *TOKENS) for form in {secret, quote(secret, safe=""), quote_plus(secret)}]

E = TypeVar("E", bound=FlowError)
MakeClient = Callable[..., FlowClient]


def config_for(url: str, **changes: Any) -> FlowConfig:
    settings: dict[str, Any] = {
        "base_url": url,
        "organisation_id": "org & co",
        "api_key": API_KEY,
        "client_id": "client/1",
        "request_type": "campaignAPI",
        "connect_timeout": 3,
        "read_timeout": 3,
        "deadline": 6,
        "pool_size": 4,
    }
    return FlowConfig(**{**settings, **changes})


IMPATIENT = {"connect_timeout": 0.4, "read_timeout": 0.4, "deadline": 0.8}
"""For tests whose server never answers properly, so that a slow machine changes nothing."""


@pytest.fixture
def server() -> Iterator[NastyServer]:
    with running() as nasty:
        nasty.on("token", gives_tokens(TOKENS))
        yield nasty


@pytest.fixture
def make_client(server: NastyServer) -> Iterator[MakeClient]:
    made: list[FlowClient] = []

    def make(url: str | None = None, *, before_request: Callable[[], None] | None = None, **changes: Any) -> FlowClient:
        made.append(FlowClient(config_for(url or server.url, **changes), before_request=before_request))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> FlowClient:
    return make_client()


@pytest.fixture(autouse=True)
def _nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for secret in SECRETS:
        assert secret not in caplog.text


@pytest.fixture
def request_to_publish() -> PublishRequest:
    return PublishRequest(
        plan_ref="facebookv2", listing_external_ids=("listing1",), branch_id="branch1", order_ref="Order-001"
    )


def failing(kind: type[E], call: Callable[..., Any], *arguments: Any) -> E:
    """Call, expect exactly this kind of error, and make sure that it stands alone and gives no secret away."""
    with pytest.raises(FlowError) as caught:
        call(*arguments)
    error = caught.value
    assert type(error) is kind, repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    told = [str(error), repr(error), repr(error.args), repr(vars(error)), error.excerpt, error.words]
    told += traceback.format_exception(error)
    for secret in SECRETS:
        assert not [text for text in told if secret in text]
    assert len(error.excerpt) <= 2000
    assert len(error.words) <= 500
    assert str(error).strip()
    assert error.words.strip()
    return error
