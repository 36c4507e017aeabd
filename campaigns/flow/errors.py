"""What can go wrong with a call to Flow, named by what it means for the money.

``Rejected``: Flow said no. ``NotSent``: Flow did not process it, so it can be sent again. ``UnknownOutcome``: nobody
here can tell. Whatever is not provably one of the first two is the third.

Every text is redacted as it enters an error, and no error carries a library's exception as cause or context: those
contain the address, and the address of the token call contains the API key.
"""

from campaigns.flow.redaction import presentable

SENTENCE_LIMIT = 1_500
WORDS_LIMIT = 500
EXCERPT_LIMIT = 2_000


class FlowError(Exception):
    """A call to Flow that did not end well; ``str()`` is a sentence for people.

    `http_status` is None when there was no answer. `excerpt` is the beginning of Flow's answer. `words` is what Flow
    said about it, or the sentence when Flow said nothing.
    """

    def __init__(
        self, sentence: str, *, http_status: int | None = None, excerpt: str = "", words: str | None = None
    ) -> None:
        super().__init__(presentable(sentence, SENTENCE_LIMIT))
        self.http_status = http_status
        self.excerpt = presentable(excerpt, EXCERPT_LIMIT)
        self.words = presentable(words or sentence, WORDS_LIMIT)


class Rejected(FlowError):
    """Flow understood the call and said no; nothing was done."""


class NotFound(Rejected):
    """Flow said no because it does not know what was asked for."""


class NotSent(FlowError):
    """Flow has definitely not processed the call."""


class BadTrackingId(NotSent):
    """The tracking id cannot be put into an address, so Flow was not asked."""


class TokenRefused(NotSent):
    """Flow refused the access token, which is dropped: the next call fetches a new one."""


class CredentialsRefused(NotSent):
    """Flow gave no access token because it refused the API key, the organisation id or the request type."""


class TooManyRequests(NotSent):
    """Flow asks to be called less often; `retry_after` is in seconds from now, None when Flow did not say."""

    def __init__(
        self,
        sentence: str,
        *,
        http_status: int | None = None,
        excerpt: str = "",
        words: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence, http_status=http_status, excerpt=excerpt, words=words)
        self.retry_after = retry_after


class UnknownOutcome(FlowError):
    """The call may or may not have been processed."""


class Interrupted(UnknownOutcome):
    """The connection or the time gave out after the first byte was sent and before the whole answer was there."""
