import copy
import html
import json
import logging
import pickle
import re
from collections import deque
from urllib.parse import quote, quote_plus

import pytest

from campaigns.flow import FlowClient, TooManyRequests, redact, redaction, remember
from campaigns.flow.answers import BYTE_ORDER_MARK, Answer
from tests.flow.conftest import API_KEY, TOKENS
from tests.flow.nasty_server import NastyServer, message, says, then_closes


@pytest.fixture(autouse=True)
def _memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_lasting", {})
    monkeypatch.setattr(redaction, "_recent", deque(maxlen=16))


@pytest.mark.parametrize(
    "secret", ["abcdef", "a b+c/d&e=f", "schlüssel/+", "quo\"te'd<key>", "back\\slash", "100%sure!", "line\nbreak"]
)
def test_a_secret_is_replaced_however_it_is_written(secret: str) -> None:
    remember(secret)
    written = [
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        re.sub("%..", lambda escape: escape[0].lower(), quote(secret, safe="")),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        quote(quote(secret, safe=""), safe=""),
    ]

    for form in written:
        assert redact(f"before {form} after") == "before [redacted] after"


def test_a_secret_is_replaced_each_time_and_inside_of_words() -> None:
    remember("abcdef")

    assert redact("abcdef xabcdefx abcdef") == "[redacted] x[redacted]x [redacted]"


ANOTHERS = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW1wYWlnbnMifQ.c2lnbmF0dXJlLW9mLWl0"


def test_a_token_that_another_process_was_given_is_known_by_its_form() -> None:
    assert redact(f'{{"message": "token {ANOTHERS}."}}') == '{"message": "token [redacted]."}'
    assert redact("eyJ is how they begin, eyJhbGci and so on") == "eyJ is how they begin, eyJhbGci and so on"


@pytest.mark.parametrize("body", ["eyJ" * 350_000, "eyJabcdefgh" * 95_000, "eyJ" + "a" * 1_000_000])
@pytest.mark.timeout(30)  # it took minutes where beginnings were tried over and over
def test_a_body_full_of_beginnings_is_read_once(body: str) -> None:
    assert redact(body) == body
    assert redaction.redact_cut_off(body).endswith("[redacted]") is not body.endswith("eyJ")


@pytest.mark.parametrize("size", [11, 20, 30, len(ANOTHERS) - 1])
def test_the_beginning_of_another_process_s_token_at_the_end_of_a_cut_text_is_replaced(size: int) -> None:
    assert redaction.redact_cut_off(f"token {ANOTHERS[:size]}") == "token [redacted]"


@pytest.mark.parametrize("secret", ["", " ", "\n\t"])
def test_nothing_is_no_secret(secret: str) -> None:
    remember(secret)

    assert redact("a text\n\t with spaces") == "a text\n\t with spaces"


def test_a_very_short_secret_does_not_blank_the_text_and_does_not_leak() -> None:
    remember("a")

    assert redact("a banana: apiKey=a&x=1, bearer a.") == "[redacted] banana: apiKey=[redacted]&x=1, bearer [redacted]."


def test_a_secret_inside_of_another_leaves_no_rest() -> None:
    remember("secret")
    remember("my-secret-token")

    assert redact("my-secret-token secret") == "[redacted] [redacted]"


def test_tokens_are_forgotten_after_many_others_but_keys_are_not() -> None:
    remember("the-key")
    for number in range(30):
        remember(f"token-{number:03}", lasting=False)

    assert redact("the-key token-029 token-014 token-000") == "[redacted] [redacted] [redacted] token-000"


@pytest.mark.parametrize("size", range(4, 12))
def test_the_beginning_of_a_secret_at_the_end_of_a_cut_text_is_replaced(size: int) -> None:
    remember("abcdefghijkl")

    assert redaction.redact_cut_off("so far: " + "abcdefghijkl"[:size]) == "so far: [redacted]"


def test_three_characters_at_the_end_of_a_cut_text_give_nothing_away() -> None:
    remember("abcdefghijkl")

    assert redaction.redact_cut_off("so far: abc") == "so far: abc"


def test_a_short_secret_inside_of_a_word_stays_at_the_end_of_a_cut_text_too() -> None:
    remember("abcde")

    assert redaction.redact_cut_off("so far: xyabcde") == "so far: xyabcde"


def test_the_libraries_log_no_key_even_when_flow_answers_with_odd_headers(
    server: NastyServer, client: FlowClient, caplog: pytest.LogCaptureFixture
) -> None:
    remember(API_KEY)
    odd = message(200, b'{"accessToken": "abcdef"}').replace(b"\r\n\r\n", b"\r\nnot a header\r\n\r\n")
    server.on("token", then_closes(odd))
    caplog.set_level(logging.DEBUG)

    client.token()

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "Failed to parse headers" in warnings[0].getMessage()
    assert "apiKey=[redacted]" in warnings[0].getMessage()
    assert quote(API_KEY, safe="") not in caplog.text


def test_an_error_survives_being_copied_and_sent_to_another_process() -> None:
    error = TooManyRequests("Slower.", http_status=429, excerpt="e", words="w", retry_after=5)

    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is TooManyRequests
        assert (str(again), again.http_status, again.excerpt, again.words, again.retry_after) == (
            "Slower.",
            429,
            "e",
            "w",
            5,
        )


def test_an_error_of_which_flow_said_nothing_has_its_own_sentence_as_words_and_no_excerpt() -> None:
    error = TooManyRequests("Slower.")

    assert (error.words, error.excerpt, error.http_status, error.retry_after) == ("Slower.", "", None, None)


def test_an_error_is_no_longer_than_the_database_keeps() -> None:
    error = TooManyRequests("s" * 3000, excerpt="e" * 3000, words="w" * 3000)

    assert (str(error), error.excerpt, error.words) == ("s" * 1500, "e" * 2000, "w" * 500)
    assert TooManyRequests("s" * 3000).words == "s" * 500


def test_an_error_redacts_whatever_it_is_made_of() -> None:
    remember("abcdef")

    error = TooManyRequests("say abcdef", excerpt="an abcdef", words="the abcdef")

    assert (str(error), error.excerpt, error.words) == ("say [redacted]", "an [redacted]", "the [redacted]")


def test_a_token_is_redacted_as_soon_as_it_is_there(server: NastyServer, client: FlowClient) -> None:
    server.on("token", says(200, {"accessToken": TOKENS[50]}))
    client.token()

    assert client.redact(f"Bearer {TOKENS[50]}") == "Bearer [redacted]"
    assert redact(f"Bearer {TOKENS[50]}") == "Bearer [redacted]"


@pytest.mark.parametrize(
    "body",
    [
        rb'{"key": "k3y\/with+odd &chars=\u00e9%"}',
        rb'{"key": "k3y/with\u002Bodd \u0026chars=\u00E9%"}',
        '{"key": "k3y\\/with+odd &chars=é%", "x": "\\""}'.encode(),
        rb'{"error": "bad", "key": "k3y\/with\u002bodd \u0026chars=\u00e9%", "cut of',
        b'{"error": "\xff", "key": "k3y\\/with+odd \\u0026chars=\\u00e9%"}',
    ],
    ids=["slashes escaped", "signs escaped", "both ways", "broken off", "a byte that is no text"],
)
def test_an_answer_that_writes_the_key_with_escapes_does_not_show_it(body: bytes) -> None:
    remember(API_KEY)

    shown = Answer(400, body).excerpt()

    assert "[redacted]" in shown
    assert not any(part in shown for part in ("k3y", "odd", "chars"))


def test_a_byte_order_mark_does_not_hide_that_an_answer_is_json() -> None:
    remember(API_KEY)

    shown = Answer(400, BYTE_ORDER_MARK + rb'{"key": "k3y\/with+odd &chars=\u00e9%"}').excerpt()

    assert shown == '{"key":"[redacted]"}'


def test_a_whole_answer_may_end_as_a_secret_begins() -> None:
    remember("abcdefghijkl")

    assert Answer(400, b"so far: abcdef").excerpt() == "so far: abcdef"
    assert Answer(400, b"so far: abcdef", cut_off=True).excerpt() == "so far: [redacted]"


def test_a_token_that_flow_gave_is_forgotten_after_many_others(server: NastyServer, client: FlowClient) -> None:
    server.on("token", says(200, {"accessToken": "given-long-ago"}))
    client.token()
    for number in range(15):
        remember(f"token-{number:03}", lasting=False)
    assert redact("given-long-ago") == "[redacted]"

    remember("token-015", lasting=False)

    assert redact("given-long-ago") == "given-long-ago"
