"""Orders, attempts, campaigns and commands: their states, and the moves between them, as data."""

from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands between its first draft and its end."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Move(StrEnum):
    """A deed that changes an order's state."""

    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"
    CANCEL = "cancel"
    CLAIM = "claim"
    RECORD = "record"
    SETTLE = "settle"


_S = OrderState

MOVES: dict[Move, dict[OrderState, frozenset[OrderState]]] = {
    Move.SUBMIT: {_S.DRAFT: frozenset({_S.AWAITING_APPROVAL, _S.QUEUED})},
    Move.APPROVE: {_S.AWAITING_APPROVAL: frozenset({_S.QUEUED})},
    Move.REJECT: {_S.AWAITING_APPROVAL: frozenset({_S.DRAFT})},
    Move.RETURN: {state: frozenset({_S.DRAFT}) for state in (_S.AWAITING_APPROVAL, _S.QUEUED, _S.REJECTED)},
    Move.CANCEL: {
        state: frozenset({_S.CANCELLED}) for state in (_S.DRAFT, _S.AWAITING_APPROVAL, _S.QUEUED, _S.REJECTED)
    },
    Move.CLAIM: {_S.QUEUED: frozenset({_S.PUBLISHING})},
    Move.RECORD: {_S.PUBLISHING: frozenset({_S.PUBLISHED, _S.REJECTED, _S.UNKNOWN, _S.QUEUED})},
    Move.SETTLE: {_S.UNKNOWN: frozenset({_S.PUBLISHED, _S.QUEUED, _S.CANCELLED})},
}


def is_allowed(move: Move, old: OrderState, new: OrderState) -> bool:
    """Say whether `move` may take an order from `old` to `new`."""
    return new in MOVES[move].get(old, frozenset())


def moves_from(state: OrderState) -> frozenset[Move]:
    """Return the moves that an order in `state` can make."""
    return frozenset(move for move, paths in MOVES.items() if state in paths)


# Whose money is spent, or is on its way to be: what such orders cost is committed.
COMMITTED_STATES = frozenset({_S.AWAITING_APPROVAL, _S.QUEUED, _S.PUBLISHING, _S.PUBLISHED, _S.UNKNOWN})


class Outcome(StrEnum):
    """How an attempt to publish ended; an attempt under way has none yet."""

    OPEN = ""
    PUBLISHED = "published"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """Our reading of Flow's status of a campaign."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    LIVE = "live"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNRECOGNISED = "unrecognised"


FINAL_PHASES = frozenset({Phase.COMPLETED, Phase.CANCELLED, Phase.FAILED})


class Action(StrEnum):
    """What staff can ask of a campaign at Flow."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


# An unrecognised status may well be a running campaign: whoever wants to stop the money must be able to try.
ACTION_FITS: dict[Action, frozenset[Phase]] = {
    Action.PAUSE: frozenset({Phase.QUEUED, Phase.IN_PROGRESS, Phase.LIVE, Phase.UNRECOGNISED}),
    Action.RESUME: frozenset({Phase.PAUSED, Phase.UNRECOGNISED}),
    Action.CANCEL: frozenset({Phase.QUEUED, Phase.IN_PROGRESS, Phase.LIVE, Phase.PAUSED, Phase.UNRECOGNISED}),
}

ACTION_TARGET: dict[Action, Phase] = {
    Action.PAUSE: Phase.PAUSED,
    Action.RESUME: Phase.LIVE,
    Action.CANCEL: Phase.CANCELLED,
}

# What Flow must say before a command counts as carried out. A campaign that is resumed before its start goes back to waiting.
ACTION_DONE: dict[Action, frozenset[Phase]] = {
    Action.PAUSE: frozenset({Phase.PAUSED}),
    Action.RESUME: frozenset({Phase.QUEUED, Phase.IN_PROGRESS, Phase.LIVE}),
    Action.CANCEL: frozenset({Phase.CANCELLED}),
}


class CommandState(StrEnum):
    """How far a command has come: only Flow's own status confirms it."""

    ASKED = "asked"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    SUPERSEDED = "superseded"


OPEN_COMMAND_STATES = frozenset({CommandState.ASKED, CommandState.SENT})


class Resolution(StrEnum):
    """How people settle an order whose outcome is unknown."""

    LIVE = "live"
    NOT_LIVE = "not_live"
    ABANDON = "abandon"


class ActorKind(StrEnum):
    """Who did what an event tells."""

    PERSON = "person"
    SCHEDULER = "scheduler"
    FLOW = "flow"
