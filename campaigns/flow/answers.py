"""Reads Flow's answers, and says what one that is not the hoped-for one means for the money."""

import http.client
import re
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec

from campaigns.flow.errors import (
    EXCERPT_LIMIT,
    WORDS_LIMIT,
    FlowError,
    NotFound,
    Rejected,
    TokenRefused,
    TooManyRequests,
    UnknownOutcome,
)
from campaigns.flow.redaction import presentable, redact, redact_cut_off
from campaigns.flow.retry import retry_after
from campaigns.flow.types import CampaignStatus, CommandAnswer, DryRun, Published

TRACKING_ID_LIMIT = 255
REASONS = ("error", "message", "errors", "detail")
MOST_REASONS = 20
NOTHING = (b"", b"{}", b"[]", b"null")
BEGINNING = 200
STATUS_LIMIT = 255
TOKEN_REFUSALS = (401, 403)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNICODE_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")


@dataclass(frozen=True)
class Purpose:
    """What a call is for, and what it means when it fails: in words for people."""

    name: str
    not_done: str
    in_doubt: str
    only_reads: bool = False


TOKEN = Purpose("the access token", "Nothing was sent to Flow.", "Nothing else was sent to Flow.", only_reads=True)
PUBLISH = Purpose(
    "the publish",
    "Nothing was published and no money is spent.",
    "The campaigns may be live and spending: look in Flow before the order is sent again.",
)
DRY_RUN = Purpose("the dry run", "Nothing was published.", "A dry run publishes nothing: it can be asked again.")
STATUS = Purpose(
    "the status", "The last known status still stands.", "The last known status still stands.", only_reads=True
)
COMMAND = Purpose(
    "the command", "The campaign was not changed.", "The campaign may or may not have changed: its next status tells."
)


class Known(TypedDict):
    """What every error says about the answer it comes from."""

    http_status: int
    excerpt: str
    words: str


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, complete unless `cut_off`."""

    status: int
    body: bytes
    retry_after: str | None = None
    date: str | None = None
    cut_off: bool = False

    def json_object(self) -> dict[str, Any] | None:
        """Read the body as a JSON object; None when it is anything else."""
        return _read_object(self.body)

    def excerpt(self) -> str:
        """Return the redacted beginning of the body, fit to be stored and shown."""
        return presentable(self._text(), EXCERPT_LIMIT)

    def known(self) -> Known:
        """Return status, excerpt and Flow's own words ("" when it said none)."""
        words = _reason(self.json_object() or {}, self.status)
        return {"http_status": self.status, "excerpt": self.excerpt(), "words": presentable(words, WORDS_LIMIT)}

    def _text(self) -> str:
        text = _without_escapes(self.body)
        if "\0" in text:  # another encoding or no text: a secret in it would not be recognised
            return f"[{len(self.body)} bytes that are not text]"
        return redact_cut_off(text) if self.cut_off else redact(text)


def read_published(answer: Answer) -> Published | None:
    """Read a 202 with its tracking ids; None when there is any doubt about them."""
    body = answer.json_object()
    if answer.status != 202 or body is None:
        return None
    ids, status = body.get("campaign_tracking_ids"), body.get("status", "")
    if not isinstance(ids, list) or not ids or not isinstance(status, str):
        return None
    if any(not isinstance(each, str) or tracking_id_problem(each) for each in ids) or len(set(ids)) != len(ids):
        return None
    return Published(
        tracking_ids=tuple(ids),
        status=presentable(status, STATUS_LIMIT),
        error=presentable(_in_words(body.get("error")), WORDS_LIMIT),
        http_status=answer.status,
        excerpt=answer.excerpt(),
    )


def read_dry_run(answer: Answer) -> DryRun | None:
    """Read any 2xx: the form of what a dry run answers is not documented."""
    if not 200 <= answer.status < 300:
        return None
    shown = redact(_without_escapes(answer.body))
    storable = "\\u0000" not in shown  # PostgreSQL keeps no JSON with a NUL in it
    body = _read_object(shown.encode()) if storable else None
    return DryRun(http_status=answer.status, excerpt=answer.excerpt(), body=body or {})


def read_status(answer: Answer) -> CampaignStatus | None:
    """Read a 200 with a status; message and campaign_id may be missing or odd."""
    body = answer.json_object()
    if answer.status != 200 or body is None:
        return None
    status = _text_of(body, "status", STATUS_LIMIT)
    if not status.strip():
        return None
    return CampaignStatus(
        status=status,
        message=_text_of(body, "message", WORDS_LIMIT),
        campaign_id=_text_of(body, "campaign_id", TRACKING_ID_LIMIT) or None,
        http_status=answer.status,
    )


def read_command(answer: Answer) -> CommandAnswer | None:
    """Read a 200 with any JSON object; an `error` in it is passed on."""
    body = answer.json_object()
    if answer.status != 200 or body is None:
        return None
    return CommandAnswer(
        status=_text_of(body, "status", STATUS_LIMIT),
        message=_text_of(body, "message", WORDS_LIMIT),
        error=presentable(_in_words(body.get("error")), WORDS_LIMIT),
        http_status=answer.status,
        excerpt=answer.excerpt(),
    )


def refusal(answer: Answer, purpose: Purpose, now: float) -> FlowError:
    """Say what an answer that could not be read means; `now` is a Unix time, for a Retry-After that is a date.

    Flow documents 400 and 404 as its no, and 401, 403 and 429 as not processed. A proxy may say 400 and 404 as well, so
    where something is to be changed they count only with a JSON object. Everything else leaves the outcome open.
    """
    known = answer.known()
    if answer.status in TOKEN_REFUSALS:
        return TokenRefused(
            f"Flow refused the access token for {purpose.name} (HTTP {answer.status}). {purpose.not_done} "
            "The next try fetches a new token.",
            **known,
        )
    if answer.status == 429:
        return TooManyRequests(
            f"Flow asks for fewer requests (HTTP 429). {purpose.not_done} Try again later.",
            **known,
            retry_after=retry_after(answer.retry_after, now, answer.date),
        )
    if answer.status in (400, 404) and (purpose.only_reads or answer.json_object() is not None):
        return _rejection(answer, purpose, known)
    return doubt(answer, purpose)


def doubt(answer: Answer, purpose: Purpose) -> UnknownOutcome:
    """Say that an answer leaves the outcome open."""
    return UnknownOutcome(
        f"Flow's answer to {purpose.name} (HTTP {answer.status}) does not say what became of it. {purpose.in_doubt}",
        **answer.known(),
    )


def tracking_id_problem(value: str) -> str | None:
    """Say why a tracking id cannot be one that can be asked for; None when it can.

    "." and ".." would be taken for a step in the address.
    """
    if not value.strip():
        return "it is empty"
    if value in (".", ".."):
        return "it is only dots"
    if value != value.strip():
        return "it begins or ends with a space"
    if len(value) > TRACKING_ID_LIMIT:
        return f"it is longer than {TRACKING_ID_LIMIT} characters"
    return None if value.isprintable() else "it contains characters that cannot be seen"


def _rejection(answer: Answer, purpose: Purpose, known: Known) -> Rejected:
    said = known["words"] or _without_reason(answer)
    stop = "" if said.endswith((".", "!", "?")) else "."
    kind = NotFound if answer.status == 404 else Rejected
    sentence = f"Flow refused {purpose.name} (HTTP {answer.status}): {said}{stop} {purpose.not_done}"
    return kind(sentence, http_status=answer.status, excerpt=known["excerpt"], words=said)


def _without_reason(answer: Answer) -> str:
    """Return what to say in place of a reason; where the answer says anything, people may know what it means."""
    if not answer.json_object() and answer.body.strip() in NOTHING:
        return "no reason given."
    return f"no reason that the console understands; the answer begins {answer.excerpt()[:BEGINNING]}."


def _without_escapes(body: bytes) -> str:
    """Return an answer's text in the one way in which secrets in it are recognised: JSON may write a character in several."""
    if b"\\" not in body:
        return body.decode(errors="replace")
    try:
        return msgspec.json.encode(msgspec.json.decode(body.removeprefix(BYTE_ORDER_MARK))).decode()
    except (ValueError, RecursionError):  # no JSON, or a part of some
        text = body.decode(errors="replace").replace("\\/", "/")
        return UNICODE_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)


def _read_object(body: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(body.removeprefix(BYTE_ORDER_MARK), type=dict[str, Any])
    except (ValueError, RecursionError):  # not JSON, not an object, not UTF-8; or nested without end
        return None


def _reason(body: dict[str, Any], status: int) -> str:
    """Return why Flow refused: its documented `error`, else what other frameworks say it in.

    Many of them repeat the name of the status in `error`, and give the reason elsewhere.
    """
    said = [words for key in REASONS if (words := _in_words(body.get(key)))]
    name = http.client.responses.get(status, "").casefold()
    telling = [words for words in said if words.casefold() != name]
    return next(iter(telling or said), "")


def _in_words(value: Any, depth: int = 3) -> str:
    """Return the texts in what may be a text, a list of reasons, one reason in several texts, or reasons by field."""
    if isinstance(value, str):
        return value.strip()
    if depth and isinstance(value, list):
        return "; ".join(filter(None, (_in_words(each, depth - 1) for each in value[:MOST_REASONS])))
    if depth and isinstance(value, dict):
        said = [(key, each, _in_words(each, depth - 1)) for key, each in list(value.items())[:MOST_REASONS]]
        by_field = [f"{key}: {words}" for key, each, words in said if words and not isinstance(each, str)]
        return "; ".join(
            filter(None, [": ".join(words for _, each, words in said if words and isinstance(each, str)), *by_field])
        )
    return ""


def _text_of(body: dict[str, Any], key: str, limit: int) -> str:
    value = body.get(key)
    return presentable(value, limit) if isinstance(value, str) else ""
