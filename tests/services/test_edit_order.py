from dataclasses import replace
from datetime import timedelta, timezone
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Order
from campaigns.services import moves, orders
from campaigns.services.content import Content
from campaigns.services.errors import NotAllowed, Refused, Stale
from tests.factories import make_agent, make_listing
from tests.services.building import (
    DAY,
    NOW,
    at_once,
    awaiting,
    draft,
    everything,
    kinds,
    last_event,
    queued,
    reload,
)


def edited(order: Order, **changes: object) -> Content:
    return replace(Content.of(reload(order)), **changes)  # type: ignore[arg-type]  # fields by name


def test_replaces_the_content_of_a_draft(author: User) -> None:
    order = draft(author)
    wanted = edited(
        order,
        agent=make_agent(order.branch),
        listings=(make_listing(order.branch), make_listing(order.branch)),
        start_at=NOW + DAY,
        end_at=NOW + 2 * DAY,
        budget_override=Decimal("99.90"),
    )

    answer = orders.edit_order(order.pk, 1, wanted, user=author, now=NOW)

    assert answer.version == 2
    assert Content.of(reload(order)) == wanted
    assert (reload(order).state, reload(order).version) == ("draft", 2)


def test_tells_the_history_what_was_and_what_is(author: User) -> None:
    order = draft(author)
    old, new = order.listings.get(), make_listing(order.branch)

    orders.edit_order(order.pk, 1, edited(order, listings=(new,), budget_override=Decimal(10)), user=author, now=NOW)

    event = last_event(order)
    assert (event.kind, event.text, event.actor) == ("order.edited", "anna edited listings, budget_override.", author)
    assert event.data == {
        "listings": [[old.external_id], [new.external_id]],
        "budget_override": [None, "10.00"],
    }


def test_writes_nothing_where_nothing_is_different(author: User) -> None:
    order = draft(author, start_at=NOW + DAY, budget_override=Decimal("10.00"))
    same = edited(
        order,
        start_at=(NOW + DAY).astimezone(timezone(timedelta(hours=2))),
        budget_override=Decimal(10),
    )
    before = everything()

    answer = orders.edit_order(order.pk, 1, same, user=author, now=NOW)

    assert answer.version == 1
    assert everything() == before


def test_refuses_by_field_and_keeps_what_was(author: User) -> None:
    order = draft(author)
    wanted = edited(order, listings=(make_listing(),), start_at=NOW)
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.edit_order(order.pk, 1, wanted, user=author, now=NOW)

    assert set(caught.value.message_dict) == {"listings", "start_at"}
    assert everything() == before


@pytest.mark.parametrize("make", [queued, awaiting])
def test_refuses_an_order_that_is_submitted(author: User, make: object) -> None:
    order = queued(author) if make is queued else awaiting(author)
    wanted = edited(order, budget_override=Decimal(10))
    before = everything()

    with pytest.raises(Refused, match=r"is submitted and can't be edited\. Return it to draft first\."):
        orders.edit_order(order.pk, order.version, wanted, user=author, now=NOW)

    assert everything() == before


def test_refuses_what_was_read_before_somebody_else_edited_it(author: User) -> None:
    order = draft(author)
    orders.edit_order(order.pk, 1, edited(order, budget_override=Decimal(10)), user=author, now=NOW)
    wanted = edited(order, budget_override=Decimal(20))
    before = everything()

    with pytest.raises(Stale, match=r"has changed since you opened it; it is now: Draft\. Nothing was done\."):
        orders.edit_order(order.pk, 1, wanted, user=author, now=NOW)

    assert everything() == before


def test_is_for_those_who_may_edit_orders(author: User, approver: User) -> None:
    order = draft(author)
    wanted = edited(order, budget_override=Decimal(10))
    before = everything()

    with pytest.raises(NotAllowed, match="ben may not edit orders"):
        orders.edit_order(order.pk, 1, wanted, user=approver, now=NOW)

    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_never_lets_a_submit_freeze_half_of_an_edit(author: User) -> None:
    order = draft(author)
    wanted = edited(order, listings=(make_listing(order.branch),), budget_override=Decimal(10))

    results = at_once(
        lambda: orders.edit_order(order.pk, 1, wanted, user=author, now=NOW),
        lambda: orders.submit(order.pk, 1, user=author, now=NOW),
    )

    assert [type(result) for result in results] in ([Order, Stale], [Stale, Order])
    winner = "order.edited" if isinstance(results[0], Order) else "order.submitted"
    assert kinds(order) == ["order.created", winner]
    assert (Content.of(reload(order)) == wanted) is (winner == "order.edited")
    assert bool(reload(order).payload) is (winner == "order.submitted")


@pytest.mark.django_db(transaction=True)
def test_lets_one_of_two_editors_win_and_tells_the_other(author: User) -> None:
    order = draft(author)
    wishes = [edited(order, listings=(make_listing(order.branch),), budget_override=Decimal(n)) for n in (10, 20)]

    results = at_once(
        lambda: orders.edit_order(order.pk, 1, wishes[0], user=author, now=NOW),
        lambda: orders.edit_order(order.pk, 1, wishes[1], user=author, now=NOW),
    )

    assert sorted(type(result).__name__ for result in results) == ["Order", "Stale"]
    [winner] = [index for index, result in enumerate(results) if isinstance(result, Order)]
    assert Content.of(moves.read(order.pk, 2)) == wishes[winner]
