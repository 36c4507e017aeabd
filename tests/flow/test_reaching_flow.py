"""What was definitely not sent: everything that fails before the first byte of a request is written."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
from urllib3.util.connection import create_connection

from campaigns.flow import FlowClient, Interrupted, NotSent, PublishRequest
from tests.flow.conftest import IMPATIENT, TOKENS, MakeClient, config_for, failing
from tests.flow.nasty_server import NastyServer, Peer, black_hole, gives_tokens, refused_address, running, says

CERTIFICATE = Path(__file__).with_name("localhost.pem")
"""A self-signed certificate for "localhost", with its key: worth nothing outside of these tests."""

GOOD = says(202, {"campaign_tracking_ids": ["queue_abc"]})


def tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def tls_server() -> Iterator[NastyServer]:
    with running(tls_context()) as nasty:
        nasty.on("token", gives_tokens(TOKENS))
        nasty.on("publish", GOOD)
        yield nasty


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(CERTIFICATE))


def test_an_unknown_host_name_means_not_sent(make_client: MakeClient, request_to_publish: PublishRequest) -> None:
    client = make_client("http://name.invalid")

    error = failing(NotSent, client.publish, request_to_publish, TOKENS[0])

    assert str(error).startswith("The address of Flow, name.invalid, could not be found: ")
    assert str(error).endswith(". Nothing was published and no money is spent. Check FLOW_BASE_URL and the network.")
    assert error.http_status is None
    assert error.excerpt == ""


def test_a_refused_connection_means_not_sent(make_client: MakeClient, request_to_publish: PublishRequest) -> None:
    error = failing(NotSent, make_client(refused_address()).publish, request_to_publish, TOKENS[0])

    assert str(error) == (
        "Flow at 127.0.0.1 could not be reached: Connection refused. Nothing was published and no money is spent. "
        "Check FLOW_BASE_URL and the network."
    )


def test_a_connection_that_nobody_accepts_means_not_sent(
    make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    with black_hole() as address:
        error = failing(NotSent, make_client(address, **IMPATIENT).publish, request_to_publish, TOKENS[0])

    assert str(error) == (
        "Flow at 127.0.0.1 could not be reached: timed out. Nothing was published and no money is spent. "
        "Check FLOW_BASE_URL and the network."
    )


def test_a_connection_gets_its_own_time_and_holds_no_small_piece_back(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("publish", GOOD)
    made: list[tuple[tuple[str, int], float, dict[str, Any]]] = []

    def noted(address: tuple[str, int], seconds: float, **options: Any) -> socket.socket:
        made.append((address, seconds, options))
        return create_connection(address, seconds, **options)

    monkeypatch.setattr("campaigns.flow.sockets.create_connection", noted)

    make_client(connect_timeout=2).publish(request_to_publish, TOKENS[0])

    no_delay = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert made == [(("127.0.0.1", server.port), 2, {"socket_options": [no_delay]})]


def test_many_addresses_together_get_no_more_time_than_the_call_has(
    make_client: MakeClient, request_to_publish: PublishRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def ten_times(host: str, *arguments: Any, **more: Any) -> list[Any]:
        if host != "many.example":
            return real(host, *arguments, **more)
        return real("127.0.0.1", *arguments, **more) * 10

    with black_hole() as address:
        client = make_client(address.replace("127.0.0.1", "many.example"), **IMPATIENT)
        monkeypatch.setattr(socket, "getaddrinfo", ten_times)
        began = time.monotonic()
        error = failing(NotSent, client.publish, request_to_publish, TOKENS[0])

    assert time.monotonic() - began < 3  # ten times 0.4 s would be more
    assert "0.8 seconds for a call were over" in str(error)


def test_a_connection_that_is_made_too_late_is_not_written_to(
    server: NastyServer,
    make_client: MakeClient,
    request_to_publish: PublishRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.create_connection
    client = make_client(deadline=0.3)

    def slowly(address: tuple[str, int], *arguments: Any, **more: Any) -> socket.socket:
        sock = real(address)
        time.sleep(0.4)
        return sock

    monkeypatch.setattr("campaigns.flow.sockets.create_connection", slowly)

    failing(NotSent, client.publish, request_to_publish, TOKENS[0])

    assert server.connections == 1
    assert server.received == []


def test_the_next_address_is_tried_when_one_refuses(
    server: NastyServer,
    make_client: MakeClient,
    request_to_publish: PublishRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.on("publish", GOOD)
    client = make_client(server.url.replace("127.0.0.1", "many.example"))
    real = socket.getaddrinfo

    def two(host: str, *arguments: Any, **more: Any) -> list[Any]:
        if host != "many.example":
            return real(host, *arguments, **more)
        return [*real("127.0.0.2", *arguments, **more), *real("127.0.0.1", *arguments, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", two)

    assert client.publish(request_to_publish, TOKENS[0]).tracking_ids == ("queue_abc",)
    assert len(server.received) == 1


def test_a_server_without_tls_means_not_sent(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    server.on_connect = lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client = make_client(server.url.replace("http:", "https:"))

    error = failing(NotSent, client.publish, request_to_publish, TOKENS[0])

    assert "secure connection (TLS)" in str(error)
    assert server.received == []


def test_a_handshake_that_never_ends_means_not_sent(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    server.on_connect = lambda peer: peer.wait_until_gone()
    client = make_client(server.url.replace("http:", "https:"), **IMPATIENT)

    error = failing(NotSent, client.publish, request_to_publish, TOKENS[0])

    assert "secure connection (TLS)" in str(error)


def test_a_reset_in_the_handshake_means_not_sent(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    def resets_after_the_first_message(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.reset()

    server.on_connect = resets_after_the_first_message
    client = make_client(server.url.replace("http:", "https:"))

    failing(NotSent, client.publish, request_to_publish, TOKENS[0])


def test_a_certificate_that_nobody_trusts_means_not_sent(
    tls_server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    error = failing(NotSent, make_client(tls_server.url).publish, request_to_publish, TOKENS[0])

    assert str(error).startswith(
        "A secure connection (TLS) to Flow at localhost could not be made: self-signed certificate. "
    )
    assert tls_server.received == []


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_means_not_sent(
    tls_server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    client = make_client(tls_server.url.replace("localhost", "127.0.0.1"))

    failing(NotSent, client.publish, request_to_publish, TOKENS[0])

    assert tls_server.received == []


@pytest.mark.usefixtures("trusted")
def test_a_trusted_server_is_published_to_over_tls(
    tls_server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    client = make_client(tls_server.url)

    assert client.publish(request_to_publish, client.token()).tracking_ids == ("queue_abc",)


@pytest.mark.usefixtures("trusted")
def test_a_silent_server_over_tls_leaves_the_outcome_open(
    tls_server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    tls_server.on("publish", lambda peer, _: peer.trickle(b"HTTP/1.1 202 Accepted\r\n" * 100, 0.05))
    client = make_client(tls_server.url, connect_timeout=2, read_timeout=2, deadline=0.5)

    error = failing(Interrupted, client.publish, request_to_publish, TOKENS[0])

    assert "0.5 seconds for a call were over" in str(error)
    assert len(tls_server.received) == 1


@pytest.mark.parametrize("token", ["", "é", "€", "a\r\nX-Evil: 1"])
def test_a_token_that_no_header_can_carry_means_not_sent_or_is_refused_by_flow(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, token: str
) -> None:
    server.on("publish", says(401, {}))

    with pytest.raises(NotSent):
        client.publish(request_to_publish, token)

    assert not [request for request in server.received if "x-evil" in request.headers]


def test_a_pace_that_breaks_means_not_sent(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    def broken() -> None:
        raise RuntimeError("no Redis")

    client = make_client(before_request=broken)

    error = failing(NotSent, client.dry_run, request_to_publish)
    assert str(error) == "The request to Flow could not be made: RuntimeError. Nothing was sent to Flow."
    error = failing(NotSent, client.wait_for_turn)
    assert str(error) == "The request to Flow could not be made: RuntimeError. Nothing was sent to Flow."
    assert server.connections == 0


def test_a_turn_that_does_not_come_is_told_in_the_words_of_the_pace(make_client: MakeClient) -> None:
    def full() -> None:
        raise TimeoutError(0, "no turn was left for 30 seconds")

    error = failing(NotSent, make_client(before_request=full).wait_for_turn)

    assert str(error) == (
        "The request to Flow could not be made: no turn was left for 30 seconds. Nothing was sent to Flow."
    )


def test_a_pace_that_waits_longer_than_the_deadline_means_not_sent(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    client = make_client(before_request=lambda: time.sleep(0.4), deadline=0.3)

    failing(NotSent, client.dry_run, request_to_publish)

    assert server.received == []


def test_a_publish_begins_at_once_for_its_caller_has_waited_for_the_turn(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    turns: list[int] = []
    server.on("publish", says(202, {"campaign_tracking_ids": ["queue_abc"], "status": "queued"}))
    client = make_client(before_request=lambda: turns.append(len(server.received)))

    client.wait_for_turn()
    client.publish(request_to_publish, TOKENS[0])

    assert (turns, len(server.at("publish"))) == ([0], 1)


def test_the_pace_is_kept_before_every_other_request(server: NastyServer, make_client: MakeClient) -> None:
    asked: list[int] = []
    client = make_client(before_request=lambda: asked.append(len(server.received)))
    server.on("status", says(503), says(200, {"status": "queued"}))

    client.campaign_status("queue_abc")

    assert asked == [0, 1, 2]


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "flow.example",
        "ftp://flow.example",
        "file:///etc/passwd",
        "https://",
        "https://someone:secret@flow.example",
        "https://flow.example?x=1",
    ],
)
def test_a_base_url_that_is_none_is_refused_at_once(base_url: str) -> None:
    with pytest.raises(
        ValueError, match=r"^FLOW_BASE_URL must look like https://host or https://host/path, without "
    ) as caught:
        FlowClient(config_for(base_url))

    assert str(caught.value).endswith(" a password in it.")
