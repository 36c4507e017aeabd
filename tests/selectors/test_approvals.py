"""Whose turn it is to approve."""

from decimal import Decimal

import pytest
from django.utils import timezone

from campaigns.models import Order
from campaigns.selectors import approvals_for, writers
from campaigns.services import orders
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

APPROVER = (*building.ORDER_STAFF, "approve_order")


def test_orders_wait_for_everybody_who_may_approve_and_wrote_none_of_them() -> None:
    branch = factories.make_branch(approval_threshold=Decimal(1))
    people = {name: factories.make_user(name, *APPROVER, branches=[branch]) for name in ("ann", "ben", "cem", "dan")}
    ann, ben, cem, dan = people.values()
    order = building.draft(ann, branch=branch)
    content = building.content(branch)
    orders.edit_order(order.pk, order.version, content, user=ben, now=timezone.now())
    order.refresh_from_db()
    orders.submit(order.pk, order.version, user=cem, now=timezone.now())
    assert {name: list(approvals_for(user)) for name, user in people.items()} == {
        "ann": [],
        "ben": [],
        "cem": [],
        "dan": [order],
    }
    order.refresh_from_db()
    assert writers(order) == {ann.pk, ben.pk, cem.pk}
    orders.approve(order.pk, order.version, user=dan, now=timezone.now())
    assert list(approvals_for(dan)) == []


def test_orders_of_other_branches_wait_for_others() -> None:
    order = building.awaiting_approval()
    stranger = factories.make_user("stranger", *APPROVER, branches=[factories.make_branch()])
    of_branch = factories.make_user("of_branch", *APPROVER, branches=[order.branch])
    assert list(approvals_for(stranger)) == []
    assert list(approvals_for(of_branch)) == [order]


def test_nothing_waits_for_those_who_may_not_approve() -> None:
    building.awaiting_approval()
    assert list(approvals_for(factories.make_user("reader", "view_order"))) == []
    assert Order.objects.get().state == "awaiting_approval"
