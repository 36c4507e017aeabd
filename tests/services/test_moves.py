from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.domain.states import Move, OrderState
from campaigns.models import Order
from campaigns.services import moves, orders
from campaigns.services.errors import Refused, Stale
from tests.factories import make_agent, make_branch
from tests.services.building import NOW, draft, everything, reload

# The moves as the services have them, and no rows that would bear them out: those are the guards' (see test_guards.py).
pytestmark = pytest.mark.usefixtures("unguarded")

S = OrderState
ROADS: dict[OrderState, list[tuple[Move, OrderState]]] = {
    S.DRAFT: [],
    S.AWAITING_APPROVAL: [(Move.SUBMIT, S.AWAITING_APPROVAL)],
    S.QUEUED: [(Move.SUBMIT, S.QUEUED)],
    S.PUBLISHING: [(Move.SUBMIT, S.QUEUED), (Move.CLAIM, S.PUBLISHING)],
    S.PUBLISHED: [(Move.SUBMIT, S.QUEUED), (Move.CLAIM, S.PUBLISHING), (Move.RECORD, S.PUBLISHED)],
    S.REJECTED: [(Move.SUBMIT, S.QUEUED), (Move.CLAIM, S.PUBLISHING), (Move.RECORD, S.REJECTED)],
    S.UNKNOWN: [(Move.SUBMIT, S.QUEUED), (Move.CLAIM, S.PUBLISHING), (Move.RECORD, S.UNKNOWN)],
    S.CANCELLED: [(Move.CANCEL, S.CANCELLED)],
}
ALLOWED = {
    (Move.SUBMIT, S.DRAFT): {S.AWAITING_APPROVAL, S.QUEUED},
    (Move.APPROVE, S.AWAITING_APPROVAL): {S.QUEUED},
    (Move.REJECT, S.AWAITING_APPROVAL): {S.DRAFT},
    (Move.RETURN, S.AWAITING_APPROVAL): {S.DRAFT},
    (Move.RETURN, S.QUEUED): {S.DRAFT},
    (Move.RETURN, S.REJECTED): {S.DRAFT},
    (Move.CANCEL, S.DRAFT): {S.CANCELLED},
    (Move.CANCEL, S.AWAITING_APPROVAL): {S.CANCELLED},
    (Move.CANCEL, S.QUEUED): {S.CANCELLED},
    (Move.CANCEL, S.REJECTED): {S.CANCELLED},
    (Move.CLAIM, S.QUEUED): {S.PUBLISHING},
    (Move.RECORD, S.PUBLISHING): {S.PUBLISHED, S.REJECTED, S.UNKNOWN, S.QUEUED},
    (Move.SETTLE, S.UNKNOWN): {S.PUBLISHED, S.QUEUED, S.CANCELLED},
}
DEEDS: dict[Move, Callable[..., Order]] = {
    Move.SUBMIT: lambda order, boss: orders.submit(order.pk, order.version, user=boss, now=NOW),
    Move.APPROVE: lambda order, boss: orders.approve(order.pk, order.version, user=boss, now=NOW),
    Move.REJECT: lambda order, boss: orders.reject(order.pk, order.version, comment="No.", user=boss, now=NOW),
    Move.RETURN: lambda order, boss: orders.return_to_draft(order.pk, order.version, user=boss, now=NOW),
    Move.CANCEL: lambda order, boss: orders.cancel(order.pk, order.version, reason="Sold.", user=boss, now=NOW),
}


@pytest.fixture
def boss(db: None) -> User:
    """Somebody who may do everything, and wrote nothing."""
    return User.objects.create_superuser("boss")


def in_state(author: User, state: OrderState) -> Order:
    order = draft(author)
    frozen: dict[str, Any] = {"payload": '{"planRef":"p","listingExternalIds":[],"branchId":"b"}', "currency": "ZAR"}
    for number, (move, new) in enumerate(ROADS[state]):
        moves.move(order, move, new, **(frozen | {"budget": order.plan.default_budget} if number == 0 else {}))
    return reload(order)


@pytest.mark.parametrize("old", OrderState)
@pytest.mark.parametrize("move", Move)
def test_allows_what_the_table_allows_and_nothing_else(author: User, move: Move, old: OrderState) -> None:
    order = in_state(author, old)

    for new in OrderState:
        if new in ALLOWED.get((move, old), set()):
            continue
        before = everything()
        with pytest.raises(Refused, match=r"Nothing was done\."):
            moves.move(order, move, new)
        assert everything() == before
    for new in ALLOWED.get((move, old), set()):
        fresh = in_state(author, old)
        moves.move(fresh, move, new, approved_by=author)
        assert (reload(fresh).state, reload(fresh).version) == (new, fresh.version)


@pytest.mark.parametrize("old", OrderState)
@pytest.mark.parametrize("move", DEEDS)
def test_people_can_do_what_the_table_allows_and_nothing_else(
    author: User, boss: User, move: Move, old: OrderState
) -> None:
    order = in_state(author, old)
    before = everything()

    if allowed := ALLOWED.get((move, old)):
        assert DEEDS[move](order, boss).state in allowed
        assert reload(order).state in allowed
        assert reload(order).version == order.version + 1
    else:
        with pytest.raises(Refused, match=f"it can't {move} from there"):
            DEEDS[move](order, boss)
        assert everything() == before


def test_says_from_where_a_move_is_not_possible_and_where_it_does_not_lead(author: User) -> None:
    waiting, fresh = in_state(author, S.AWAITING_APPROVAL), draft(author)

    with pytest.raises(Refused) as from_there:
        moves.check(waiting, Move.CLAIM)
    with pytest.raises(Refused) as to_there:
        moves.move(fresh, Move.SUBMIT, S.PUBLISHED)

    assert str(from_there.value) == (
        f"Order {waiting.order_ref} is awaiting approval: it can't claim from there. Nothing was done."
    )
    assert str(to_there.value) == f"Order {fresh.order_ref} can't become published by that. Nothing was done."


def test_changes_what_it_is_given_in_the_database_and_in_hand(author: User) -> None:
    order = draft(author)

    moves.move(order, Move.CANCEL, S.CANCELLED, problem="Sold.")

    assert (order.state, order.version, order.problem) == ("cancelled", 2, "Sold.")
    assert (reload(order).state, reload(order).version, reload(order).problem) == ("cancelled", 2, "Sold.")


def test_refuses_an_order_that_somebody_else_has_moved(author: User) -> None:
    order, same = draft(author), Order.objects.get()
    moves.move(same, Move.SUBMIT, S.QUEUED)
    before = everything()

    with pytest.raises(Stale, match=rf"Somebody else has just moved order {order.order_ref}\. Nothing was done\."):
        moves.move(order, Move.SUBMIT, S.QUEUED)

    assert (order.state, order.version) == ("draft", 1)
    assert everything() == before


def test_refuses_the_same_state_in_another_version(author: User) -> None:
    order, same = draft(author), Order.objects.get()
    moves.move(same, Move.SUBMIT, S.QUEUED)
    moves.move(same, Move.RETURN, S.DRAFT)

    with pytest.raises(Stale):
        moves.move(order, Move.CANCEL, S.CANCELLED)

    assert reload(order).state == "draft"


def test_reads_an_order_with_all_that_it_is_for_in_one_query(author: User) -> None:
    branch = make_branch()
    written = draft(author, branch=branch, agent=make_agent(branch))

    with CaptureQueriesContext(connection) as queries:
        order = moves.read(written.pk)
        assert (order.plan, order.branch, order.agent) == (written.plan, branch, written.agent)

    assert len(queries) == 1


def test_reads_a_version_or_says_what_the_order_is_now(author: User) -> None:
    order = draft(author)

    assert moves.read(order.pk, 1) == moves.read(order.pk) == order
    with pytest.raises(Stale) as caught:
        moves.read(order.pk, 2)
    assert str(caught.value) == (
        f"Order {order.order_ref} has changed since you opened it; it is now: Draft. "
        "Nothing was done. Look at it again and decide anew."
    )
    with pytest.raises(ValidationError):
        orders.cancel(order.pk, 1, reason="", user=User.objects.create_superuser("boss"), now=NOW)
