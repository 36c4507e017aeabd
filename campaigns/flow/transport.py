"""One HTTP exchange with Flow: safe to give up at any moment, and honest about whether a byte has left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import ReadTimeoutError

from campaigns.flow import clock
from campaigns.flow.answers import Answer, Purpose
from campaigns.flow.errors import FlowError, Interrupted, NotSent, UnknownOutcome
from campaigns.flow.sockets import POOLS, Call, OutOfTimeError, Stage, Watchdog, set_current_call
from campaigns.flow.types import FlowConfig

LARGEST_BODY = 1024 * 1024  # bytes, after decompression
CHUNK = 64 * 1024

FAILED_AT = {
    Stage.PREPARING: "The request to Flow could not be made",
    Stage.RESOLVING: "The address of Flow, {host}, could not be found",
    Stage.CONNECTING: "Flow at {host} could not be reached",
    Stage.SECURING: "A secure connection (TLS) to Flow at {host} could not be made",
}


@dataclass(frozen=True)
class Ask:
    """What is asked of Flow. Only a GET may use a pooled connection: an idle one may have died, leaving a doubt.

    `in_turn` says that the caller has waited for the call's turn before.
    """

    purpose: Purpose
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    token: str | None = field(default=None, repr=False)
    pooled: bool = False
    in_turn: bool = False

    def headers(self) -> dict[str, str]:
        headers = {
            "Accept-Version": "v1",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "campaign-console",
            "Connection": "keep-alive" if self.pooled else "close",
        }
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        return headers


class Transport:
    """Sends what is asked and reads the answer. Safe for many threads; `renew` makes it safe after a fork."""

    def __init__(self, config: FlowConfig, before_request: Callable[[], None] | None) -> None:
        """Raise ValueError when the base URL is none: a name and password in it would replace the access token."""
        parts = urlsplit(config.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
            raise ValueError(
                "FLOW_BASE_URL must look like https://host or https://host/path, without a password in it."
            )
        self._config = config
        self._host = parts.hostname
        self._before_request = before_request
        self._alike: tuple[dict[str, str], CaseInsensitiveDict[str]] | None = None
        self.renew()

    def renew(self) -> None:
        """Begin anew with no connection, thread or lock of before."""
        self._adapter = _Adapter(self._config.pool_size)
        self._watchdog = Watchdog()

    def close(self) -> None:
        self._adapter.close()

    def wait_for_turn(self) -> None:
        """Wait until the next call may begin. Raises NotSent where its turn does not come."""
        try:
            if self._before_request is not None:
                self._before_request()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing has been sent
            reason = getattr(error, "strerror", None) or type(error).__name__
        else:
            return
        raise NotSent(f"{FAILED_AT[Stage.PREPARING]}: {reason}. Nothing was sent to Flow.")

    def exchange(self, ask: Ask, ends: float) -> Answer:
        """Ask Flow once and read the whole answer, by `ends` (clock.now).

        Raises NotSent when no byte of the request was written, UnknownOutcome when one may have been: this is noted
        where it is written and not concluded from a kind of error.
        """
        call = Call(ends, self._config.connect_timeout)
        body = bytearray()
        status: int | None = None
        try:
            with self._connected(ask, call) as response:
                status = response.status_code
                _read_into(body, response, call)
        except FlowError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, only how far the call had come counts
            partial = None if status is None else Answer(status, bytes(body), cut_off=True)
            failure = self._failure(ask, call, error, partial)
        else:
            if len(body) <= LARGEST_BODY:
                return Answer(status, bytes(body), response.headers.get("Retry-After"), response.headers.get("Date"))
            failure = _too_large(ask, Answer(status, bytes(body[:LARGEST_BODY]), cut_off=True))
        raise failure  # here, where no exception is being handled: the one above has the address in its words

    @contextmanager
    def _connected(self, ask: Ask, call: Call) -> Iterator[requests.Response]:
        if self._before_request is not None and not ask.in_turn:
            self._before_request()
        watchdog = self._watchdog
        adapter = self._adapter if ask.pooled else _Adapter(1)
        set_current_call(call)
        try:
            watchdog.watch(call)
            with adapter.send(
                self._prepared(ask),
                timeout=(call.seconds_to_connect(), min(self._config.read_timeout, call.seconds_left())),
                stream=True,
            ) as response:
                yield response
        finally:
            watchdog.forget(call)
            set_current_call(None)
            if not ask.pooled:
                adapter.close()

    def _prepared(self, ask: Ask) -> requests.PreparedRequest:
        """Prepare a request; polls differ in their address alone, and to prepare each anew costs half of a poll."""
        address, headers = self._address(ask), ask.headers()
        if not ask.pooled:
            return requests.Request(ask.method, address, headers, data=ask.body).prepare()
        alike = self._alike
        if alike is None or alike[0] != headers:
            alike = self._alike = headers, CaseInsensitiveDict(headers)
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url, prepared.headers = ask.method, address, alike[1]
        return prepared

    def _address(self, ask: Ask) -> str:
        address = self._config.base_url.rstrip("/") + ask.path
        return f"{address}?{urlencode(ask.query, quote_via=quote)}" if ask.query else address

    def _failure(self, ask: Ask, call: Call, error: Exception, partial: Answer | None) -> FlowError:
        reason = self._reason(call, error)
        if call.stage is not Stage.SENT:
            what = FAILED_AT[call.stage].format(host=self._host)
            advice = "" if call.stage is Stage.PREPARING else " Check FLOW_BASE_URL and the network."
            return NotSent(f"{what}: {reason}. {ask.purpose.not_done}{advice}")
        return Interrupted(
            f"Flow was asked for {ask.purpose.name} but gave no whole answer: {reason}. {ask.purpose.in_doubt}",
            http_status=partial.status if partial else None,
            excerpt=partial.excerpt() if partial else "",
        )

    def _reason(self, call: Call, error: Exception) -> str:
        timed_out = isinstance(error, requests.ReadTimeout | ReadTimeoutError)
        # What is left of the deadline limits each read, too, and may end one before the watchdog has looked.
        if call.overdue or isinstance(error, OutOfTimeError) or (timed_out and clock.now() >= call.ends):
            return f"the {self._config.deadline:g} seconds for a call were over"
        if timed_out:
            return f"nothing came for {self._config.read_timeout:g} seconds"
        cause: BaseException | None = error
        reason = "the answer broke off or is not HTTP" if call.stage is Stage.SENT else type(error).__name__
        while cause is not None:
            if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException):
                reason = getattr(cause, "verify_message", "") or cause.strerror or str(cause) or reason
            cause = cause.__cause__ or cause.__context__
        return reason


class _Adapter(HTTPAdapter):
    """Uses connections that know their call.

    Without a session around it nothing is taken from the environment, no redirect is followed and no cookie is kept.
    """

    def __init__(self, pool_size: int) -> None:
        super().__init__(pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS


def _read_into(body: bytearray, response: requests.Response, call: Call) -> None:
    """Read on until the end, or the first chunk over the largest size; the watchdog ends what takes too long.

    Each piece is taken as it comes: what was there before a break may be the only trace of what Flow did. An answer that was
    there in time counts even when this process was stopped and reads it late, if its length says that nothing is missing;
    any other end may be the watchdog's cut.
    """
    while piece := response.raw.read1(CHUNK, decode_content=True):
        body += piece
        if len(body) > LARGEST_BODY:
            return
    if "Content-Length" not in response.headers:
        call.seconds_left()


def _too_large(ask: Ask, answer: Answer) -> UnknownOutcome:
    return UnknownOutcome(
        f"Flow's answer to {ask.purpose.name} is larger than 1 MiB and was not read. {ask.purpose.in_doubt}",
        http_status=answer.status,
        excerpt=answer.excerpt(),
    )
