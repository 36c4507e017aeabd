"""What history tells of an order, a campaign and a command, followed line by line: does it lead to where they are?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.domain.states import (
    ACTION_DONE,
    Action,
    CommandState,
    Move,
    OrderState,
    Phase,
    Resolution,
    is_allowed,
)

_S = OrderState


@dataclass(frozen=True)
class Line:
    """One line of history."""

    kind: str
    text: str
    data: Mapping[str, Any]


MOVES: dict[str, tuple[Move, OrderState]] = {
    "order.approved": (Move.APPROVE, _S.QUEUED),
    "order.not_approved": (Move.REJECT, _S.DRAFT),
    "order.returned": (Move.RETURN, _S.DRAFT),
    "order.cancelled": (Move.CANCEL, _S.CANCELLED),
    "order.claimed": (Move.CLAIM, _S.PUBLISHING),
    "order.published": (Move.RECORD, _S.PUBLISHED),
    "order.rejected": (Move.RECORD, _S.REJECTED),
    "order.in_doubt": (Move.RECORD, _S.UNKNOWN),
    "order.not_sent": (Move.RECORD, _S.QUEUED),
}
LATE: dict[str, tuple[Move, OrderState]] = {
    "It settles the doubt.": (Move.SETTLE, _S.PUBLISHED),
    "The order is a draft again": (Move.RETURN, _S.DRAFT),
    "it is called off.": (Move.RECORD, _S.PUBLISHED),
}
SETTLED = {Resolution.LIVE: _S.PUBLISHED, Resolution.NOT_LIVE: _S.QUEUED, Resolution.ABANDON: _S.CANCELLED}
SECOND_PERSON = "a second person must approve it."
CLOSED = {CommandState.CONFIRMED, CommandState.FAILED, CommandState.SUPERSEDED}


def move_of(line: Line) -> tuple[Move, OrderState] | None:
    """Return the move that a line tells of, and where to; None where it tells of none."""
    if line.kind == "order.submitted":
        return Move.SUBMIT, _S.AWAITING_APPROVAL if SECOND_PERSON in line.text else _S.QUEUED
    if line.kind == "order.settled":
        return Move.SETTLE, SETTLED[Resolution(line.data["resolution"])]
    if line.kind == "order.late_answer":
        return next((move for words, move in LATE.items() if words in line.text), None)
    return MOVES.get(line.kind)


def wrong_with_order(lines: Sequence[Line], state: str, version: int) -> list[str]:
    """Return where an order's lines do not follow each other, or lead elsewhere than to where it is."""
    if not lines or lines[0].kind != "order.created":
        return ["history does not begin with its creation"]
    there, versions = _S.DRAFT, 1
    for line in lines[1:]:
        move = move_of(line)
        if line.kind == "order.edited" and there is _S.DRAFT:
            versions += 1
        elif move and is_allowed(move[0], there, move[1]):
            there, versions = move[1], versions + 1
        elif move or line.kind in {"order.edited", "order.created"}:
            return [f"history tells of {line.kind} while it was {there.value}"]
    if there != state:
        return [f"it is {state}, and history leads to {there.value}"]
    return [] if version == versions else [f"its version is {version}, and history tells of {versions}"]


def wrong_with_campaign(lines: Iterable[Line], phase: str) -> list[str]:
    """Return where Flow's words about a campaign do not follow each other, or lead to another phase than its own."""
    there = ""
    for line in lines:
        if line.kind == "campaign.status":
            before, after = line.data["phase"]
            if there and before != there:
                return [f"history tells that it was {before}, after it had told of {there}"]
            there = after
    return [f"it is {phase}, and history tells of {there}"] if there and there != phase else []


def wrong_with_command(
    lines: Iterable[Line], number: int, action: Action, state: CommandState, phase: str
) -> list[str]:
    """Return where a command's lines among its campaign's do not lead to where it is; `phase` is the campaign's now."""
    words = {f"campaign.{action.value}_{what}": what for what in ("asked", "sent", *(end.value for end in CLOSED))}
    lines = list(lines)
    phases = [line.data["phase"] for line in lines if line.kind == "campaign.status"]
    there, seen = "", Phase(phases[0][0] if phases else phase)
    for line in lines:
        if line.kind == "campaign.status":
            seen = Phase(line.data["phase"][1])
        if line.data.get("command") != number or (what := words.get(line.kind)) is None:
            continue
        if (what == "asked") != (there == ""):
            return [f"history tells that it was {what} after {there or 'nothing'}"]
        if there in CLOSED and (there, what) != (CommandState.SUPERSEDED, "sent"):
            return [f"history tells that it was {what} after {there}"]
        if what == CommandState.CONFIRMED and seen not in ACTION_DONE[action]:
            return [f"it was confirmed while Flow's status said {seen.value}"]
        if there not in CLOSED:
            there = what
    if state in CLOSED or there in CLOSED:
        return [] if there == state else [f"it is {state.value}, and history leads to {there or 'nothing'}"]
    return [] if there else ["history does not tell who asked for it"]
