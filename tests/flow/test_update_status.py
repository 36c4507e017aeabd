import pytest

from campaigns.flow import (
    BadTrackingId,
    FlowClient,
    FlowError,
    Interrupted,
    NotFound,
    NotSent,
    Rejected,
    TokenRefused,
    TooManyRequests,
    UnknownOutcome,
)
from tests.flow.conftest import TOKENS, MakeClient, failing
from tests.flow.nasty_server import NastyServer, Play, only_for, refused_address, says, then_closes, then_resets
from tests.flow.test_campaign_status import BAD_IDS

PAUSED = says(200, {"status": "paused", "message": "Campaign successfully paused."})


def test_sends_status_and_reason(server: NastyServer, client: FlowClient) -> None:
    server.on("update", PAUSED)

    answer = client.update_status("queue/abc", "paused", "Vendor's “wish” é")

    assert (answer.status, answer.message, answer.error) == ("paused", "Campaign successfully paused.", "")
    assert answer.http_status == 200
    assert answer.excerpt == '{"status": "paused", "message": "Campaign successfully paused."}'
    [request] = server.at("update")
    assert request.method == "POST"
    assert request.target == "/campaigns/status/queue%2Fabc"
    assert request.json() == {"status": "paused", "reason": "Vendor's “wish” é"}
    assert request.headers["content-type"] == "application/json"
    assert request.bearer == TOKENS[0]


def test_passes_on_the_error_of_a_200(server: NastyServer, client: FlowClient) -> None:
    server.on("update", says(200, {"status": "active", "error": "Campaign pausing unsuccessful"}))

    assert client.update_status("queue_abc", "paused", "why").error == "Campaign pausing unsuccessful"


def test_cuts_what_is_longer_than_the_database_keeps(server: NastyServer, client: FlowClient) -> None:
    server.on("update", says(200, {"status": "s" * 300, "message": "m" * 600, "error": "e" * 600}))

    answer = client.update_status("queue_abc", "paused", "why")

    assert (answer.status, answer.message, answer.error) == ("s" * 255, "m" * 500, "e" * 500)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, "Flow refused the command (HTTP 404): no reason given. The campaign was not changed."),
        (
            500,
            "Flow's answer to the command (HTTP 500) does not say what became of it. "
            "The campaign may or may not have changed: its next status tells.",
        ),
    ],
)
def test_says_what_an_answer_means_for_the_campaign(
    server: NastyServer, client: FlowClient, status: int, sentence: str
) -> None:
    server.on("update", says(status, {}))

    with pytest.raises(FlowError) as caught:
        client.update_status("queue_abc", "paused", "why")

    assert str(caught.value) == sentence


@pytest.mark.parametrize("body", [{}, {"status": None, "message": 5, "error": 7}])
def test_does_with_any_object(server: NastyServer, client: FlowClient, body: dict[str, object]) -> None:
    server.on("update", says(200, body))

    answer = client.update_status("queue_abc", "paused", "why")

    assert (answer.status, answer.message, answer.error) == ("", "", "")


@pytest.mark.parametrize(
    ("play", "kind"),
    [
        (says(400, {"error": "no"}), Rejected),
        (says(404, {"error": "no"}), NotFound),
        (says(429, Retry_After="3"), TooManyRequests),
        (says(400, b"<h1>no</h1>"), UnknownOutcome),
        (says(404, b"<h1>no</h1>"), UnknownOutcome),
        (says(409, {"error": "no"}), UnknownOutcome),
        (says(500, {"error": "no"}), UnknownOutcome),
        (says(503), UnknownOutcome),
        (says(302, Location="/"), UnknownOutcome),
        (says(202, {"status": "paused"}), UnknownOutcome),
        (says(204), UnknownOutcome),
        (says(200), UnknownOutcome),
        (says(200, []), UnknownOutcome),
        (says(200, b"<h1>ok</h1>"), UnknownOutcome),
        (then_closes(b""), Interrupted),
        (then_resets(b""), Interrupted),
        (then_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), Interrupted),
    ],
)
def test_is_never_repeated(
    server: NastyServer, client: FlowClient, play: Play, kind: type[Rejected | UnknownOutcome | TooManyRequests]
) -> None:
    server.on("update", play)

    failing(kind, client.update_status, "queue_abc", "paused", "why")

    assert len(server.at("update")) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_is_sent_again_only_with_a_new_token(server: NastyServer, client: FlowClient, status: int) -> None:
    server.on("update", says(status), PAUSED)

    assert client.update_status("queue_abc", "paused", "why").status == "paused"
    assert [request.bearer for request in server.at("update")] == TOKENS[:2]


def test_is_not_sent_a_third_time(server: NastyServer, client: FlowClient) -> None:
    server.on("update", only_for("another token", PAUSED))

    failing(TokenRefused, client.update_status, "queue_abc", "paused", "why")

    assert len(server.at("update")) == 2


def test_what_fails_after_a_new_token_stands_alone(server: NastyServer, client: FlowClient) -> None:
    server.on("update", says(401), says(500))

    failing(UnknownOutcome, client.update_status, "queue_abc", "paused", "why")


def test_a_refused_connection_means_not_sent(make_client: MakeClient) -> None:
    failing(NotSent, make_client(refused_address()).update_status, "queue_abc", "paused", "why")


@pytest.mark.parametrize("tracking_id", BAD_IDS)
def test_sends_nothing_about_an_id_that_cannot_be_one(
    server: NastyServer, client: FlowClient, tracking_id: str
) -> None:
    failing(BadTrackingId, client.update_status, tracking_id, "paused", "why")

    assert server.connections == 0


def test_uses_a_connection_of_its_own(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(200, {"status": "queued"}))
    server.on("update", PAUSED)
    client.campaign_status("queue_abc")
    before = server.connections

    client.update_status("queue_abc", "paused", "why")

    assert server.connections == before + 1
