import threading
import time
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate

import pytest

from campaigns.flow import (
    BadTrackingId,
    FlowClient,
    Interrupted,
    NotFound,
    NotSent,
    Rejected,
    TooManyRequests,
    UnknownOutcome,
)
from tests.flow.conftest import TOKENS, MakeClient, failing
from tests.flow.nasty_server import (
    ENOUGH,
    NastyServer,
    Peer,
    Play,
    Received,
    message,
    only_for,
    refused_address,
    says,
    then_closes,
    then_resets,
)
from tests.flow.test_token import in_threads

QUEUED = says(200, {"status": "queued", "message": "Soon.", "campaign_id": "camp_1"})


def test_returns_flows_own_words(server: NastyServer, client: FlowClient) -> None:
    server.on(
        "status", says(200, {"status": "In_Progress ", "message": "Under way.", "campaign_id": "camp_1", "x": {}})
    )

    status = client.campaign_status("queue_abc")

    assert (status.status, status.message, status.campaign_id) == ("In_Progress ", "Under way.", "camp_1")
    assert status.http_status == 200
    [request] = server.at("status")
    assert request.target == "/campaigns/status/queue_abc"
    assert request.bearer == TOKENS[0]
    assert request.headers["accept-version"] == "v1"
    assert request.headers["user-agent"] == "campaign-console"
    assert request.headers["connection"] == "keep-alive"
    assert "content-type" not in request.headers


@pytest.mark.parametrize(
    ("answer", "message_read", "campaign_id"),
    [
        ({"status": "queued"}, "", None),
        ({"status": "queued", "message": None, "campaign_id": None}, "", None),
        ({"status": "queued", "message": 5, "campaign_id": 872193}, "", None),
        ({"status": "queued", "message": "", "campaign_id": ""}, "", None),
    ],
)
def test_does_without_message_and_campaign_id(
    server: NastyServer, client: FlowClient, answer: dict[str, object], message_read: str, campaign_id: str | None
) -> None:
    server.on("status", says(200, answer))

    status = client.campaign_status("queue_abc")

    assert (status.message, status.campaign_id) == (message_read, campaign_id)


def test_cuts_what_is_longer_than_the_database_keeps(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(200, {"status": "s" * 300, "message": "m" * 600, "campaign_id": "c" * 300}))

    status = client.campaign_status("queue_abc")

    assert (status.status, status.message, status.campaign_id) == ("s" * 255, "m" * 500, "c" * 255)


@pytest.mark.parametrize(
    ("tracking_id", "path"),
    [
        ("a/b", "/campaigns/status/a%2Fb"),
        ("a/../b", "/campaigns/status/a%2F..%2Fb"),
        ("a?x=1#y", "/campaigns/status/a%3Fx%3D1%23y"),
        ("50%", "/campaigns/status/50%25"),
        ("a%2Fb", "/campaigns/status/a%252Fb"),
        ("%2e%2e", "/campaigns/status/%252e%252e"),
        ("a b+c", "/campaigns/status/a%20b%2Bc"),
        ("é", "/campaigns/status/%C3%A9"),
        ("...", "/campaigns/status/..."),
        ("x" * 255, "/campaigns/status/" + "x" * 255),
    ],
)
def test_puts_any_id_into_the_address_as_one_piece(
    server: NastyServer, client: FlowClient, tracking_id: str, path: str
) -> None:
    server.on("status", QUEUED)

    client.campaign_status(tracking_id)

    assert server.at("status")[0].target == path


BAD_IDS = ["", " ", ".", "..", " a", "a\n", "a\0b", "a\tb", "a\u200bb", "\ud800", "x" * 256]


@pytest.mark.parametrize("tracking_id", BAD_IDS)
def test_asks_nothing_about_an_id_that_cannot_be_one(server: NastyServer, client: FlowClient, tracking_id: str) -> None:
    failing(BadTrackingId, client.campaign_status, tracking_id)

    assert server.connections == 0


@pytest.mark.parametrize(
    ("tracking_id", "problem"),
    [
        (" ", "“ ” cannot be a tracking id: it is empty."),
        ("..", "“..” cannot be a tracking id: it is only dots."),
        ("a ", "“a ” cannot be a tracking id: it begins or ends with a space."),
        ("x" * 256, f"“{'x' * 60}” cannot be a tracking id: it is longer than 255 characters."),
        ("a\u200bb", "“a\u200bb” cannot be a tracking id: it contains characters that cannot be seen."),
    ],
)
def test_says_why_an_id_cannot_be_one(client: FlowClient, tracking_id: str, problem: str) -> None:
    error = failing(BadTrackingId, client.campaign_status, tracking_id)

    assert str(error) == f"{problem} The last known status still stands."


@pytest.mark.parametrize("body", [{"error": "campaign not found"}, b"<h1>Not found</h1>", b""])
def test_is_not_found_after_any_404(server: NastyServer, client: FlowClient, body: object) -> None:
    server.on("status", says(404, body))

    failing(NotFound, client.campaign_status, "queue_abc")

    assert len(server.at("status")) == 1


def test_is_rejected_after_a_400(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(400, {"error": "bad id"}))

    assert failing(Rejected, client.campaign_status, "queue_abc").words == "bad id"
    assert len(server.at("status")) == 1


def test_does_not_press_when_flow_asks_for_fewer_requests(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(429))

    assert failing(TooManyRequests, client.campaign_status, "queue_abc").retry_after is None
    assert len(server.at("status")) == 1


def test_may_be_told_until_when_not_to_ask(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(429, Retry_After=formatdate(time.time() + 600, usegmt=True)))

    error = failing(TooManyRequests, client.campaign_status, "queue_abc")

    assert error.retry_after == pytest.approx(600, abs=30)


@pytest.mark.parametrize(
    "play",
    [
        says(200),
        says(200, []),
        says(200, {}),
        says(200, {"status": None}),
        says(200, {"status": 5}),
        says(200, {"status": ""}),
        says(200, {"status": "  "}),
        says(200, b"{" * 100_000),
        says(200, b'{"status": "queued", "x": NaN}'),
        says(201, {"status": "queued"}),
        says(204),
        says(302, Location="/campaigns/status/other"),
        says(402, {"error": "pay"}),
        says(409, {"error": "conflict"}),
        says(200, b" " * 2_000_000),
    ],
)
def test_takes_nothing_for_a_status_that_is_none_and_does_not_ask_again(
    server: NastyServer, client: FlowClient, play: Play
) -> None:
    server.on("status", play)

    failing(UnknownOutcome, client.campaign_status, "queue_abc")

    assert len(server.at("status")) == 1


TRANSIENT: dict[str, Play] = {
    "500": says(500, {"error": "no"}),
    "503": says(503, b"<h1>busy</h1>"),
    "closed": then_closes(b""),
    "reset": then_resets(b""),
    "cut": then_closes(message(200, b'{"status": "queued"}', {"Content-Length": "500"})),
}


@pytest.mark.parametrize("play", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_asks_again_after_what_passes(server: NastyServer, client: FlowClient, play: Play) -> None:
    server.on("status", play, play, QUEUED)

    assert client.campaign_status("queue_abc").status == "queued"
    assert len(server.at("status")) == 3


def test_asks_again_on_a_connection_that_was_not_used_before(server: NastyServer, client: FlowClient) -> None:
    server.on("status", then_closes(b""), says(503), QUEUED)

    client.campaign_status("queue_abc")

    assert [request.headers["connection"] for request in server.at("status")] == ["keep-alive", "close", "close"]


def test_gives_up_after_three_times(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(503, {"error": "busy"}))

    error = failing(UnknownOutcome, client.campaign_status, "queue_abc")

    assert (error.http_status, error.words) == (503, "busy")
    assert len(server.at("status")) == 3


def test_gives_up_on_a_broken_connection_after_three_times(server: NastyServer, client: FlowClient) -> None:
    server.on("status", then_resets(b""))

    failing(Interrupted, client.campaign_status, "queue_abc")

    assert len(server.at("status")) == 3


def test_asks_again_when_flow_cannot_be_reached(server: NastyServer, make_client: MakeClient) -> None:
    asked: list[None] = []
    client = make_client(before_request=lambda: asked.append(None))
    client.token()
    client._transport._config = replace(client._config, base_url=refused_address())

    failing(NotSent, client.campaign_status, "queue_abc")

    assert len(asked) == 1 + 3


def test_asks_once_more_with_a_new_token(server: NastyServer, client: FlowClient) -> None:
    server.on("status", only_for(TOKENS[1], QUEUED))

    assert client.campaign_status("queue_abc").status == "queued"
    assert [request.bearer for request in server.at("status")] == TOKENS[:2]


def test_uses_a_connection_again(server: NastyServer, client: FlowClient) -> None:
    server.on("status", QUEUED)
    client.token()
    before = server.connections

    for _ in range(5):
        client.campaign_status("queue_abc")

    assert server.connections == before + 1


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_passes_over_interim_answers_and_takes_none_for_the_answer_to_another_campaign(
    server: NastyServer, client: FlowClient, interim: bytes
) -> None:
    def answers_in_the_end(peer: Peer, request: Received) -> None:
        peer.send(interim)
        peer.stopped.wait(0.1)
        says(200, {"status": request.path.rpartition("/")[2]})(peer, request)

    server.on("status", answers_in_the_end)

    assert [client.campaign_status(each).status for each in ("one", "two", "three")] == ["one", "two", "three"]
    assert server.connections == 2  # one for the token


def test_what_comes_behind_an_answer_without_a_body_is_no_answer_to_another_campaign(
    server: NastyServer, client: FlowClient
) -> None:
    def says_more_than_it_may(peer: Peer, request: Received) -> None:
        peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        peer.stopped.wait(0.1)
        with suppress(OSError):  # nobody listens any more
            says(200, {"status": "cancelled"})(peer, request)

    server.on("status", says_more_than_it_may, says(200, {"status": "queued"}))

    failing(UnknownOutcome, client.campaign_status, "one")

    assert client.campaign_status("two").status == "queued"
    assert server.connections == 3  # one for the token


def test_keeps_as_many_connections_as_it_may(server: NastyServer, make_client: MakeClient) -> None:
    together = threading.Barrier(16)

    def waits_for_all(peer: Peer, request: Received) -> None:
        together.wait(ENOUGH)
        QUEUED(peer, request)

    server.on("status", waits_for_all)
    client = make_client(pool_size=16)
    client.token()
    before = server.connections

    for _ in range(2):
        assert in_threads(16, lambda: client.campaign_status("queue_abc").status) == ["queued"] * 16

    assert server.connections == before + 16


def test_does_not_mind_that_an_idle_connection_has_died(server: NastyServer, client: FlowClient) -> None:
    server.on("status", then_closes(message(200, b'{"status": "queued"}')))

    assert [client.campaign_status("queue_abc").status for _ in range(3)] == ["queued"] * 3


def test_repeats_no_secret_in_a_message(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(200, {"status": "queued", "message": f"with {TOKENS[0]}"}))

    assert client.campaign_status("queue_abc").message == "with [redacted]"
