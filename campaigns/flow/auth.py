"""The access token: fetched when needed, kept in the memory of the process only, renewed once for all threads."""

import copy
import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from campaigns.flow import clock as deadlines
from campaigns.flow.answers import TOKEN, TOKEN_REFUSALS, Answer
from campaigns.flow.errors import CredentialsRefused, FlowError, NotSent, TooManyRequests
from campaigns.flow.redaction import remember
from campaigns.flow.retry import retry_after
from campaigns.flow.transport import Ask, Transport
from campaigns.flow.types import FlowConfig

ASSUMED_LIFETIME = 600.0  # seconds, for a token that does not say
LONGEST_LIFETIME = 30 * 86_400.0  # a longer one is taken for a mistake
LONGEST_MARGIN = 30.0
FAILURE_MEMORY = 5.0  # seconds for which the others who wait get the failure of the one who asked
TOKEN_FORM = re.compile(r"[!-~]+")  # what a header can carry


@dataclass(frozen=True)
class _Held:
    token: str
    until: float  # clock.now


@dataclass(frozen=True)
class _Failed:
    error: NotSent
    until: float


class TokenKeeper:
    """Gives out the current token. Safe for many threads; `renew_lock` makes it safe after a fork."""

    def __init__(self, fetch: Callable[[float], str], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: _Held | None = None
        self._failed: _Failed | None = None
        self._refused = False
        self._kept_until = 0.0
        self.renew_lock()

    def renew_lock(self) -> None:
        self._lock = threading.Lock()

    def token(self, ends: float) -> str:
        """Return a token, by `ends` (clock.now): a new one if there is none or it is about to end.

        Raises NotSent and its kinds only.
        """
        if not self._lock.acquire(timeout=max(0, ends - deadlines.now())):
            raise NotSent("No access token came in time. Nothing was sent to Flow: it can be sent again.")
        try:
            return self._token_for_all(ends)
        finally:
            self._lock.release()

    def drop(self, token: str) -> None:
        """Forget this token, which Flow refused; a newer one, which another thread has fetched meanwhile, stays.

        So does, for a few seconds, one that has just replaced another and has never been taken: no further one would help
        then, and Flow would be asked for one with every call.
        """
        now = deadlines.now()
        with self._lock:
            held = self._held
            if held is None or held.token != token:
                return
            if now < self._kept_until:
                self._held = _Held(token, min(held.until, self._kept_until))
            else:
                self._held, self._refused = None, True

    def note_taken(self, token: str) -> None:
        """Note that Flow has taken this token: when it is refused later, a new one helps."""
        held = self._held
        if held is not None and held.token == token:
            self._kept_until, self._refused = 0.0, False

    def _token_for_all(self, ends: float) -> str:
        """Fetch unless the thread before has: called with the lock held."""
        now = deadlines.now()
        if self._held is not None and now < self._held.until:
            return self._held.token
        if self._failed is not None and now < self._failed.until:
            raise copy.copy(self._failed.error)
        try:
            token = self._fetch(ends)
        except NotSent as error:
            self._failed = _Failed(copy.copy(error), deadlines.now() + FAILURE_MEMORY)
            raise
        self._held, self._failed = _Held(token, now + usable_seconds(token, self._clock())), None
        self._kept_until = now + FAILURE_MEMORY if self._refused else 0.0
        return token


def fetch_token(transport: Transport, config: FlowConfig, clock: Callable[[], float], ends: float) -> str:
    """Ask Flow for an access token; raise NotSent whatever goes wrong, for nothing else was sent.

    Raises CredentialsRefused when Flow does not know us, TooManyRequests when it is asked too often.
    """
    remember(config.api_key)
    query = {
        "organisationId": config.organisation_id,
        "apiKey": config.api_key,
        "requestType": config.request_type,
    }
    ask = Ask(TOKEN, "GET", "/auth/access-key/publickey", query=query)
    answer = _asked(transport, ask, ends)
    token = (answer.json_object() or {}).get("accessToken")
    if answer.status == 200 and isinstance(token, str) and TOKEN_FORM.fullmatch(token):
        remember(token, lasting=False)
        return token
    raise _no_token(answer, clock(), gave_one=answer.status == 200 and isinstance(token, str))


def _asked(transport: Transport, ask: Ask, ends: float) -> Answer:
    try:
        return transport.exchange(ask, ends)
    except NotSent:
        raise
    except FlowError as error:
        failure = NotSent(str(error), http_status=error.http_status, excerpt=error.excerpt)
    raise failure


def usable_seconds(token: str, now: float) -> float:
    """Return for how long to use a token that was fetched just now (`now` is a Unix time), less a margin.

    The lifetime is what the token's issuer says, exp - iat: so it does not matter whether its clock agrees with ours.
    """
    claims = _claims(token)
    ends, begins = _number(claims.get("exp")), _number(claims.get("iat"))
    lifetime = ASSUMED_LIFETIME if ends is None else ends - (now if begins is None else begins)
    if not 0 < lifetime <= LONGEST_LIFETIME:
        lifetime = ASSUMED_LIFETIME
    return lifetime - min(LONGEST_MARGIN, lifetime / 5)


def _claims(token: str) -> dict[str, Any]:
    """Read what the token says of itself. It is not verified: Flow does that, with a key that we do not have."""
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):  # no JWT: such a token is fine as well
        return {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _no_token(answer: Answer, now: float, *, gave_one: bool) -> NotSent:
    known = answer.known()
    said = f" Flow says: {known['words'].rstrip('.')}." if known["words"] else ""
    if answer.status in (400, *TOKEN_REFUSALS):
        advice = (
            "Flow gave no access token: the API key or the organisation id is wrong or has expired. Nothing was sent. "
            "Check FLOW_API_KEY, FLOW_ORGANISATION_ID and FLOW_REQUEST_TYPE, or ask Flow's "
            "account manager for a new key."
        )
        told = advice + said
        return CredentialsRefused(told, http_status=answer.status, excerpt=known["excerpt"], words=told)
    if answer.status == 429:
        return TooManyRequests(
            "Flow asks for fewer requests (HTTP 429) and gave no access token. Nothing was sent: try again later.",
            retry_after=retry_after(answer.retry_after, now, answer.date),
            **known,
        )
    what = "an access token that no header can carry" if gave_one else "no access token"
    return NotSent(
        f"Flow gave {what} (HTTP {answer.status}). Nothing was sent, so it can be again. Check FLOW_BASE_URL.{said}",
        **known,
    )
