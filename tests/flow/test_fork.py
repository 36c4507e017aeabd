"""A worker forks after the client was made and used: the children must share neither locks nor threads nor sockets."""

import os
import threading
import time
from collections.abc import Callable

from campaigns.flow import FlowClient, PublishRequest
from tests.flow.conftest import TOKENS, MakeClient
from tests.flow.nasty_server import NastyServer, delayed, gives_tokens, says, trickles

STATUS = says(200, {"status": "queued"})


def in_a_child(call: Callable[[], str]) -> str:
    """Fork, call in the child, return what it says: the result, or the name of what was raised, or "stuck"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        threading.Timer(8, os._exit, args=(3,)).start()
        try:
            said = call()
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            said = type(error).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said_by_child = pipe.read().decode()
    os.waitpid(child, 0)
    return said_by_child or "stuck"


def test_the_child_makes_connections_of_its_own(server: NastyServer, client: FlowClient) -> None:
    server.on("status", STATUS)
    client.campaign_status("queue_abc")
    before = server.connections

    assert in_a_child(lambda: client.campaign_status("queue_abc").status) == "queued"
    assert server.connections == before + 1

    assert client.campaign_status("queue_abc").status == "queued"
    assert server.connections == before + 1


def test_the_child_does_not_wait_for_a_lock_of_the_parents_threads(server: NastyServer, client: FlowClient) -> None:
    server.on("token", delayed(gives_tokens(TOKENS), 0.6), gives_tokens(TOKENS[5:]))
    server.on("status", STATUS)
    fetching = threading.Thread(target=client.token)
    fetching.start()
    while not server.received:
        time.sleep(0.01)

    said = in_a_child(lambda: client.campaign_status("queue_abc").status)

    fetching.join()
    assert said == "queued"
    assert [request.bearer for request in server.at("status")] == [TOKENS[5]]


def test_the_child_has_a_watchdog_of_its_own(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    client = make_client(read_timeout=20, deadline=0.4)
    client.token()
    server.on("publish", trickles(b"HTTP/1.1 202 " + b"A" * 5000))

    def publish() -> str:
        return repr(client.publish(request_to_publish, TOKENS[0]))

    assert in_a_child(publish) == "Interrupted"


def test_the_childs_children_are_safe_as_well(server: NastyServer, client: FlowClient) -> None:
    server.on("status", STATUS)
    client.campaign_status("queue_abc")

    assert in_a_child(lambda: in_a_child(lambda: client.campaign_status("queue_abc").status)) == "queued"
