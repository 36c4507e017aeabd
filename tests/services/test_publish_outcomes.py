import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError
from pytest_django import Settings

from campaigns import gateway
from campaigns.domain.states import Outcome
from campaigns.flow import clock
from campaigns.models import Attempt, Campaign, Order
from campaigns.services import orders, pace, publishing, recording
from campaigns.services.recording import DOUBT, Answer
from campaigns.services.wording import when
from tests.flow.nasty_server import (
    Play,
    falls_silent,
    message,
    refused_address,
    says,
    then_closes,
    then_resets,
    trickles,
)
from tests.services.building import (
    LEASE,
    MINUTE,
    NOW,
    SECOND,
    kinds,
    last_event,
    publish,
    queued,
    reload,
    rows_of_others,
)
from tests.services.flow_server import API_KEY, TOKEN, Flow, meanwhile

GOOD = {"campaign_tracking_ids": ["queue_abc"], "status": "queued"}
GOOD_BYTES = json.dumps(GOOD).encode()


def ids(*values: object) -> Play:
    return says(202, {"campaign_tracking_ids": list(values), "status": "queued"})


SAYS_NO: dict[str, tuple[Play, int, str]] = {
    "400 with a reason": (says(400, {"error": "planRef is unknown."}), 400, "planRef is unknown."),
    "404 with a message": (says(404, {"message": "No such branch."}), 404, "No such branch."),
    "400 with JSON alone": (
        says(400, {}),
        400,
        "no reason given.",
    ),
}
DOUBTFUL: dict[str, tuple[Play, int | None]] = {
    "400 from a proxy": (says(400, b"<h1>nginx</h1>"), 400),
    "404 from a proxy": (says(404, b"<h1>nginx</h1>"), 404),
    "402": (says(402, {"error": "pay"}), 402),
    "409": (says(409, {"error": "conflict"}), 409),
    "422": (says(422, {"error": "unprocessable"}), 422),
    "500": (says(500, {"error": "sorry"}), 500),
    "502 from a proxy": (says(502, b"<h1>Bad gateway</h1>"), 502),
    "503 that looks like a yes": (says(503, GOOD), 503),
    "a redirect": (says(307, Location="/campaigns/publish?clientId=organisation-1"), 307),
    "200 instead of 202": (says(200, GOOD), 200),
    "201 instead of 202": (says(201, GOOD), 201),
    "202 with no JSON": (says(202, b"<h1>Welcome</h1>"), 202),
    "202 with half of its JSON": (says(202, GOOD_BYTES[:-1]), 202),
    "202 without ids": (says(202, {"status": "queued"}), 202),
    "202 with no id": (ids(), 202),
    "202 with an empty id": (ids("queue_abc", ""), 202),
    "202 with an id that is no text": (ids("queue_abc", 5), 202),
    "202 with an id twice": (ids("queue_abc", "queue_abc"), 202),
    "202 larger than 1 MiB": (says(202, GOOD_BYTES + b" " * 1024 * 1024), 202),
    "a connection that is closed": (then_closes(b""), None),
    "a connection that is reset": (then_resets(b""), None),
    "an answer that is cut off": (then_closes(message(202, GOOD_BYTES, {"Content-Length": "5000"})), 202),
    "an answer that is no HTTP": (then_closes(b"SSH-2.0-OpenSSH_9.2\r\n"), None),
}


@dataclass(frozen=True)
class Written:
    """What an order and its attempt say, to compare at one glance."""

    state: str
    outcome: str
    http_status: int | None
    campaigns: int
    posts: int


def written(flow: Flow) -> Written:
    attempt = Attempt.objects.select_related("order").get()
    return Written(
        attempt.order.state, attempt.outcome, attempt.http_status, Campaign.objects.count(), len(flow.publishes)
    )


@pytest.mark.parametrize(("play", "http_status", "words"), SAYS_NO.values(), ids=SAYS_NO.keys())
def test_rejects_the_order_where_flow_says_no(
    author: User, flow: Flow, play: Play, http_status: int, words: str
) -> None:
    order = queued(author)
    flow.on_publish(play)

    result = publish(order)

    assert (result.outcome, result.words, result.again) == ("rejected", words, False)
    assert written(flow) == Written("rejected", "rejected", http_status, campaigns=0, posts=1)
    assert reload(order).problem == (
        f"Flow said no: {words} Nothing was published. Return the order to draft, mend it, submit it again."
    )
    assert reload(order).next_attempt_at is None
    assert kinds(order)[2:] == ["order.claimed", "order.rejected"]
    assert (last_event(order).text, last_event(order).actor_kind) == (f"Flow said no: {words}", "flow")
    assert last_event(order).data == {"attempt": 1, "http_status": http_status}


@pytest.mark.parametrize(
    ("said", "sentence"), [("Unknown plan", "Unknown plan."), ("Again?", "Again?"), ("No!", "No!"), ("No.", "No.")]
)
def test_makes_a_sentence_of_flows_no(author: User, flow: Flow, said: str, sentence: str) -> None:
    order = queued(author)
    flow.on_publish(says(400, {"error": said}))

    publish(order)

    assert last_event(order).text == f"Flow said no: {sentence}"
    assert reload(order).problem == (
        f"Flow said no: {sentence} Nothing was published. Return the order to draft, mend it, submit it again."
    )


ANSWERS: dict[str, Play] = {
    "a yes": says(202, GOOD),
    "a no": says(400, {"error": "no"}),
    "a refused token": says(401, {}),
    "a request to wait": says(429, {}),
    "nothing": then_closes(b""),
}


@pytest.mark.parametrize("play", ANSWERS.values(), ids=ANSWERS.keys())
def test_touches_no_other_order(author: User, flow: Flow, play: Play) -> None:
    published, in_doubt, order, waiting = (queued(author) for _ in range(4))
    flow.on_publish(ids("queue_1"), then_closes(b""), play)
    publish(published)
    publish(in_doubt)
    before = rows_of_others(order)

    publish(order, NOW + SECOND)

    assert len(flow.publishes) == 3
    assert rows_of_others(order) == before
    assert reload(waiting).next_attempt_at == NOW


@pytest.mark.parametrize("play", [says(500), says(429, {})], ids=["a failure", "a request to wait"])
def test_touches_no_other_order_while_there_is_no_token(author: User, flow: Flow, play: Play) -> None:
    order = queued(author)
    queued(author)
    before = rows_of_others(order)
    flow.on_token(play)

    result = publish(order, NOW + SECOND)

    assert (result.order_ref, result.outcome, result.words) == (order.order_ref, "waiting", reload(order).problem)
    assert rows_of_others(order) == before


@pytest.mark.django_db(transaction=True)
def test_writes_nothing_on_an_order_that_was_taken_back_and_submitted_anew_while_there_was_no_token(
    author: User, flow: Flow
) -> None:
    order = queued(author)

    def submit_anew() -> None:
        returned = orders.return_to_draft(order.pk, order.version, user=author, now=NOW)
        orders.submit(order.pk, returned.version, user=author, now=NOW)

    flow.on_token(meanwhile(submit_anew, says(500)))

    assert publish(order).outcome == "waiting"

    now = reload(order)
    assert (now.state, now.version) == ("queued", order.version + 2)
    assert (now.next_attempt_at, now.failures, now.problem) == (NOW, 0, "")


@pytest.mark.parametrize(("play", "http_status"), DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_leaves_the_order_in_doubt_where_nobody_can_tell(
    author: User, flow: Flow, play: Play, http_status: int | None
) -> None:
    order = queued(author)
    flow.on_publish(play)

    result = publish(order)

    assert (result.outcome, result.again) == ("unknown", False)
    assert written(flow) == Written("unknown", "unknown", http_status, campaigns=0, posts=1)
    assert_doubt_is_shown(order, flow)


@pytest.fixture
def impatient(settings: Settings) -> None:
    """Let a call last 2 seconds, and any silence in it 1."""
    settings.FLOW_READ_TIMEOUT, settings.FLOW_DEADLINE = 1, 2


@pytest.mark.parametrize(
    "play",
    [
        falls_silent(),
        falls_silent(message(202, GOOD_BYTES)[:-1]),
        trickles(b" " * 200, at_once=message(202, b"", {"Content-Length": "200"})),
    ],
    ids=["silence", "silence before the last byte", "a byte at a time"],
)
def test_leaves_the_order_in_doubt_where_flow_does_not_answer_in_time(
    author: User, flow: Flow, impatient: None, play: Play
) -> None:
    order = queued(author)
    flow.on_publish(play)

    assert publish(order).outcome == "unknown"

    assert (written(flow).state, written(flow).campaigns, written(flow).posts) == ("unknown", 0, 1)
    assert_doubt_is_shown(order, flow)


def assert_doubt_is_shown(order: Order, flow: Flow) -> None:
    order, attempt = reload(order), order.attempts.get()
    assert attempt.sent_at == NOW
    assert order.problem == f"{attempt.words} {DOUBT}"
    assert (order.next_attempt_at, order.failures) == (None, 0)
    assert kinds(order)[2:] == ["order.claimed", "order.in_doubt"]
    event = last_event(order)
    assert (event.text, event.data) == (order.problem, {"attempt": 1, "http_status": attempt.http_status})
    assert (event.actor_kind, event.actor) == ("flow" if attempt.http_status else "scheduler", None)
    assert publish(order, NOW + LEASE).outcome == "skipped"
    assert len(flow.publishes) == 1


@pytest.mark.parametrize("tracking_ids", [["queue_old"], ["queue_new", "queue_old"]])
def test_leaves_the_order_in_doubt_where_flow_repeats_a_tracking_id_of_another_order(
    author: User, flow: Flow, tracking_ids: list[str]
) -> None:
    flow.on_publish(flow.accepts("queue_old"), ids(*tracking_ids))
    older, order = queued(author), queued(author)
    publish(older)

    result = publish(order)

    words = "Flow answered with tracking ids that belong to other campaigns already: queue_old."
    assert (result.order_ref, result.outcome, result.words) == (order.order_ref, "unknown", words)
    assert list(Campaign.objects.values_list("tracking_id", "order")) == [("queue_old", older.pk)]
    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.http_status, attempt.words) == ("unknown", 202, words)
    assert json.loads(attempt.excerpt)["campaign_tracking_ids"] == tracking_ids
    assert (reload(order).state, reload(order).problem) == ("unknown", f"{words} {DOUBT}")
    assert (reload(older).state, reload(older).problem) == ("published", "")


def test_names_every_tracking_id_that_another_order_has(author: User, flow: Flow) -> None:
    flow.on_publish(flow.accepts("queue_1", "queue_2"), ids("queue_1", "queue_2"))
    older, order = queued(author), queued(author)
    publish(older)

    words = publish(order).words

    start, _, named = words.partition(": ")
    assert start == "Flow answered with tracking ids that belong to other campaigns already"
    assert sorted(named.removesuffix(".").split(", ")) == ["queue_1", "queue_2"]


def test_leaves_the_order_in_doubt_where_another_order_got_the_tracking_ids_in_the_very_moment(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, order = queued(author), queued(author)
    flow.on_publish(flow.accepts("queue_1", "queue_2"))
    write, tries = recording._record, count()

    def somebody_is_faster(attempt: Attempt, answer: Answer, now: datetime) -> Outcome:
        if next(tries) == 0:
            theirs = publishing._claim(older, NOW)
            recording.make_campaigns(older, theirs, ("queue_2",), "queued", NOW)
            raise IntegrityError("UNIQUE constraint failed: campaigns_campaign.tracking_id")
        return write(attempt, answer, now)

    monkeypatch.setattr(recording, "_record", somebody_is_faster)

    result = publish(order)

    words = "Flow answered with tracking ids that belong to other campaigns already: queue_2."
    assert (result.outcome, result.words) == ("unknown", words)
    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.http_status, attempt.words, attempt.finished_at) == ("unknown", 202, words, NOW)
    assert json.loads(attempt.excerpt)["campaign_tracking_ids"] == ["queue_1", "queue_2"]
    assert (reload(order).state, order.campaigns.count(), len(flow.publishes)) == ("unknown", 0, 1)
    assert_doubt_is_shown(order, flow)


@pytest.mark.parametrize("then", [IntegrityError, OperationalError, InterfaceError])
def test_keeps_the_tracking_ids_in_the_log_where_the_database_refuses_them(
    author: User,
    flow: Flow,
    then: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    order = queued(author)
    flow.on_publish(flow.accepts("queue_1"))
    failures = iter([IntegrityError("an order in doubt must be settled first"), then("gone")])

    def refused(*_: object) -> Outcome:
        raise next(failures)

    monkeypatch.setattr(recording, "_record", refused)
    monkeypatch.setattr(recording, "connection", SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(recording, "PATIENCE", 0)

    with pytest.raises(then):
        publish(order)

    attempt = order.attempts.get()
    assert (attempt.outcome, attempt.sent_at, reload(order).state) == ("", NOW, "publishing")
    assert f"Flow's answer to {attempt} (published: queue_1) could not be written" in caplog.messages


@pytest.mark.parametrize("status", [401, 403])
def test_tries_once_more_at_once_with_a_fresh_token_where_flow_refused_it(
    author: User, flow: Flow, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = queued(author)
    flow.on_publish(says(status, {"error": "token expired"}), says(status, {"error": "token expired"}), flow.accepts())

    first = publish(order)

    assert (first.outcome, first.again) == ("not_sent", True)
    assert written(flow) == Written("queued", "not_sent", status, campaigns=0, posts=1)
    assert (reload(order).next_attempt_at, reload(order).failures) == (NOW, 1)
    assert kinds(order)[2:] == ["order.claimed", "order.not_sent"]
    assert reload(order).problem == (
        f"Flow refused the access token for the publish (HTTP {status}). Nothing was published and no money is spent. "
        "The next try fetches a new token. The order is queued again."
    )

    second = publish(order)

    assert (second.outcome, second.again) == ("not_sent", False)
    assert (reload(order).next_attempt_at, reload(order).failures) == (NOW + MINUTE, 2)
    assert publish(order).outcome == "skipped"
    assert len(flow.publishes) == 2

    a_minute_later = clock.now() + 60
    monkeypatch.setattr(clock, "now", lambda: a_minute_later)
    assert publish(order, NOW + MINUTE).outcome == "published"
    assert len(flow.server.at("token")) == 3
    assert (reload(order).failures, reload(order).problem) == (0, "")


@pytest.mark.parametrize(("header", "wait"), [({"Retry_After": "120"}, 120 * SECOND), ({}, 60 * SECOND)])
def test_keeps_everybody_waiting_as_long_as_flow_asks(
    author: User, flow: Flow, header: dict[str, str], wait: timedelta
) -> None:
    order, other = queued(author), queued(author)
    flow.on_publish(says(429, {"error": "slow down"}, **header), flow.accepts())

    result = publish(order)

    assert (result.outcome, result.again) == ("not_sent", False)
    assert (reload(order).state, reload(order).next_attempt_at) == ("queued", NOW + wait)
    assert (order.attempts.get().outcome, order.attempts.get().http_status) == ("not_sent", 429)
    assert pace.held_until(NOW) == NOW + wait

    waiting = publish(other, NOW + SECOND)

    until = when(NOW + wait)
    assert (waiting.outcome, waiting.words) == (
        "waiting",
        f"Flow asked us to wait until {until}. The order stays queued.",
    )
    assert (reload(other).state, reload(other).next_attempt_at) == ("queued", NOW + wait)
    assert not other.attempts.exists()
    assert (len(flow.publishes), len(flow.server.at("token"))) == (1, 1)

    assert [publish(each, NOW + wait).outcome for each in (order, other)] == ["published"] * 2


def test_queues_the_order_again_where_flow_cannot_be_reached(author: User, flow: Flow) -> None:
    order = queued(author)
    gateway.client().token()
    flow.server.stop()

    for failures, seconds in enumerate((30, 60, 120, 240, 480, 900, 900), start=1):
        now = reload(order).next_attempt_at
        assert now is not None
        result = publish(order, now)

        assert (result.outcome, result.again) == ("not_sent", False)
        assert (reload(order).state, reload(order).failures) == ("queued", failures)
        assert reload(order).next_attempt_at == now + seconds * SECOND
        assert reload(order).problem.endswith("The order is queued again.")

    event = order.events.filter(kind="order.not_sent").earliest("pk")
    again_at = "2030-01-01T09:00:30+00:00"
    assert event.data == {"attempt": 1, "http_status": None, "next_attempt_at": again_at}
    attempt = order.attempts.get(number=1)
    assert (attempt.outcome, attempt.sent_at, attempt.http_status) == ("not_sent", NOW, None)
    assert "could not be reached" in attempt.words
    assert flow.publishes == []


NO_TOKEN: dict[str, tuple[Play, str]] = {
    "a wrong key": (says(401, {"error": "bad key"}), "the API key or the organisation id is wrong or has expired"),
    "a failure": (says(500, {}), "Flow gave no access token (HTTP 500)"),
    "a page": (says(200, b"<h1>Maintenance</h1>"), "Flow gave no access token (HTTP 200)"),
    "a cut": (then_closes(b""), "Flow was asked for the access token but gave no whole answer"),
}


@pytest.mark.parametrize(("play", "words"), NO_TOKEN.values(), ids=NO_TOKEN.keys())
def test_makes_no_attempt_while_there_is_no_token(author: User, flow: Flow, play: Play, words: str) -> None:
    order = queued(author)
    flow.on_token(play)

    result = publish(order)

    assert (result.outcome, result.again) == ("waiting", False)
    assert words in result.words
    assert result.words.endswith("The order stays queued and is tried again at 1 Jan 2030, 11:00 SAST.")
    assert (reload(order).state, reload(order).version, reload(order).failures) == ("queued", order.version, 1)
    assert (reload(order).next_attempt_at, reload(order).problem) == (NOW + 30 * SECOND, result.words)
    assert not order.attempts.exists()
    assert flow.publishes == []


def test_makes_no_attempt_while_nobody_listens(author: User, flow: Flow, settings: Settings) -> None:
    order = queued(author)
    settings.FLOW_BASE_URL = refused_address()

    assert publish(order).outcome == "waiting"

    assert reload(order).state == "queued"
    assert not order.attempts.exists()


def test_keeps_everybody_waiting_where_the_token_is_asked_for_too_often(author: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_token(says(429, {}, Retry_After="300"))

    assert publish(order).outcome == "waiting"

    assert reload(order).next_attempt_at == pace.held_until(NOW) == NOW + 5 * MINUTE
    assert not order.attempts.exists()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
def test_takes_every_no_for_doubt_where_staff_do_not_trust_it(
    author: User, flow: Flow, settings: Settings, status: int
) -> None:
    settings.FLOW_CLIENT_ERRORS_ARE_UNKNOWN = True
    order = queued(author)
    flow.on_publish(says(status, {"error": "no"}))

    assert publish(order).outcome == "unknown"

    assert written(flow) == Written("unknown", "unknown", status, campaigns=0, posts=1)
    assert_doubt_is_shown(order, flow)


def test_keeps_no_secret_that_flow_repeats(author: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_publish(says(500, {"error": f"key {API_KEY} with token {TOKEN}"}))

    result = publish(order)

    attempt = order.attempts.get()
    kept = f"{result} {vars(attempt)} {vars(reload(order))} {[vars(event) for event in order.events.all()]}"
    assert "key [redacted] with token [redacted]" in attempt.excerpt
    assert API_KEY not in kept
    assert TOKEN not in kept
