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
