import math
import threading
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate

import jwt
import pytest

from campaigns.flow import (
    CredentialsRefused,
    FlowClient,
    FlowError,
    NotSent,
    TokenRefused,
    TooManyRequests,
    clock,
)
from campaigns.flow.auth import FAILURE_MEMORY, TokenKeeper, usable_seconds
from tests.flow.conftest import API_KEY, IMPATIENT, TOKENS, MakeClient, failing
from tests.flow.nasty_server import (
    NastyServer,
    Play,
    black_hole,
    delayed,
    gives_tokens,
    only_for,
    refused_address,
    running,
    says,
    then_closes,
    then_resets,
)

NOW = 1_900_000_000.0


def in_threads(number: int, call: Callable[[], object]) -> list[object]:
    """Call at the same moment in many threads; return what came back or was raised."""
    start = threading.Barrier(number)
    results: list[object] = []

    def run() -> None:
        start.wait()
        try:
            results.append(call())
        except FlowError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_is_asked_for_with_every_value_encoded(server: NastyServer, client: FlowClient) -> None:
    assert client.token() == TOKENS[0]

    [request] = server.received
    assert request.method == "GET"
    assert request.path == "/auth/access-key/publickey"
    assert request.query == {"organisationId": ["org & co"], "apiKey": [API_KEY], "requestType": ["campaignAPI"]}
    assert "+" not in request.target
    assert request.headers["accept-version"] == "v1"
    assert "authorization" not in request.headers


def test_is_fetched_once_and_kept(server: NastyServer, client: FlowClient) -> None:
    assert {client.token() for _ in range(5)} == {TOKENS[0]}
    assert len(server.received) == 1


def test_is_fetched_once_however_many_threads_want_it(server: NastyServer, client: FlowClient) -> None:
    server.on("token", delayed(gives_tokens(TOKENS), 0.2))

    assert set(in_threads(32, client.token)) == {TOKENS[0]}
    assert len(server.received) == 1


def test_is_renewed_once_however_many_threads_see_it_refused(server: NastyServer, make_client: MakeClient) -> None:
    client = make_client(pool_size=32)
    client.token()
    server.on("status", only_for(TOKENS[1], says(200, {"status": "active"})))

    answers = in_threads(32, lambda: client.campaign_status("queue_abc").status)

    assert answers == ["active"] * 32
    assert len(server.at("token")) == 2


def test_a_failure_is_shared_by_all_who_wait(server: NastyServer, client: FlowClient) -> None:
    server.on("token", delayed(says(500, {"error": "out of order"}), 0.2))

    errors = in_threads(32, client.token)

    assert [type(error) for error in errors] == [NotSent] * 32
    assert {error.words for error in errors if isinstance(error, NotSent)} == {"out of order"}
    assert len({id(error) for error in errors}) == 32
    assert len(server.received) == 1


def test_a_failure_is_forgotten_after_a_while(
    server: NastyServer, client: FlowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.flow.auth.FAILURE_MEMORY", 0.2)
    server.on("token", says(500), gives_tokens(TOKENS))
    failing(NotSent, client.token)
    time.sleep(0.25)

    assert client.token() == TOKENS[0]


def test_is_not_taken_from_one_who_has_a_newer_one(server: NastyServer, client: FlowClient) -> None:
    server.on("status", only_for(TOKENS[1], says(200, {"status": "active"})))
    client.token()
    client.campaign_status("queue_abc")

    client._tokens.drop(TOKENS[0])

    assert client.token() == TOKENS[1]
    assert len(server.at("token")) == 2


def test_is_refused_for_good_after_one_renewal(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(403, {"error": "JWT expired"}))

    error = failing(TokenRefused, client.campaign_status, "queue_abc")

    assert error.words == "JWT expired"
    assert len(server.at("token")) == 2
    assert [request.bearer for request in server.at("status")] == TOKENS[:2]


def test_is_not_asked_for_with_every_call_while_flow_refuses_each_new_one(
    server: NastyServer, client: FlowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("status", says(401, {"error": "invalid access token"}))
    for _ in range(10):
        failing(TokenRefused, client.campaign_status, "queue_abc")
    assert len(server.at("token")) == 2
    later = clock.now() + FAILURE_MEMORY
    monkeypatch.setattr(clock, "now", lambda: later)

    failing(TokenRefused, client.campaign_status, "queue_abc")
    failing(TokenRefused, client.campaign_status, "queue_abc")

    assert [request.bearer for request in server.at("status")][-4:] == [TOKENS[2]] * 4
    assert len(server.at("token")) == 3


def test_is_renewed_at_once_when_it_had_been_taken_before(server: NastyServer, client: FlowClient) -> None:
    refused, taken = says(401, {"error": "invalid access token"}), says(200, {"status": "active"})
    server.on("status", refused, taken, refused, taken)

    client.campaign_status("queue_abc")
    client.campaign_status("queue_abc")

    assert [request.bearer for request in server.at("status")] == [TOKENS[0], TOKENS[1], TOKENS[1], TOKENS[2]]


@pytest.mark.parametrize("status", [300, 302, 404, 429, 500])
def test_is_not_renewed_because_of_an_answer_that_does_not_say_that_it_was_taken(
    server: NastyServer, client: FlowClient, status: int
) -> None:
    refused = says(401, {"error": "invalid access token"})
    server.on("update", refused, refused, says(status), refused)
    failing(TokenRefused, client.update_status, "queue_abc", "paused", "Sold.")
    with pytest.raises(FlowError):
        client.update_status("queue_abc", "paused", "Sold.")

    failing(TokenRefused, client.update_status, "queue_abc", "paused", "Sold.")

    assert len(server.at("token")) == 2


def test_is_not_renewed_because_an_older_one_was_taken(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(401, {"error": "invalid access token"}))
    failing(TokenRefused, client.campaign_status, "queue_abc")

    client._tokens.note_taken(TOKENS[0])

    failing(TokenRefused, client.campaign_status, "queue_abc")
    assert len(server.at("token")) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_key_names_the_settings_to_check(server: NastyServer, client: FlowClient, status: int) -> None:
    server.on("token", says(status, {"error": f"API key {API_KEY} has expired"}))

    error = failing(CredentialsRefused, client.token)

    sentence = (
        "Flow gave no access token: the API key or the organisation id is wrong or has expired. Nothing was sent. Check "
        "FLOW_API_KEY, FLOW_ORGANISATION_ID and FLOW_REQUEST_TYPE, or ask Flow's account manager for a new key."
    )
    assert str(error) == error.words == f"{sentence} Flow says: API key [redacted] has expired."
    assert error.http_status == status
    assert error.excerpt == '{"error":"API key [redacted] has expired"}'


def test_a_key_that_is_refused_by_a_page_is_refused_all_the_same(server: NastyServer, client: FlowClient) -> None:
    server.on("token", says(401, b"<h1>no</h1>"))

    error = failing(CredentialsRefused, client.token)

    assert error.words == str(error)
    assert error.excerpt == "<h1>no</h1>"


def test_too_many_requests_says_how_long_to_wait(server: NastyServer, client: FlowClient) -> None:
    server.on("token", says(429, Retry_After="12"))

    error = failing(TooManyRequests, client.token)

    assert str(error) == (
        "Flow asks for fewer requests (HTTP 429) and gave no access token. Nothing was sent: try again later."
    )
    assert (error.http_status, error.retry_after) == (429, 12)
    assert failing(TooManyRequests, client.token).retry_after == 12
    assert len(server.received) == 1


def test_too_many_requests_may_say_until_when_to_wait(server: NastyServer, client: FlowClient) -> None:
    server.on("token", says(429, {"error": "slow down"}, Retry_After=formatdate(time.time() + 600, usegmt=True)))

    error = failing(TooManyRequests, client.token)

    assert error.retry_after == pytest.approx(600, abs=30)
    assert error.words == "slow down"


NO_TOKEN: dict[str, Play] = {
    "404": says(404, {"error": "no such page"}),
    "500": says(500, {"error": "no"}),
    "202": says(202, {"accessToken": "abc"}),
    "302": says(302, Location="http://127.0.0.1:1/"),
    "HTML": says(200, b"<h1>hello</h1>"),
    "nothing": says(200),
    "a list": says(200, ["abc"]),
    "no token": says(200, {"token": "abc"}),
    "null": says(200, {"accessToken": None}),
    "a number": says(200, {"accessToken": 5}),
    "empty": says(200, {"accessToken": ""}),
    "blank": says(200, {"accessToken": "  "}),
    "a space in it": says(200, {"accessToken": "ab c"}),
    "a line break in it": says(200, {"accessToken": "abc\r\nX-Evil: 1"}),
    "not ASCII": says(200, {"accessToken": "abcé"}),
    "too large": says(200, b" " * 2_000_000),
    "cut": then_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
    "cut at once": then_closes(b""),
    "reset": then_resets(b""),
    "no HTTP": then_closes(b"hello\r\n"),
}


@pytest.mark.parametrize("play", NO_TOKEN.values(), ids=NO_TOKEN.keys())
def test_every_other_failure_means_not_sent(server: NastyServer, client: FlowClient, play: Play) -> None:
    server.on("token", play)

    failing(NotSent, client.token)

    assert len(server.received) == 1


def test_a_failure_says_what_to_check(server: NastyServer, client: FlowClient) -> None:
    server.on("token", says(500, {"error": "out of order"}))

    error = failing(NotSent, client.token)

    assert str(error) == (
        "Flow gave no access token (HTTP 500). Nothing was sent, so it can be again. Check FLOW_BASE_URL. "
        "Flow says: out of order."
    )
    assert (error.http_status, error.words, error.excerpt) == (500, "out of order", '{"error": "out of order"}')


@pytest.mark.parametrize("token", ["ends with a space ", "Bearer abc", "two\r\nlines", ""])
def test_a_token_that_no_header_can_carry_is_told_as_such(server: NastyServer, client: FlowClient, token: str) -> None:
    server.on("token", says(200, {"accessToken": token}))

    assert str(failing(NotSent, client.token)) == (
        "Flow gave an access token that no header can carry (HTTP 200). Nothing was sent, so it can be again. "
        "Check FLOW_BASE_URL."
    )


def test_an_answer_that_breaks_off_is_kept_as_far_as_it_came(server: NastyServer, client: FlowClient) -> None:
    server.on("token", then_closes(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"half'))

    error = failing(NotSent, client.token)

    assert str(error).startswith("Flow was asked for the access token but gave no whole answer: ")
    assert str(error).endswith(". Nothing else was sent to Flow.")
    assert (error.http_status, error.excerpt) == (200, '{"half')


def test_an_unreachable_flow_means_not_sent(make_client: MakeClient) -> None:
    failing(NotSent, make_client(refused_address()).token)
    failing(NotSent, make_client("http://name.invalid").token)
    with black_hole() as address:
        failing(NotSent, make_client(address, **IMPATIENT).token)


def test_no_redirect_carries_the_key_elsewhere(server: NastyServer, client: FlowClient) -> None:
    with running() as elsewhere:
        server.on("token", says(302, Location=elsewhere.url))

        failing(NotSent, client.token)

        assert elsewhere.connections == 0


def test_a_waiting_call_gives_up_at_its_own_deadline(server: NastyServer, make_client: MakeClient) -> None:
    client = make_client(read_timeout=20, deadline=20)
    server.on("token", delayed(gives_tokens(TOKENS), 0.8))
    first = threading.Thread(target=client.token)
    first.start()
    while not server.received:
        time.sleep(0.01)

    with pytest.raises(
        NotSent, match=r"^No access token came in time\. Nothing was sent to Flow: it can be sent again\.$"
    ):
        client._tokens.token(clock.now() + 0.2)
    first.join()


def token_with(**claims: object) -> str:
    return jwt.encode(claims, "a key of Flow's that is long enough for the library")


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        (token_with(iat=NOW, exp=NOW + 3600), 3570),
        (token_with(iat=NOW - 86_400, exp=NOW - 86_400 + 3600), 3570),
        (token_with(iat=NOW + 86_400, exp=NOW + 86_400 + 100), 80),
        (token_with(iat=NOW, exp=NOW + 150), 120),
        (token_with(iat=NOW, exp=NOW + 10), 8),
        (token_with(iat=NOW, exp=NOW + 30 * 86_400), 30 * 86_400 - 30),
        (token_with(iat=NOW, exp=NOW + 30 * 86_400 + 1), 570),
        (token_with(exp=NOW + 600), 570),
        (token_with(exp=NOW + 10.5), 8.4),
        (token_with(iat="yesterday", exp=NOW + 600), 570),
        (token_with(iat=NOW, exp=NOW), 570),
        (token_with(iat=NOW, exp=NOW - 5), 570),
        (token_with(exp=NOW - 5), 570),
        (token_with(exp=NOW * 1000), 570),
        (token_with(exp=10**400), 570),
        (token_with(iat=NOW, exp=math.inf), 570),
        (token_with(iat=NOW, exp=math.nan), 570),
        (token_with(iat=math.nan, exp=NOW + 300), 270),
        (token_with(exp=str(NOW + 60)), 570),
        (token_with(exp=True), 570),
        (token_with(exp=None), 570),
        (token_with(sub="no end"), 570),
        ("opaque", 570),
        ("a.b.c", 570),
        ("eyJhbGciOiJub25lIn0.W10.", 570),
    ],
)
def test_is_used_for_its_lifetime_less_a_margin(token: str, seconds: float) -> None:
    assert usable_seconds(token, NOW) == pytest.approx(seconds, abs=0.001)


def test_is_fetched_anew_when_it_is_about_to_end(server: NastyServer, client: FlowClient) -> None:
    tokens = [token_with(iat=NOW, exp=NOW + 1, number=number) for number in range(50)]
    server.on("token", gives_tokens(tokens))
    first = client.token()

    ends = time.monotonic() + 10
    while client.token() == first and time.monotonic() < ends:
        time.sleep(0.02)

    assert client.token() != first


def test_the_clock_of_this_machine_may_jump_without_harm(server: NastyServer, make_client: MakeClient) -> None:
    server.on("token", gives_tokens([token_with(iat=NOW, exp=NOW + 600), "second"]))
    now = [NOW]
    client = make_client()
    client._tokens._clock = lambda: now[0]
    first = client.token()
    now[0] += 10**6

    assert client.token() == first


def test_is_kept_out_of_every_picture_of_the_client(client: FlowClient) -> None:
    token = client.token()

    for text in (repr(client), str(vars(client)), repr(client._config), client.redact(f"{token} {API_KEY}")):
        assert token not in text
        assert API_KEY not in text


def test_closing_leaves_no_connection_open(server: NastyServer, client: FlowClient) -> None:
    server.on("status", says(200, {"status": "queued"}))
    client.campaign_status("queue_abc")

    client.close()

    assert client.campaign_status("queue_abc").status == "queued"
    assert server.connections == 3


@pytest.fixture
def stand_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the clock of deadlines stand still: at 0 until it is told another time."""

    def stand(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: seconds)

    stand(0)
    return stand


def keeper_of(tokens: Iterable[str]) -> TokenKeeper:
    supply = iter(tokens)
    return TokenKeeper(lambda _: next(supply), lambda: NOW)


def test_is_used_up_to_its_last_moment_by_our_own_clock_where_it_does_not_say_when_it_began(
    stand_at: Callable[[float], None],
) -> None:
    first = token_with(exp=NOW + 600)
    keeper = keeper_of([first, "second"])
    assert keeper.token(1) == first

    stand_at(569.9)
    assert keeper.token(600) == first
    stand_at(570)
    assert keeper.token(600) == "second"


def test_a_failure_is_repeated_for_five_seconds(stand_at: Callable[[float], None]) -> None:
    asked: list[float] = []

    def fetch(ends: float) -> str:
        asked.append(ends)
        raise NotSent("No token.")

    keeper = TokenKeeper(fetch, lambda: NOW)
    for seconds in (0.0, 4.9, 5.0):
        stand_at(seconds)
        with pytest.raises(NotSent, match=r"^No token\.$"):
            keeper.token(seconds + 1)

    assert asked == [1, 6]


def test_the_first_one_is_renewed_at_once_when_it_is_refused(stand_at: Callable[[float], None]) -> None:
    keeper = keeper_of(["first", "second"])

    keeper.drop(keeper.token(1))

    assert keeper.token(1) == "second"


def test_one_that_was_taken_is_renewed_at_once_even_in_the_first_second_of_the_clock(
    stand_at: Callable[[float], None],
) -> None:
    keeper = keeper_of(["first", "second"])
    keeper.note_taken(keeper.token(1))

    keeper.drop("first")

    assert keeper.token(1) == "second"


def test_one_that_follows_a_taken_one_is_renewed_at_once_when_it_is_refused(stand_at: Callable[[float], None]) -> None:
    keeper = keeper_of(["first", "second", "third"])
    keeper.note_taken(keeper.token(1))
    stand_at(570)
    assert keeper.token(600) == "second"

    keeper.drop("second")

    assert keeper.token(600) == "third"
