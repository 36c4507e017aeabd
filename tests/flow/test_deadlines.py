"""No server, however slow, keeps a call longer than its deadline."""

import os
import socket
import threading
import time

import pytest

from campaigns.flow import Interrupted, NotSent, PublishRequest, clock
from campaigns.flow.sockets import Call, OutOfTimeError, Stage, Watchdog
from tests.flow.conftest import TOKENS, MakeClient, failing
from tests.flow.nasty_server import NastyServer, Play, delayed, falls_silent, message, says, trickles

BODY = b'{"campaign_tracking_ids": ["queue_abc"]}'
GENEROUS = 5.0  # seconds; the deadline is 0.4, and the servers below would go on for much longer

PATIENT_CONNECTION = {"connect_timeout": 20, "read_timeout": 20, "deadline": 0.4}

SLOW: dict[str, Play] = {
    "says nothing": falls_silent(),
    "trickles the status line": trickles(b"HTTP/1.1 202 " + b"A" * 5000),
    "trickles a header": trickles(b"x" * 5000, at_once=b"HTTP/1.1 202 Accepted\r\nX: "),
    "trickles the body": trickles(BODY + b" " * 5000, at_once=message(202, b"", {"Content-Length": "5040"})),
    "trickles without a length": trickles(BODY + b" " * 5000, at_once=b"HTTP/1.1 202 Accepted\r\n\r\n"),
    "trickles the size of a chunk": trickles(
        b"0" * 5000, at_once=b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "sends the whole JSON and never ends": falls_silent(b"HTTP/1.1 202 Accepted\r\n\r\n" + BODY),
    "says 100 again and again": trickles(b"HTTP/1.1 100 Continue\r\n\r\n" * 300, 0.01),
}


@pytest.mark.parametrize("play", SLOW.values(), ids=SLOW.keys())
def test_a_publish_ends_in_doubt_at_its_deadline(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest, play: Play
) -> None:
    server.on("publish", play)
    client = make_client(**PATIENT_CONNECTION)
    began = time.monotonic()

    error = failing(Interrupted, client.publish, request_to_publish, TOKENS[0])

    assert time.monotonic() - began < GENEROUS
    assert "0.4 seconds for a call were over" in str(error)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("listing", "token"), [("x" * 15_000_000, TOKENS[0]), ("x", "x" * 15_000_000)], ids=["in its body", "in its head"]
)
def test_a_server_that_does_not_read_leaves_the_outcome_of_a_large_request_open(
    server: NastyServer, make_client: MakeClient, listing: str, token: str
) -> None:
    gone = threading.Event()

    def does_not_read(peer: object) -> None:
        gone.wait(GENEROUS)

    server.on_connect = does_not_read
    client = make_client(**{**PATIENT_CONNECTION, "deadline": 1.5})
    request = PublishRequest(plan_ref="p", listing_external_ids=(listing,), branch_id="b")
    began = time.monotonic()

    failing(Interrupted, client.publish, request, token)

    assert time.monotonic() - began < GENEROUS
    gone.set()


def test_a_read_timeout_ends_a_silent_call_before_the_deadline(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", falls_silent())
    client = make_client(read_timeout=0.3, deadline=60)

    error = failing(Interrupted, client.publish, request_to_publish, TOKENS[0])

    assert "nothing came for 0.3 seconds" in str(error)


def test_the_deadline_is_told_where_a_read_ends_before_the_watchdog_looks(
    server: NastyServer,
    make_client: MakeClient,
    request_to_publish: PublishRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Watchdog, "watch", lambda _watchdog, _call: None)
    server.on("publish", falls_silent())

    error = failing(Interrupted, make_client(**PATIENT_CONNECTION).publish, request_to_publish, TOKENS[0])

    assert "0.4 seconds for a call were over" in str(error)


def test_what_came_before_the_deadline_is_kept_as_evidence(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", falls_silent(message(202, BODY, {"Content-Length": "5000"})))

    error = failing(Interrupted, make_client(**PATIENT_CONNECTION).publish, request_to_publish, TOKENS[0])

    assert error.http_status == 202
    assert error.excerpt == BODY.decode()


def test_a_status_is_asked_again_only_within_one_deadline(server: NastyServer, make_client: MakeClient) -> None:
    server.on("status", falls_silent())
    client = make_client(connect_timeout=20, read_timeout=0.5, deadline=1)
    client.token()
    began = time.monotonic()

    failing(Interrupted, client.campaign_status, "queue_abc")

    assert time.monotonic() - began < GENEROUS
    assert 1 <= len(server.at("status")) <= 3


def test_a_token_ends_at_its_deadline(server: NastyServer, make_client: MakeClient) -> None:
    server.on("token", trickles(b"HTTP/1.1 200 O" + b"K" * 5000))
    began = time.monotonic()

    failing(NotSent, make_client(**PATIENT_CONNECTION).token)

    assert time.monotonic() - began < GENEROUS


def test_what_was_sent_stays_sent() -> None:
    call = Call(ends=0, connect_timeout=1)
    call.reach(Stage.SENT)

    call.reach(Stage.CONNECTING)

    assert call.stage is Stage.SENT


def watchdogs() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "flow-deadlines"]


def test_one_thread_watches_over_all_calls(server: NastyServer, make_client: MakeClient) -> None:
    client = make_client(pool_size=16)
    others = set(watchdogs())
    server.on("status", says(200, {"status": "queued"}))
    threads = [threading.Thread(target=client.campaign_status, args=(f"queue_{number}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(server.at("status")) == 16
    [watchdog] = set(watchdogs()) - others
    assert watchdog.daemon, "it would keep the process from ending"
    assert client._transport._watchdog._calls == set()


def test_the_watching_thread_stays_for_the_next_call_and_cuts_that_in_time(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    client = make_client(**PATIENT_CONNECTION)
    others = set(watchdogs())
    client.token()
    time.sleep(0.8)  # the call's time is over, and the thread has nothing to do
    [watchdog] = set(watchdogs()) - others
    server.on("publish", trickles(b"HTTP/1.1 202 " + b"A" * 5000))
    began = time.monotonic()

    failing(Interrupted, client.publish, request_to_publish, TOKENS[0])

    assert time.monotonic() - began < GENEROUS
    assert set(watchdogs()) - others == {watchdog}


def test_the_watchdog_looks_again_when_the_next_call_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog, first, second = Watchdog(), Call(ends=5, connect_timeout=1), Call(ends=5.5, connect_timeout=1)
    watchdog._calls = {first, second}

    monkeypatch.setattr(clock, "now", lambda: 5.0)
    assert watchdog._cut_overdue() == 0.5
    assert (first.overdue, second.overdue, watchdog._calls) == (True, False, {second})

    monkeypatch.setattr(clock, "now", lambda: 6.0)
    assert watchdog._cut_overdue() == 0
    assert (second.overdue, watchdog._calls) == (True, set())


def test_the_watchdog_is_woken_only_for_a_call_that_is_over_before_it_looks(
    server: NastyServer, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchdog, woken = Watchdog(), []
    patient, hurried = (Call(ends=clock.now() + seconds, connect_timeout=1) for seconds in (60, 30))
    watchdog.watch(patient)
    until_it_looks_at(watchdog, patient.ends)
    monkeypatch.setattr(watchdog._changed, "notify", lambda: woken.append(True))

    watchdog.watch(Call(ends=patient.ends + 1, connect_timeout=1))
    assert woken == []
    watchdog.watch(hurried)
    assert woken == [True]


def test_the_watchdog_that_has_not_looked_yet_is_told_of_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog, woken = Watchdog(), []
    watchdog._thread = threading.current_thread()  # it has been started, and has not come to look
    monkeypatch.setattr(watchdog._changed, "notify", lambda: woken.append(True))

    watchdog.watch(Call(ends=clock.now() + 60, connect_timeout=1))

    assert woken == [True]


def test_a_call_that_is_over_leaves_no_descriptor_behind() -> None:
    ours, theirs = socket.socketpair()
    call = Call(ends=clock.now() + 60, connect_timeout=1)
    with ours, theirs:
        call.hold(ours)
        assert call._handle
        os.fstat(call._handle)
        call.let_go()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(call._handle)
    Call(ends=clock.now() + 60, connect_timeout=1).let_go()  # which was never connected


def until_it_looks_at(watchdog: Watchdog, moment: float) -> None:
    """Wait until the thread sleeps, to wake by itself at about that moment."""
    ends = time.monotonic() + GENEROUS
    while not abs(watchdog._looks_at - moment) < 1:
        assert time.monotonic() < ends, watchdog._looks_at
        time.sleep(0.01)


def test_the_time_of_a_call_is_over_in_its_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(ends=5, connect_timeout=1)
    monkeypatch.setattr(clock, "now", lambda: 4.5)
    assert (call.seconds_left(), call.seconds_to_connect()) == (0.5, 0.5)

    monkeypatch.setattr(clock, "now", lambda: 5.0)
    with pytest.raises(OutOfTimeError):
        call.seconds_left()


def test_the_watching_thread_ends_when_nobody_calls_and_comes_back(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    client = make_client(deadline=0.5)
    others = set(watchdogs())
    client._transport._watchdog.idle_seconds = 0.05
    client.token()

    ours = set(watchdogs()) - others
    for thread in ours:
        thread.join(GENEROUS)

    assert not set(watchdogs()) - others
    server.on("publish", trickles(b"HTTP/1.1 202 " + b"A" * 5000))
    failing(Interrupted, client.publish, request_to_publish, TOKENS[0])


def test_an_answer_may_take_longer_than_a_connection(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", delayed(says(202, {"campaign_tracking_ids": ["queue_abc"]}), 0.6))

    published = make_client(connect_timeout=0.3).publish(request_to_publish, TOKENS[0])

    assert published.tracking_ids == ("queue_abc",)
