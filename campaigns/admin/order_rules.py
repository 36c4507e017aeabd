"""When a deed of an order is possible, in words for those who find that it is not."""

from collections.abc import Callable, Collection

from campaigns.admin.actions import state_words
from campaigns.admin.people import either
from campaigns.domain.states import FINAL_PHASES, MOVES, Move, OrderState, Phase, moves_from
from campaigns.models import Order
from campaigns.models.choices import label

FIRST = {
    OrderState.DRAFT: "It has not been submitted yet.",
    OrderState.AWAITING_APPROVAL: "A second person approves or rejects it next; to change it, return it to draft first.",
    OrderState.QUEUED: "A worker sends it within seconds; to stop that, return it to draft first.",
    OrderState.PUBLISHING: "A worker is sending it: load this page again in a few seconds.",
    OrderState.PUBLISHED: "Flow has it: pause or cancel its campaigns, or build a new order.",
    OrderState.REJECTED: "Return it to draft first, mend it and submit it again.",
    OrderState.UNKNOWN: "Nobody knows whether Flow has it: settle the doubt first.",
    OrderState.CANCELLED: "It is over: build a new order.",
}


def only_in(states: Collection[OrderState]) -> Callable[[Order], str]:
    """Return what says, of an order in another state, where the deed is possible and what to do first."""
    where = either([f"“{label(state).lower()}”" for state in OrderState if state in states])

    def not_now(order: Order) -> str:
        return f"Only in the state {where}; this order is “{state_words(order)}”. {_first(order)}"

    return not_now


def is_over(order: Order) -> bool:
    """Say whether the order has campaigns and all of them are over."""
    phases = {Phase(campaign.phase) for campaign in order.campaigns.all()}
    return bool(phases) and phases <= FINAL_PHASES


def _first(order: Order) -> str:
    if order.state == OrderState.PUBLISHED and is_over(order):
        return "Its campaigns are over: to advertise again, renew or duplicate it."
    return FIRST[OrderState(order.state)]


def only(move: Move) -> Callable[[Order], str]:
    """Return what says, of an order that can't make the move, where it is possible and what to do first."""
    return only_in(MOVES[move].keys())


def can(move: Move) -> Callable[[Order], bool]:
    """Return what says whether an order's state allows the move."""
    return lambda order: move in moves_from(OrderState(order.state))
