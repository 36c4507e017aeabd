import pytest

from campaigns.domain.states import (
    ACTION_FITS,
    ACTION_TARGET,
    FINAL_PHASES,
    MOVES,
    Action,
    Move,
    OrderState,
    Phase,
    is_allowed,
    moves_from,
)

# The diagram of an order's life, one line an arrow.
ARROWS = {
    "submit": "draft → awaiting_approval, draft → queued",
    "approve": "awaiting_approval → queued",
    "reject": "awaiting_approval → draft",
    "return": "awaiting_approval → draft, queued → draft, rejected → draft",
    "cancel": "draft → cancelled, awaiting_approval → cancelled, queued → cancelled, rejected → cancelled",
    "claim": "queued → publishing",
    "record": "publishing → published, publishing → rejected, publishing → unknown, publishing → queued",
    "settle": "unknown → published, unknown → queued, unknown → cancelled",
}


@pytest.mark.parametrize("move", Move)
def test_a_move_follows_its_arrows_and_no_others(move: Move) -> None:
    allowed = {f"{old} → {new}" for old in OrderState for new in OrderState if is_allowed(move, old, new)}

    assert allowed == set(ARROWS[move].split(", "))


def test_every_state_but_the_two_ends_has_a_way_on() -> None:
    assert {state for state in OrderState if not moves_from(state)} == {OrderState.PUBLISHED, OrderState.CANCELLED}


def test_every_state_can_be_reached_from_a_draft() -> None:
    reached = {OrderState.DRAFT}
    for _ in OrderState:
        reached |= {new for paths in MOVES.values() for old, news in paths.items() if old in reached for new in news}

    assert reached == set(OrderState)


def test_only_people_take_an_order_out_of_doubt() -> None:
    assert moves_from(OrderState.UNKNOWN) == {Move.SETTLE}


def test_a_published_order_is_never_sent_again() -> None:
    assert moves_from(OrderState.PUBLISHED) == frozenset()
    assert [move for move in Move if OrderState.PUBLISHING in moves_to(move)] == [Move.CLAIM]
    assert set(MOVES[Move.CLAIM]) == {OrderState.QUEUED}


def moves_to(move: Move) -> set[OrderState]:
    return {new for news in MOVES[move].values() for new in news}


def test_nothing_can_be_asked_of_a_campaign_that_is_over() -> None:
    for action in Action:
        assert not ACTION_FITS[action] & FINAL_PHASES


def test_the_money_can_be_stopped_in_every_phase_in_which_it_may_be_spent() -> None:
    assert ACTION_FITS[Action.CANCEL] == set(Phase) - FINAL_PHASES


def test_an_action_is_not_offered_where_its_aim_is_reached() -> None:
    assert {action: phase for action, phase in ACTION_TARGET.items() if phase in ACTION_FITS[action]} == {}
