"""The client of Flow's campaign API. It knows nothing of Django."""

from campaigns.flow.client import FlowClient
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
from campaigns.flow.pace import Pace
from campaigns.flow.redaction import redact, remember
from campaigns.flow.types import CampaignStatus, CommandAnswer, DryRun, FlowConfig, Published, PublishRequest

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
