import json
from typing import Any

import pytest

from campaigns.flow import (
    FlowClient,
    FlowError,
    Interrupted,
    NotFound,
    NotSent,
    PublishRequest,
    Rejected,
    TokenRefused,
    TooManyRequests,
    UnknownOutcome,
)
from tests.flow.conftest import API_KEY, TOKENS, MakeClient, failing
from tests.flow.nasty_server import NastyServer, Play, only_for, refused_address, says, then_closes, then_resets


def test_says_that_it_is_a_dry_run(server: NastyServer, client: FlowClient, request_to_publish: PublishRequest) -> None:
    server.on("publish", says(200, {"valid": True}))

    client.dry_run(request_to_publish)

    [request] = server.at("publish")
    assert request.method == "POST"
    assert request.target == "/campaigns/publish?clientId=client%2F1"
    assert request.json() == {
        "planRef": "facebookv2",
        "listingExternalIds": ["listing1"],
        "branchId": "branch1",
        "orderRef": "Order-001",
        "dryRun": True,
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize(
    ("content", "body"),
    [
        ({"estimate": {"reach": 5}}, {"estimate": {"reach": 5}}),
        ([1], {}),
        (b"fine by us", {}),
        (b"", {}),
        (b"[" * 100_000, {}),
        (b'{"a": ' * 100_000, {}),
        (b'{"nul": "\\u0000"}', {}),
    ],
)
def test_any_2xx_is_valid(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    status: int,
    content: Any,
    body: dict[str, Any],
) -> None:
    if status == 204:
        content, body = b"", {}
    server.on("publish", says(status, content))

    answer = client.dry_run(request_to_publish)

    assert answer.http_status == status
    assert answer.body == body


def test_shows_what_flow_said(server: NastyServer, client: FlowClient, request_to_publish: PublishRequest) -> None:
    server.on("publish", says(200, b"fine by us"))

    assert client.dry_run(request_to_publish).excerpt == "fine by us"


def test_shows_no_secret(server: NastyServer, client: FlowClient, request_to_publish: PublishRequest) -> None:
    server.on("publish", says(200, {"you": [API_KEY, {"sent": TOKENS[0]}]}))

    answer = client.dry_run(request_to_publish)

    assert answer.body == {"you": ["[redacted]", {"sent": "[redacted]"}]}
    assert json.loads(answer.excerpt) == answer.body


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (says(400, {"error": "no"}), Rejected),
        (says(404, {"error": "no"}), NotFound),
        (says(429), TooManyRequests),
        (says(400, b"<h1>no</h1>"), UnknownOutcome),
        (says(422, {"error": "no"}), UnknownOutcome),
        (says(500), UnknownOutcome),
        (says(300), UnknownOutcome),
        (says(302, Location="/"), UnknownOutcome),
        (says(200, b" " * 2_000_000), UnknownOutcome),
        (then_closes(b""), Interrupted),
        (then_resets(b""), Interrupted),
    ],
)
def test_fails_as_a_publish_does_and_is_asked_once(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    play: Play,
    kind: type[Rejected | UnknownOutcome | TooManyRequests],
) -> None:
    server.on("publish", play)

    error = failing(kind, client.dry_run, request_to_publish)

    assert "money" not in str(error)
    assert len(server.at("publish")) == 1


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "Flow refused the dry run (HTTP 400): no reason given. Nothing was published."),
        (
            500,
            "Flow's answer to the dry run (HTTP 500) does not say what became of it. "
            "A dry run publishes nothing: it can be asked again.",
        ),
    ],
)
def test_says_that_nothing_was_published(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, status: int, sentence: str
) -> None:
    server.on("publish", says(status, {}))

    with pytest.raises(FlowError) as caught:
        client.dry_run(request_to_publish)

    assert str(caught.value) == sentence


def test_is_asked_once_more_with_a_new_token(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", only_for(TOKENS[1], says(200, {"valid": True})))

    assert client.dry_run(request_to_publish).body == {"valid": True}
    assert len(server.at("publish")) == 2
    assert all(request.json()["dryRun"] is True for request in server.at("publish"))


def test_is_not_asked_a_third_time(server: NastyServer, client: FlowClient, request_to_publish: PublishRequest) -> None:
    server.on("publish", says(403, {"error": "no"}))

    failing(TokenRefused, client.dry_run, request_to_publish)

    assert len(server.at("publish")) == 2


def test_a_refused_connection_means_not_sent(make_client: MakeClient, request_to_publish: PublishRequest) -> None:
    failing(NotSent, make_client(refused_address()).dry_run, request_to_publish)
