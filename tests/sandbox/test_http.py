"""The manners of the HTTP server itself."""

import http.client
import json
import socket

import pytest
import requests

from tests.sandbox.conftest import TIMEOUT, Caller, order
from tests.sandbox_process import Sandbox


def test_health_says_who_is_there(sandbox: Sandbox) -> None:
    response = requests.get(f"{sandbox.url}/health", timeout=TIMEOUT)

    assert (response.status_code, response.json()) == (200, {"status": "ok", "service": "sandbox"})


@pytest.mark.parametrize("path", ["/nothing", "/campaigns", "/campaigns/status/", "/campaigns/publish/", "/[", "/%5b"])
def test_an_unknown_path_is_not_found(sandbox: Sandbox, path: str) -> None:
    response = requests.get(f"{sandbox.url}{path}", timeout=TIMEOUT)

    assert (response.status_code, response.json()) == (404, {"error": "Not found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/campaigns/publish", "POST"),
        ("PUT", "/campaigns/publish", "POST"),
        ("HEAD", "/campaigns/publish", "POST"),
        ("POST", "/auth/access-key/publickey", "GET"),
        ("DELETE", "/campaigns/status/queue_x", "GET, POST"),
        ("PATCH", "/campaigns/status/queue_x", "GET, POST"),
        ("OPTIONS", "/sandbox/faults", "GET, PUT, DELETE, POST"),
    ],
)
def test_another_method_is_not_allowed(sandbox: Sandbox, method: str, path: str, allowed: str) -> None:
    response = requests.request(method, f"{sandbox.url}{path}", timeout=TIMEOUT)

    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_method_nobody_knows_is_not_allowed(sandbox: Sandbox) -> None:
    response = requests.request("BREW", f"{sandbox.url}/", timeout=TIMEOUT)

    assert response.status_code == 405
    assert list(response.json()) == ["error"]


def test_many_requests_share_one_connection(sandbox: Sandbox, caller: Caller) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=TIMEOUT)
    try:
        connection.connect()
        own_port = connection.sock.getsockname()[1]
        for path in ("/health", "/nothing", "/campaigns/publish", "/"):
            connection.request("GET", path)
            connection.getresponse().read()
            assert connection.sock is not None
            assert connection.sock.getsockname()[1] == own_port
    finally:
        connection.close()


def test_a_body_over_the_cap_is_refused(sandbox: Sandbox, caller: Caller) -> None:
    response = caller.publish(order(orderRef="x" * 2_000_000))

    assert response.status_code == 413
    assert list(response.json()) == ["error"]
    assert sandbox.published_refs() == []


def test_a_large_body_under_the_cap_is_taken(sandbox: Sandbox, caller: Caller) -> None:
    assert caller.publish(listingExternalIds=["x" * 100] * 9000).status_code == 202


def test_a_body_without_its_length_is_refused(sandbox: Sandbox, caller: Caller) -> None:
    chunks = iter([json.dumps(order()).encode()])
    response = caller.publish_raw(data=chunks, headers={"Content-Type": "application/json"})

    assert response.status_code == 411
    assert sandbox.published_refs() == []


def test_a_request_that_is_broken_off_publishes_nothing(sandbox: Sandbox, caller: Caller) -> None:
    body = json.dumps(order())
    head = (
        "POST /campaigns/publish?clientId=sandbox-organisation HTTP/1.1\r\nHost: localhost\r\nAccept-Version: v1\r\n"
        f"Authorization: Bearer {caller.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=TIMEOUT) as connection:
        connection.sendall((head + body).encode())
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert sandbox.published_refs() == []
    assert "Traceback" not in sandbox.output.read_text()


@pytest.mark.parametrize("line", [b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\r\n\r\n"])
def test_what_is_not_http_ends_without_a_traceback(sandbox: Sandbox, line: bytes) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=TIMEOUT) as connection:
        connection.sendall(line)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert b'{"error":' in answer
    assert b"Traceback" not in answer
    assert sandbox.answers()


def test_nothing_secret_is_printed(sandbox: Sandbox, caller: Caller) -> None:
    caller.published_id()
    caller.fetch_token(apiKey="wrong-secret-key")
    sandbox.stop()

    printed = sandbox.output.read_text()
    assert "published 'Order-001' as queue_" in printed
    assert "sandbox-api-key" not in printed
    assert "wrong-secret-key" not in printed
    assert caller.token not in printed
