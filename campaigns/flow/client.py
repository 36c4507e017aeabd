"""The client of Flow's campaign API: one method per call."""

import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import msgspec

from campaigns.flow import answers
from campaigns.flow import clock as deadlines
from campaigns.flow.answers import COMMAND, DRY_RUN, PUBLISH, STATUS, TOKEN_REFUSALS, Answer, Purpose
from campaigns.flow.auth import TokenKeeper, fetch_token
from campaigns.flow.errors import BadTrackingId, TokenRefused
from campaigns.flow.redaction import redact, remember, silence_library_addresses
from campaigns.flow.retry import retrying
from campaigns.flow.transport import Ask, Transport
from campaigns.flow.types import CampaignStatus, CommandAnswer, DryRun, FlowConfig, Published, PublishRequest

T = TypeVar("T")


class FlowClient:
    """Talks to Flow for one organisation. Safe for many threads, and after a fork.

    `clock` gives the Unix time; `before_request` is called before every HTTP exchange but a publish and may wait: that is
    part of the call's deadline. Every method ends within `config.deadline` seconds, but for a look-up of the host's name, which
    cannot be cut short; when it took too long nothing is sent any more.
    """

    def __init__(
        self,
        config: FlowConfig,
        *,
        clock: Callable[[], float] = time.time,
        before_request: Callable[[], None] | None = None,
    ) -> None:
        """Raises ValueError when the base URL is not one."""
        remember(config.api_key)
        silence_library_addresses()
        self._config = config
        self._clock = clock
        self._transport = Transport(config, before_request)
        self._tokens = TokenKeeper(partial(fetch_token, self._transport, config, clock), clock)
        _living.add(self)

    def token(self) -> str:
        """Return an access token, fetched if need be; raises NotSent and its kinds only."""
        return self._tokens.token(self.ends())

    def wait_for_turn(self) -> None:
        """Wait until the next call may begin, as `publish` asks of its caller; raises NotSent."""
        self._transport.wait_for_turn()

    def ends(self) -> float:
        """Return when a call that begins now must be over, on the clock of `campaigns.flow.clock`."""
        return deadlines.now() + self._config.deadline

    def publish(self, request: PublishRequest, token: str, ends: float | None = None) -> Published:
        """Publish, for real and for money, with one POST that is never repeated.

        The caller fetches the token and waits for its turn, then asks for `ends()`, and only then commits that the order is
        on its way: so a process that was stopped or asleep in between finds its time over and sends nothing. Without `ends`
        the time runs from now.
        Raises Rejected (Flow said no), NotSent (not processed: it can be sent again), UnknownOutcome (nobody can tell).
        """
        body = request.body(dry_run=False)
        ask = Ask(PUBLISH, "POST", "/campaigns/publish", self._client_id(), body, token, in_turn=True)
        answer = self._answer(ask, self.ends() if ends is None else ends)
        published = answers.read_published(answer)
        if published is not None:
            return published
        if self._config.client_errors_are_unknown:
            raise answers.doubt(answer, PUBLISH)
        raise answers.refusal(answer, PUBLISH, self._clock())

    def dry_run(self, request: PublishRequest) -> DryRun:
        """Ask Flow to validate a request; nothing is published. Raises FlowError as `publish` does."""
        body = request.body(dry_run=True)
        ends = self.ends()

        def once(token: str) -> DryRun:
            ask = Ask(DRY_RUN, "POST", "/campaigns/publish", self._client_id(), body, token)
            return self._read(ask, ends, answers.read_dry_run)

        return self._with_token(once, ends)

    def campaign_status(self, tracking_id: str) -> CampaignStatus:
        """Ask for a campaign's status; asked up to three times while the connection or Flow fails.

        Raises NotFound when Flow does not know the campaign, BadTrackingId when it cannot be asked for, or FlowError.
        """
        path = _status_path(tracking_id, STATUS)
        ends = self.ends()

        pooled = iter([True])  # the first time alone: connections that Flow has closed would use up the other tries

        def once(token: str) -> CampaignStatus:
            ask = Ask(STATUS, "GET", path, token=token, pooled=next(pooled, False))
            return self._read(ask, ends, answers.read_status)

        def persistent(token: str) -> CampaignStatus:
            return retrying(ends - deadlines.now())(once, token)

        return self._with_token(persistent, ends)

    def update_status(self, tracking_id: str, status: str, reason: str) -> CommandAnswer:
        """Ask for a campaign to be paused, resumed or cancelled; sent again only when Flow refused the token.

        The answer proves nothing: only `campaign_status` tells whether the campaign changed. Raises FlowError.
        """
        path = _status_path(tracking_id, COMMAND)
        body = msgspec.json.encode({"status": status, "reason": reason})
        ends = self.ends()

        def once(token: str) -> CommandAnswer:
            return self._read(Ask(COMMAND, "POST", path, body=body, token=token), ends, answers.read_command)

        return self._with_token(once, ends)

    def redact(self, text: str) -> str:
        """Replace the API key and every recent token in a text."""
        return redact(text)

    def close(self) -> None:
        """Close the idle connections; the client can still be used."""
        self._transport.close()

    def _client_id(self) -> dict[str, str]:
        return {"clientId": self._config.client_id}

    def _answer(self, ask: Ask, ends: float) -> Answer:
        answer = self._transport.exchange(ask, ends)
        if answer.status in TOKEN_REFUSALS and ask.token is not None:
            self._tokens.drop(ask.token)
        if answer.status < 300 and ask.token is not None:
            self._tokens.note_taken(ask.token)
        return answer

    def _read(self, ask: Ask, ends: float, read: Callable[[Answer], T | None]) -> T:
        answer = self._answer(ask, ends)
        result = read(answer)
        if result is None:
            raise answers.refusal(answer, ask.purpose, self._clock())
        return result

    def _with_token(self, call: Callable[[str], T], ends: float) -> T:
        """Call with the current token and, if Flow refuses it, once more with a new one."""
        with suppress(TokenRefused):
            return call(self._tokens.token(ends))
        return call(self._tokens.token(ends))  # outside of the block, so that its errors stand alone

    def _after_fork(self) -> None:
        self._transport.renew()
        self._tokens.renew_lock()


_living: weakref.WeakSet[FlowClient] = weakref.WeakSet()


def _renew_all() -> None:
    for client in list(_living):
        client._after_fork()


# Connections, locks and threads do not survive a fork: the child's clients begin with their own.
os.register_at_fork(after_in_child=_renew_all)


def _status_path(tracking_id: str, purpose: Purpose) -> str:
    problem = answers.tracking_id_problem(tracking_id)
    if problem is not None:
        raise BadTrackingId(f"“{tracking_id[:60]}” cannot be a tracking id: {problem}. {purpose.not_done}")
    return f"/campaigns/status/{quote(tracking_id, safe='')}"
