"""What is said to Flow and what Flow answers, as typed values."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

import msgspec

_exact = msgspec.json.Encoder(decimal_format="number", order="sorted")


@dataclass(frozen=True)
class FlowConfig:
    """Where Flow is, who we are there, and how long a call may take (seconds; `deadline` is for a call as a whole).

    `client_errors_are_unknown` is for those who do not trust that a 4xx answer to a publish means that nothing was
    published.
    """

    base_url: str
    organisation_id: str
    api_key: str = field(repr=False)
    client_id: str
    request_type: str
    connect_timeout: float
    read_timeout: float
    deadline: float
    pool_size: int
    client_errors_are_unknown: bool = False


class PublishRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is published; dates are RFC 3339 in UTC ("Z") and go to Flow letter by letter."""

    plan_ref: str
    listing_external_ids: tuple[str, ...]
    branch_id: str
    agent_external_id: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    budget_override: Decimal | None = None
    order_ref: str | None = None

    def __post_init__(self) -> None:
        if self.budget_override is not None and not self.budget_override.is_finite():
            raise ValueError("The budget must be a number.")

    def canonical_json(self) -> str:
        """Write the request in its one form, without dryRun: what is hashed and frozen when an order is submitted."""
        return _exact.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a frozen request again, every digit of the budget included.

        Raises msgspec.DecodeError (a ValueError) when the text is not such a request.
        """
        return msgspec.json.decode(text, type=cls)

    def body(self, *, dry_run: bool) -> bytes:
        """Write what is sent to Flow: the canonical form and dryRun, which is always said."""
        return _exact.encode(_SentRequest(**msgspec.structs.asdict(self), dry_run=dry_run))


class _SentRequest(PublishRequest, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    dry_run: bool


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Flow took the order: its tracking ids, one per campaign; `status` and `error` are "" when Flow gave none."""

    tracking_ids: tuple[str, ...]
    status: str
    error: str = ""
    http_status: int
    excerpt: str


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """Flow found the request valid; the form of what it says about it is not documented.

    `body` is for showing only: {} when the answer is not a JSON object, and its numbers may be rounded.
    """

    http_status: int
    excerpt: str
    body: dict[str, Any]


class CampaignStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What Flow says of a campaign, in Flow's own word; `campaign_id` is None until the campaign exists."""

    status: str
    message: str
    campaign_id: str | None
    http_status: int


class CommandAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What Flow answered to a status update; it proves nothing: `error` may be filled although the answer is a 200."""

    status: str
    message: str
    error: str
    http_status: int
    excerpt: str
