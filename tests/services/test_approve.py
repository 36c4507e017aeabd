from dataclasses import replace
from decimal import Decimal

import pytest
from django.contrib.auth.models import User

from campaigns.models import Order, Plan
from campaigns.services import orders
from campaigns.services.content import Content
from campaigns.services.errors import NotAllowed, Refused, Stale
from tests.factories import make_branch, make_user
from tests.services.building import (
    DAY,
    MINUTE,
    NOW,
    at_once,
    awaiting,
    draft,
    everything,
    kinds,
    last_event,
    reload,
)

LATER = NOW + MINUTE


def approve(order: Order, user: User) -> Order:
    return orders.approve(order.pk, order.version, user=user, now=LATER)


def test_lets_the_order_go_to_the_workers_as_it_was_submitted(author: User, approver: User) -> None:
    submitted = awaiting(author)

    approve(submitted, approver)

    order = reload(submitted)
    assert (order.state, order.version, order.next_attempt_at) == ("queued", 3, LATER)
    assert (order.approved_by, order.approved_at) == (approver, LATER)
    assert (order.payload, order.payload_sha256) == (submitted.payload, submitted.payload_sha256)
    event = last_event(order)
    assert (event.kind, event.actor, event.text) == ("order.approved", approver, "ben approved 1,500.00 ZAR.")
    assert event.data == {"payload_sha256": order.payload_sha256, "version": 3}


@pytest.mark.parametrize("role", ["creator", "editor", "submitter"])
@pytest.mark.parametrize("superuser", [False, True], ids=["staff", "superuser"])
def test_is_not_for_whoever_wrote_any_of_it(author: User, role: str, superuser: bool) -> None:
    people = {
        each: make_user(each, "add_order", "change_order", "submit_order", "approve_order", is_superuser=superuser)
        for each in ("creator", "editor", "submitter")
    }
    order = draft(people["creator"], branch=make_branch(approval_threshold=0))
    wanted = replace(Content.of(reload(order)), budget_override=Decimal(10))
    order = orders.edit_order(order.pk, 1, wanted, user=people["editor"], now=NOW)
    order = orders.submit(order.pk, order.version, user=people["submitter"], now=NOW)
    before = everything()

    with pytest.raises(NotAllowed, match=f"{role} wrote or submitted order .*, so somebody else must approve it"):
        approve(order, people[role])

    assert everything() == before


def test_is_not_for_the_writer_after_a_return_to_draft_by_somebody_else(author: User, approver: User) -> None:
    both = make_user("both", "add_order", "submit_order", "approve_order")
    order = awaiting(both)
    order = orders.return_to_draft(order.pk, order.version, user=author, now=NOW)
    order = orders.submit(order.pk, order.version, user=author, now=NOW)

    with pytest.raises(NotAllowed):
        approve(order, both)
    assert reload(order).state == "awaiting_approval"

    assert approve(order, approver).state == "queued"


def test_is_for_those_who_may_approve_orders(author: User) -> None:
    order = awaiting(author)
    colleague = make_user("carl", "submit_order")
    before = everything()

    with pytest.raises(NotAllowed, match="carl may not approve orders"):
        approve(order, colleague)

    assert everything() == before


def test_refuses_another_version_than_the_one_that_was_looked_at(author: User, approver: User) -> None:
    order = awaiting(author)
    seen = order.version
    returned = orders.return_to_draft(order.pk, seen, user=author, now=NOW)
    wanted = replace(Content.of(reload(order)), budget_override=Decimal("90000.00"))
    returned = orders.edit_order(order.pk, returned.version, wanted, user=author, now=NOW)
    orders.submit(order.pk, returned.version, user=author, now=NOW)
    before = everything()

    with pytest.raises(Stale, match="has changed since you opened it; it is now: Awaiting approval"):
        orders.approve(order.pk, seen, user=approver, now=LATER)

    assert everything() == before


def test_refuses_an_order_whose_start_has_passed(author: User, approver: User) -> None:
    order = awaiting(author, start_at=NOW + DAY)
    before = everything()

    with pytest.raises(
        Refused, match=r"is in the past.* Reject the order with a comment, so that its author can mend it"
    ):
        orders.approve(order.pk, order.version, user=approver, now=NOW + DAY)

    assert everything() == before


@pytest.mark.parametrize("override", [None, "1500.00"])
def test_refuses_a_price_that_is_not_the_one_that_was_submitted(
    author: User, approver: User, override: str | None
) -> None:
    order = awaiting(author, budget_override=None if override is None else Decimal(override))
    Plan.objects.filter(pk=order.plan_id).update(default_budget="5000.00")
    before = everything()

    with pytest.raises(Refused) as caught:
        approve(order, approver)

    assert str(caught.value) == (
        f"Plan {order.plan} costs 5,000.00 ZAR now, but the order was submitted for 1,500.00 ZAR. "
        "Return it to draft, look at the budget and submit it again. "
        "Reject the order with a comment, so that its author can mend it."
    )
    assert everything() == before


def test_refuses_a_currency_that_is_not_the_one_that_was_submitted(author: User, approver: User) -> None:
    order = awaiting(author, budget_override=Decimal("2000.00"))
    Plan.objects.filter(pk=order.plan_id).update(currency="EUR")

    with pytest.raises(Refused, match=r"costs 1,500\.00 EUR now, but the order was submitted for 2,000\.00 ZAR"):
        approve(order, approver)

    assert reload(order).state == "awaiting_approval"


def test_does_not_mind_the_plans_new_price_where_the_order_names_its_own(author: User, approver: User) -> None:
    order = awaiting(author, budget_override=Decimal("2000.00"))
    Plan.objects.filter(pk=order.plan_id).update(default_budget="5000.00")

    assert approve(order, approver).state == "queued"


@pytest.mark.django_db(transaction=True)
def test_lets_one_of_two_approvers_win_and_tells_the_other(author: User, approver: User) -> None:
    order = awaiting(author)
    second = make_user("carl", "approve_order")

    results = at_once(lambda: approve(order, approver), lambda: approve(order, second))

    assert sorted(type(result).__name__ for result in results) == ["Order", "Stale"]
    assert kinds(order) == ["order.created", "order.submitted", "order.approved"]
    winner = approver if isinstance(results[0], Order) else second
    assert reload(order).approved_by == winner
    assert last_event(order).actor == winner


@pytest.mark.django_db(transaction=True)
def test_never_approves_and_rejects_at_once(author: User, approver: User) -> None:
    order = awaiting(author)
    second = make_user("carl", "approve_order")

    results = at_once(
        lambda: approve(order, approver),
        lambda: orders.reject(order.pk, order.version, comment="No.", user=second, now=LATER),
    )

    assert sorted(type(result).__name__ for result in results) == ["Order", "Stale"]
    assert len(kinds(order)) == 3
    assert (reload(order).state == "queued") is isinstance(results[0], Order)
