"""The client of Flow's campaign API. It knows nothing of Django."""

from typing import TYPE_CHECKING, Any

from campaigns.flow.errors import (
    BadTrackingId,
    CredentialsRefused,
    FlowError,
    Interrupted,
    NotFound,
    NotSent,
    Rejected,
    TokenRefused,
    TooManyRequests,
    UnknownOutcome,
)
from campaigns.flow.redaction import redact, remember
from campaigns.flow.types import CampaignStatus, CommandAnswer, DryRun, FlowConfig, Published, PublishRequest

if TYPE_CHECKING:
    from campaigns.flow.client import FlowClient
    from campaigns.flow.pace import Pace

__all__ = [
    "BadTrackingId",
    "CampaignStatus",
    "CommandAnswer",
    "CredentialsRefused",
    "DryRun",
    "FlowClient",
    "FlowConfig",
    "FlowError",
    "Interrupted",
    "NotFound",
    "NotSent",
    "Pace",
    "PublishRequest",
    "Published",
    "Rejected",
    "TokenRefused",
    "TooManyRequests",
    "UnknownOutcome",
    "redact",
    "remember",
]


def __getattr__(name: str) -> Any:
    """Import the client and the pace once they are asked for: web and beat seldom call Flow, and need not load how."""
    if name == "FlowClient":
        from campaigns.flow.client import FlowClient

        return FlowClient
    if name == "Pace":
        from campaigns.flow.pace import Pace

        return Pace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
