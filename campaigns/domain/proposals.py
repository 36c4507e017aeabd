"""Proposals to pause: how one that was made ends."""

from enum import StrEnum

from campaigns.domain.states import FINAL_PHASES, Phase

RUNNING_PHASES = frozenset(Phase) - FINAL_PHASES - {Phase.PAUSED}
"""Phases in which a campaign may spend money; an unrecognised status may well be a running campaign."""


class ProposalState(StrEnum):
    """Where a proposal to pause a campaign stands."""

    OPEN = "open"
    PAUSED = "paused"
    KEPT = "kept"
    CLOSED = "closed"


GONE_STATUSES = ("sold", "withdrawn")


def what_became(status: str, *, active: bool) -> str:
    """Return what became of a listing that is gone, such as `sold and inactive`; `on the market again` where it is not."""
    words = [status.lower()] if status.lower() in GONE_STATUSES else []
    if not active:
        words.append("inactive")
    return " and ".join(words) or "on the market again"
