import json
import os
import socket
import time
from decimal import Decimal
from email.utils import formatdate

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
    clock,
)
from campaigns.flow.answers import PUBLISH, STATUS
from campaigns.flow.answers import TOKEN as TOKEN_CALL
from campaigns.flow.transport import Ask
from tests.flow.conftest import API_KEY, TOKENS, MakeClient, failing
from tests.flow.nasty_server import (
    NastyServer,
    Peer,
    Play,
    Received,
    gzipped,
    message,
    never_stops,
    running,
    says,
    then_closes,
    then_resets,
)

TOKEN = TOKENS[0]
GOOD = {"campaign_tracking_ids": ["queue_abc", "queue_def"], "status": "queued"}
GOOD_BYTES = json.dumps(GOOD).encode()


def ids(*values: object) -> Play:
    return says(202, {"campaign_tracking_ids": list(values), "status": "queued"})


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n" + body


USABLE_BUT_NOT_TRUSTED: dict[str, Play] = {
    "200 instead of 202": says(200, GOOD),
    "201 instead of 202": says(201, GOOD),
    "204": says(204),
    "206": says(206, GOOD),
    "304": says(304),
    "500 with JSON": says(500, {"error": "try later"}),
    "502 with HTML": says(502, b"<h1>Bad gateway</h1>"),
    "503": says(503, GOOD),
    "599": says(599, GOOD),
    "400 with HTML": says(400, b"<h1>nginx</h1>"),
    "400 with nothing": says(400),
    "404 with HTML": says(404, b"<h1>nginx</h1>"),
    "404 with a JSON list": says(404, []),
    "404 with a JSON string": says(404, "no"),
    "402": says(402, {"error": "pay"}),
    "405": says(405, {"error": "method"}),
    "408": says(408, {"error": "timeout"}),
    "409": says(409, {"error": "conflict"}),
    "422": says(422, {"error": "unprocessable"}),
    "202 with nothing": says(202),
    "202 with HTML": says(202, b"<h1>Welcome</h1>"),
    "202 with a list": says(202, ["queue_abc"]),
    "202 with null": says(202, None),
    "202 with half of the JSON": says(202, GOOD_BYTES[:-1]),
    "202 with something after the JSON": says(202, GOOD_BYTES + b"{}"),
    "202 with NaN": says(202, b'{"campaign_tracking_ids": ["a"], "budget": NaN}'),
    "202 with a number out of range": says(202, b'{"campaign_tracking_ids": ["a"], "budget": 1e999}'),
    "202 nested without end": says(202, b'{"campaign_tracking_ids": ' + b"[" * 100_000),
    "202 nested very deeply": says(
        202, b'{"campaign_tracking_ids": ["a"], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    ),
    "202 in UTF-16": says(202, json.dumps(GOOD).encode("utf-16")),
    "202 in no encoding": says(202, b'{"campaign_tracking_ids": ["\xff\xfe"]}'),
    "202 not UTF-8 where nobody looks": says(202, b'{"campaign_tracking_ids": ["a"], "x": "\xff"}'),
    "202 in an unknown compression": says(202, b"\x0b\x02\x80", Content_Encoding="br"),
    "202 without ids": says(202, {"status": "queued"}),
    "202 with ids null": says(202, {"campaign_tracking_ids": None}),
    "202 with ids a string": says(202, {"campaign_tracking_ids": "queue_abc"}),
    "202 with ids an object": says(202, {"campaign_tracking_ids": {"queue_abc": 1}}),
    "202 with no ids": ids(),
    "202 with the same id twice": ids("queue_abc", "queue_abc"),
    "202 with an empty id": ids("queue_abc", ""),
    "202 with a blank id": ids(" "),
    "202 with an id that is a number": ids(5),
    "202 with an id that is null": ids("queue_abc", None),
    "202 with an id in a list": ids(["queue_abc"]),
    "202 with a space after an id": ids("queue_abc "),
    "202 with a line break before an id": ids("\nqueue_abc"),
    "202 with a NUL in an id": ids("queue\0abc"),
    "202 with half a character as id": says(202, b'{"campaign_tracking_ids": ["\\ud800"]}'),
    "202 with id .": ids("."),
    "202 with id ..": ids(".."),
    "202 with an id of 256 characters": ids("x" * 256),
    "202 with a status that is a number": says(202, {**GOOD, "status": 1}),
    "202 with status null": says(202, {**GOOD, "status": None}),
    "302 to a file": says(302, Location="file:///etc/passwd"),
    "307 to nowhere": says(307, Location="http://[bad"),
}

BROKEN: dict[str, Play] = {
    "nothing at all": then_closes(b""),
    "a reset": then_resets(b""),
    "half a status line": then_closes(b"HTTP/1.1 20"),
    "no HTTP": then_closes(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no header": then_closes(GOOD_BYTES),
    "a refusal cut off in its status line": then_closes(b"HTTP/1.1 401 Unauth"),
    "a refusal cut off in its headers": then_closes(b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\n"),
    "half a header": then_closes(b"HTTP/1.1 202 Accepted\r\nContent-Le"),
    "an endless header": then_closes(b"HTTP/1.1 202 Accepted\r\nX: " + b"x" * 70_000),
    "too many headers": then_closes(b"HTTP/1.1 202 Accepted\r\n" + b"X: x\r\n" * 200 + b"\r\n"),
    "only a 100": then_closes(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a status of two digits": then_closes(b"HTTP/1.1 20 Hm\r\n\r\n"),
    "less than Content-Length": then_closes(message(202, GOOD_BYTES, {"Content-Length": "5000"})),
    "less than Content-Length, then a reset": then_resets(message(202, GOOD_BYTES, {"Content-Length": "5000"})),
    "two lengths": then_closes(b"HTTP/1.1 202 A\r\nContent-Length: 2\r\nContent-Length: 60\r\n\r\n" + GOOD_BYTES),
    "chunks without an end": then_closes(chunked(b"%x\r\n%s\r\n" % (len(GOOD_BYTES), GOOD_BYTES))),
    "chunks of no size": then_closes(chunked(b"zz\r\n" + GOOD_BYTES)),
    "compressed rubbish": says(202, b"not gzip", Content_Encoding="gzip"),
    "a 404 cut off": then_closes(message(404, b'{"error": "no"}', {"Content-Length": "5000"})),
}

TOO_LARGE: dict[str, Play] = {
    "1 MiB and a byte": says(202, GOOD_BYTES + b" " * (1024 * 1024 + 1 - len(GOOD_BYTES))),
    "an endless body": never_stops(b"HTTP/1.1 202 Accepted\r\n\r\n", b" " * 65_536),
    "a gzip bomb": says(202, gzipped(300_000_000), Content_Encoding="gzip"),
    "a gzip bomb in a 404": says(404, gzipped(300_000_000), Content_Encoding="gzip"),
}


def test_sends_exactly_what_was_frozen_and_says_that_it_is_no_dry_run(server: NastyServer, client: FlowClient) -> None:
    server.on("publish", says(202, GOOD))
    request = PublishRequest(
        plan_ref="plan/1",
        listing_external_ids=("l1", "l2"),
        branch_id="b1",
        agent_external_id="a1",
        start_date="2030-06-08T09:00:00Z",
        end_date="2030-06-15T09:00:00Z",
        budget_override=Decimal("2928.10"),
        order_ref="Order-001",
    )

    client.publish(request, TOKEN)

    [received] = server.received
    assert received.method == "POST"
    assert received.target == "/campaigns/publish?clientId=client%2F1"
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert received.headers["accept-version"] == "v1"
    assert received.headers["accept"] == "application/json"
    assert received.headers["accept-encoding"] == "identity"
    assert received.headers["content-type"] == "application/json"
    assert received.body == (
        b'{"agentExternalId":"a1","branchId":"b1","budgetOverride":2928.10,"dryRun":false,'
        b'"endDate":"2030-06-15T09:00:00Z","listingExternalIds":["l1","l2"],"orderRef":"Order-001",'
        b'"planRef":"plan/1","startDate":"2030-06-08T09:00:00Z"}'
    )


def test_returns_every_tracking_id_in_flows_order(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(202, GOOD))

    published = client.publish(request_to_publish, TOKEN)

    assert published.tracking_ids == ("queue_abc", "queue_def")
    assert published.status == "queued"
    assert published.http_status == 202
    assert json.loads(published.excerpt) == GOOD


@pytest.mark.parametrize(
    ("answer", "tracking_ids", "status"),
    [
        ({"campaign_tracking_ids": ["only"]}, ("only",), ""),
        ({"campaign_tracking_ids": ["é/ü ?#%"], "status": "queued", "more": [1.5, None]}, ("é/ü ?#%",), "queued"),
        ({"campaign_tracking_ids": ["x" * 255], "status": ""}, ("x" * 255,), ""),
        ({"campaign_tracking_ids": ["only"], "status": "s" * 300}, ("only",), "s" * 255),
    ],
)
def test_accepts_a_202_with_sound_ids(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    answer: dict[str, object],
    tracking_ids: tuple[str, ...],
    status: str,
) -> None:
    server.on("publish", says(202, answer))

    published = client.publish(request_to_publish, TOKEN)

    assert (published.tracking_ids, published.status) == (tracking_ids, status)


@pytest.mark.parametrize(
    "play",
    [
        says(202, GOOD_BYTES, Content_Type="text/html; charset=latin-1"),
        says(202, b"\xef\xbb\xbf" + GOOD_BYTES),
        then_closes(b"HTTP/1.1 202 Accepted\r\n\r\n" + GOOD_BYTES),
        then_closes(chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD_BYTES), GOOD_BYTES))),
        then_closes(b"HTTP/1.1 100 Continue\r\n\r\n" + message(202, GOOD_BYTES)),
        says(202, GOOD_BYTES + b" " * (1024 * 1024 - len(GOOD_BYTES))),
    ],
    ids=[
        "another content type",
        "with a byte order mark",
        "until the end",
        "in chunks",
        "after a 100",
        "exactly 1 MiB",
    ],
)
def test_accepts_every_complete_way_to_send_the_answer(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, play: Play
) -> None:
    server.on("publish", play)

    assert client.publish(request_to_publish, TOKEN).tracking_ids == ("queue_abc", "queue_def")


@pytest.mark.parametrize("play", USABLE_BUT_NOT_TRUSTED.values(), ids=USABLE_BUT_NOT_TRUSTED.keys())
def test_leaves_the_outcome_open_when_the_answer_proves_nothing(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, play: Play
) -> None:
    server.on("publish", play)

    error = failing(UnknownOutcome, client.publish, request_to_publish, TOKEN)

    assert "may be live" in str(error)
    assert len(server.received) == 1


@pytest.mark.parametrize("play", BROKEN.values(), ids=BROKEN.keys())
def test_leaves_the_outcome_open_when_the_connection_breaks_after_the_first_byte(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, play: Play
) -> None:
    server.on("publish", play)

    failing(Interrupted, client.publish, request_to_publish, TOKEN)

    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("name", "reason", "status", "excerpt"),
    [
        ("nothing at all", "the answer broke off in its head", None, ""),
        ("a reset", "Connection reset by peer", None, ""),
        ("half a status line", "the answer broke off in its head", None, ""),
        ("no HTTP", "the answer broke off or is not HTTP", None, ""),
        ("less than Content-Length", "the answer broke off or is not HTTP", 202, GOOD_BYTES.decode()),
        ("less than Content-Length, then a reset", "Connection reset by peer", 202, GOOD_BYTES.decode()),
        ("a 404 cut off", "the answer broke off or is not HTTP", 404, '{"error": "no"}'),
    ],
)
def test_says_how_the_connection_broke_and_keeps_what_had_come(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    name: str,
    reason: str,
    status: int | None,
    excerpt: str,
) -> None:
    server.on("publish", BROKEN[name])

    error = failing(Interrupted, client.publish, request_to_publish, TOKEN)

    assert str(error) == (
        f"Flow was asked for the publish but gave no whole answer: {reason}. The campaigns may be live and spending: "
        "look in Flow before the order is sent again."
    )
    assert (error.http_status, error.excerpt) == (status, excerpt)


def test_reads_no_header_without_end(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", never_stops(b"HTTP/1.1 202 Accepted\r\nX: ", b"x" * 65_536))

    error = failing(Interrupted, client.publish, request_to_publish, TOKEN)

    assert str(error).startswith(
        "Flow was asked for the publish but gave no whole answer: the answer broke off in its head. "
    )


@pytest.mark.parametrize("play", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_leaves_the_outcome_open_when_the_answer_is_too_large(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, play: Play
) -> None:
    server.on("publish", play)

    error = failing(UnknownOutcome, client.publish, request_to_publish, TOKEN)

    assert str(error) == (
        "Flow's answer to the publish is larger than 1 MiB and was not read. The campaigns may be live and spending: "
        "look in Flow before the order is sent again."
    )
    assert error.http_status in (202, 404)
    assert len(error.excerpt) == 2000
    assert len(server.received) == 1


def test_leaves_the_outcome_open_when_the_server_resets_before_it_reads(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    def resets_unread(peer: Peer) -> None:
        peer.sock.recv(1, socket.MSG_PEEK)
        peer.reset()

    server.on_connect = resets_unread

    failing(Interrupted, client.publish, request_to_publish, TOKEN)

    assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_follows_no_redirect(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, status: int
) -> None:
    with running() as elsewhere:
        server.on("publish", says(status, Location=f"{elsewhere.url}/campaigns/publish"))

        error = failing(UnknownOutcome, client.publish, request_to_publish, TOKEN)

        assert error.http_status == status
        assert elsewhere.connections == 0
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"error": "startDate must be in the future"}, Rejected, "startDate must be in the future"),
        (400, {"message": "bad plan"}, Rejected, "bad plan"),
        (400, {"error": "first", "message": "second"}, Rejected, "first"),
        (400, {"error": ["odd", "even"], "message": "second"}, Rejected, "odd; even"),
        (400, {"error": 7, "message": "second"}, Rejected, "second"),
        (400, {"error": "Bad Request", "message": ["no plan", "no date"]}, Rejected, "no plan; no date"),
        (400, {"error": {"code": "E12", "message": "no plan"}}, Rejected, "E12: no plan"),
        (400, {"errors": [{"field": "plan", "message": "is unknown"}, 7]}, Rejected, "plan: is unknown"),
        (400, {"title": "Bad Request", "detail": "no plan"}, Rejected, "no plan"),
        (
            400,
            {"errors": {"budget": ["too low", "odd"], "plan": ["gone"]}},
            Rejected,
            "budget: too low; odd; plan: gone",
        ),
        (404, {"error": "Not Found"}, NotFound, "Not Found"),
        (400, {"error": "", "message": "second"}, Rejected, "second"),
        (404, {"error": "branch not found"}, NotFound, "branch not found"),
    ],
)
def test_is_rejected_when_flow_says_no_in_json(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    status: int,
    body: dict[str, object],
    kind: type[Rejected],
    words: str,
) -> None:
    server.on("publish", says(status, body))

    error = failing(kind, client.publish, request_to_publish, TOKEN)

    assert error.words == words
    assert error.http_status == status
    assert json.loads(error.excerpt) == body
    assert words in str(error)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "no reason given."),
        ({"code": 7}, 'no reason that the console understands; the answer begins {"code": 7}.'),
        (
            {"error": [[[["deep"]]]]},
            'no reason that the console understands; the answer begins {"error": [[[["deep"]]]]}.',
        ),
    ],
)
def test_says_so_where_flow_rejects_without_a_reason(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, body: dict[str, object], words: str
) -> None:
    server.on("publish", says(400, body))

    error = failing(Rejected, client.publish, request_to_publish, TOKEN)

    assert error.words == words
    assert str(error) == (f"Flow refused the publish (HTTP 400): {words} Nothing was published and no money is spent.")


def test_waits_for_the_answer_behind_an_interim_one(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    def answers_in_the_end(peer: Peer, request: Received) -> None:
        peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        says(202, {"campaign_tracking_ids": ["queue_a"], "status": "queued"})(peer, request)

    server.on("publish", answers_in_the_end)

    assert client.publish(request_to_publish, TOKEN).tracking_ids == ("queue_a",)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            400,
            {"error": "Plan is over"},
            "Flow refused the publish (HTTP 400): Plan is over. Nothing was published and no money is spent.",
        ),
        (
            400,
            {"error": "Plan is over."},
            "Flow refused the publish (HTTP 400): Plan is over. Nothing was published and no money is spent.",
        ),
        (
            400,
            {"error": "Is the plan over?"},
            "Flow refused the publish (HTTP 400): Is the plan over? Nothing was published and no money is spent.",
        ),
        (
            404,
            {"error": "No such branch!"},
            "Flow refused the publish (HTTP 404): No such branch! Nothing was published and no money is spent.",
        ),
        (
            401,
            {},
            "Flow refused the access token for the publish (HTTP 401). Nothing was published and no money is spent. "
            "The next try fetches a new token.",
        ),
        (
            429,
            {},
            "Flow asks for fewer requests (HTTP 429). Nothing was published and no money is spent. Try again later.",
        ),
        (
            503,
            {},
            "Flow's answer to the publish (HTTP 503) does not say what became of it. The campaigns may be live and "
            "spending: look in Flow before the order is sent again.",
        ),
    ],
)
def test_says_what_an_answer_means_for_the_money(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    status: int,
    body: dict[str, str],
    sentence: str,
) -> None:
    server.on("publish", says(status, body))

    with pytest.raises(FlowError) as caught:
        client.publish(request_to_publish, TOKEN)

    assert str(caught.value) == sentence
    assert caught.value.http_status == status


@pytest.mark.parametrize("key", ["error", "message"])
def test_cuts_flows_words_at_500_and_the_excerpt_at_2000_characters_and_still_tells_of_the_money(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, key: str
) -> None:
    body = json.dumps({key: "w" * 3000})
    server.on("publish", says(400, body.encode()))

    error = failing(Rejected, client.publish, request_to_publish, TOKEN)

    assert error.words == "w" * 500
    assert error.excerpt == body[:2000]
    assert str(error) == (
        f"Flow refused the publish (HTTP 400): {'w' * 500}. Nothing was published and no money is spent."
    )


def test_keeps_2000_characters_of_a_long_answer(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    body = json.dumps({**GOOD, "more": "m" * 3000})
    server.on("publish", says(202, body.encode()))

    assert client.publish(request_to_publish, TOKEN).excerpt == body[:2000]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [{"error": "JWT expired"}, b"<h1>no</h1>"])
def test_was_not_sent_when_flow_refuses_the_token(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, status: int, body: object
) -> None:
    server.on("publish", says(status, body))
    token = client.token()

    failing(TokenRefused, client.publish, request_to_publish, token)

    assert len(server.at("publish")) == 1
    assert client.token() == TOKENS[1]


def test_was_not_sent_when_flow_asks_for_fewer_requests(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(429, {"error": "slow down"}, Retry_After="7"))

    error = failing(TooManyRequests, client.publish, request_to_publish, TOKEN)

    assert error.retry_after == 7
    assert error.words == "slow down"
    assert len(server.received) == 1


def test_may_be_told_until_when_to_send_nothing(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(429, Retry_After=formatdate(time.time() + 600, usegmt=True)))

    error = failing(TooManyRequests, client.publish, request_to_publish, TOKEN)

    assert error.retry_after == pytest.approx(600, abs=30)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 499])
def test_leaves_the_outcome_open_after_every_4xx_for_those_who_do_not_trust_them(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest, status: int
) -> None:
    server.on("publish", says(status, {"error": "no"}))
    client = make_client(client_errors_are_unknown=True)

    error = failing(UnknownOutcome, client.publish, request_to_publish, TOKEN)

    assert error.http_status == status
    assert error.words == "no"


def test_drops_a_refused_token_even_when_the_outcome_is_left_open(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(401))
    client = make_client(client_errors_are_unknown=True)

    failing(UnknownOutcome, client.publish, request_to_publish, client.token())

    assert client.token() == TOKENS[1]


def test_uses_a_connection_of_its_own_and_closes_it(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("status", says(200, {"status": "queued"}))
    server.on("publish", says(202, GOOD))
    client.campaign_status("queue_abc")
    before = server.connections

    client.publish(request_to_publish, TOKEN)
    client.publish(request_to_publish, TOKEN)

    assert server.connections == before + 2
    assert server.at("publish")[0].headers["connection"] == "close"


def test_repeats_no_secret_that_flow_repeats(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    echo = f"key {API_KEY}, token {TOKENS[0]}"
    server.on("publish", says(400, {"error": echo}), says(500, echo.encode()))
    token = client.token()

    rejected = failing(Rejected, client.publish, request_to_publish, token)
    unknown = failing(UnknownOutcome, client.publish, request_to_publish, token)

    assert rejected.words == "key [redacted], token [redacted]"
    assert unknown.excerpt == "key [redacted], token [redacted]"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_repeats_no_secret_in_another_encoding(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, encoding: str
) -> None:
    body = f"key {API_KEY}".encode(encoding)
    server.on("publish", says(500, body))

    error = failing(UnknownOutcome, client.publish, request_to_publish, TOKEN)

    assert error.excerpt == f"[{len(body)} bytes that are not text]"


def test_repeats_no_part_of_a_secret_that_was_cut_off(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    token = client.token()
    server.on("publish", then_closes(message(500, b"You sent " + token[:-1].encode(), {"Content-Length": "5000"})))

    error = failing(Interrupted, client.publish, request_to_publish, token)

    assert error.excerpt == "You sent [redacted]"


def test_stores_no_character_that_a_database_refuses(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(400, b'{"error": "a\\u0000b\\u001bc"}'))

    error = failing(Rejected, client.publish, request_to_publish, TOKEN)

    assert error.words == "a\ufffdb\ufffdc"


def test_stores_no_mark_that_would_turn_the_text_beside_it_around(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(400, b'{"error": "paid \\u202e0051\\u202c ZAR"}'))

    error = failing(Rejected, client.publish, request_to_publish, TOKEN)

    assert error.words == "paid \ufffd0051\ufffd ZAR"
    assert "\u202e" not in error.excerpt


@pytest.mark.parametrize("path", ["/flow/v2", "/flow/v2/", "/FLOW/X"])
def test_keeps_a_path_in_the_base_url(
    server: NastyServer, make_client: MakeClient, request_to_publish: PublishRequest, path: str
) -> None:
    server.on("publish", says(202, GOOD))

    make_client(f"{server.url}{path}").publish(request_to_publish, TOKEN)

    assert server.received[0].path == f"{path.rstrip('/')}/campaigns/publish"


def test_writes_its_headers_as_flow_documents_them() -> None:
    common = {
        "Accept-Version": "v1",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "campaign-console",
    }
    assert Ask(TOKEN_CALL, "GET", "/token").headers() == {**common, "Connection": "close"}
    assert Ask(STATUS, "GET", "/status", token=TOKEN, pooled=True).headers() == {
        **common,
        "Connection": "keep-alive",
        "Authorization": f"Bearer {TOKEN}",
    }
    assert Ask(PUBLISH, "POST", "/publish", body=b"{}").headers() == {
        **common,
        "Connection": "close",
        "Content-Type": "application/json",
    }


def test_takes_no_proxy_and_no_password_from_the_environment(
    server: NastyServer,
    client: FlowClient,
    request_to_publish: PublishRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: os.PathLike[str],
) -> None:
    netrc = os.path.join(tmp_path, "netrc")
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", netrc)
    server.on("publish", says(202, GOOD))
    with running() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)

        client.publish(request_to_publish, TOKEN)

        assert proxy.connections == 0
    assert server.received[0].bearer == TOKEN


def test_sends_back_no_cookie(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(200, {"status": "queued"}, Set_Cookie="session=1; Path=/"))

    client.campaign_status("queue_abc")
    client.campaign_status("queue_abc")

    assert "cookie" not in server.received[-1].headers


def test_sends_nothing_once_the_time_that_was_given_is_over(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest
) -> None:
    server.on("publish", says(202, GOOD))

    error = failing(NotSent, client.publish, request_to_publish, TOKEN, clock.now() - 1)

    assert "no money is spent" in str(error)
    assert server.received == []


def test_takes_an_answer_that_was_there_in_time_though_it_is_read_late(
    server: NastyServer, client: FlowClient, request_to_publish: PublishRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = clock.now

    def answers_while_this_process_is_stopped(peer: Peer, request: Received) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + 3600)
        says(202, GOOD)(peer, request)

    server.on("publish", answers_while_this_process_is_stopped)

    assert client.publish(request_to_publish, TOKEN).tracking_ids == ("queue_abc", "queue_def")
