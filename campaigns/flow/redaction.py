"""Takes secrets out of text by their value, wherever the text comes from.

The API key travels in a query string and tokens in a header, so either can turn up in an address, in an error of a
library or in Flow's own words. What is remembered here is known to the whole process: a log formatter needs no client.

A secret of at least ``WHOLE_WORD_BELOW`` characters is replaced wherever it stands. A shorter one is replaced only
where it stands alone, as in ``apiKey=abc&``: replacing each "a" would blank the text and give the key away by its gaps.
"""

import html
import json
import logging
import re
from collections import deque
from functools import lru_cache
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
WHOLE_WORD_BELOW = 6
SHORTEST_REMNANT = 4  # a cut-off secret of fewer characters gives nothing away
CONTROL_CHARACTERS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
MARKS_OF_DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they turn around what stands beside them
# A token that another process was given is known by its form alone (RFC 7519); where a text was cut off, by how it begins.
# No second beginning within one, and nothing given back: else a body full of beginnings would be read over and over.
JWT = re.compile(r"eyJ(?:(?!eyJ)[\w-]){8,}+\.[\w-]{8,}(\.[\w-]*)?")
CUT_OFF_JWT = re.compile(r"eyJ(?:(?!eyJ)[\w-]){8,}+(\.[\w-]*)?$")
UNFIT = re.compile(f"[{CONTROL_CHARACTERS}{MARKS_OF_DIRECTION}]")

# Each change below is one step of the interpreter, so no lock is needed and none can be left locked by a fork.
_lasting: dict[str, None] = {}
_recent: deque[str] = deque(maxlen=16)


def remember(secret: str, *, lasting: bool = True) -> None:
    """Redact this secret from now on, in every text of this process.

    Tokens change every few minutes and are remembered with ``lasting=False``: the last 16 of them are kept.
    An empty or blank secret is no secret and is ignored.
    """
    if not secret.strip():
        return
    if lasting:
        _lasting[secret] = None
    elif secret not in tuple(_recent):
        _recent.append(secret)


def redact(text: str) -> str:
    """Replace what looks like a token, and every remembered secret: as it is, URL-encoded, and as JSON and HTML write it."""
    for form in _known_forms():
        if len(form) >= WHOLE_WORD_BELOW:
            text = text.replace(form, REDACTED)
        elif form in text:
            text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(form)}(?![0-9A-Za-z])", lambda _: REDACTED, text)
    return JWT.sub(REDACTED, text) if "eyJ" in text else text


def redact_cut_off(text: str) -> str:
    """Redact a text that may end in the middle of a secret, as the rest of a broken answer may."""
    text = CUT_OFF_JWT.sub(REDACTED, redact(text))
    for form in _known_forms():
        for size in range(min(len(form) - 1, len(text)), SHORTEST_REMNANT - 1, -1):
            if text.endswith(form[:size]):
                return text[:-size] + REDACTED
    return text


def presentable(text: str, limit: int) -> str:
    """Redact a text, replace what a page can't show as it is or a database can't hold, and cut it to `limit` characters."""
    return UNFIT.sub("\ufffd", redact(text))[:limit]


class RedactingFilter(logging.Filter):
    """Redacts the records of a logger that writes addresses, and drops their tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        record.exc_info = record.exc_text = None
        return True


def silence_library_addresses() -> None:
    """Redact what urllib3 logs: at DEBUG each query string, at WARNING the address of an answer with odd headers."""
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        if not any(isinstance(each, RedactingFilter) for each in logger.filters):
            logger.addFilter(RedactingFilter())


def _known_forms() -> tuple[str, ...]:
    return _forms((*_lasting, *_recent))


@lru_cache(maxsize=4)
def _forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """List every way to write the secrets, longest first: a secret may be part of another one."""
    forms: set[str] = set()
    for secret in secrets:
        quoted = {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
        quoted.add(quote_plus(secret, errors="replace"))
        quoted |= {quote(form, safe="") for form in quoted}  # an address within an address
        lower_case = {re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), form) for form in quoted}
        in_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
        forms |= {secret, html.escape(secret), repr(secret)[1:-1]} | in_json | quoted | lower_case
    return tuple(sorted(forms, key=len, reverse=True))
