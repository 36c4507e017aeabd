"""Whoever let an order go must still be allowed to when it is sent."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from campaigns.models import Order
from campaigns.services import orders
from campaigns.services.publishing import REMEDY
from tests.factories import make_user
from tests.services.building import NOW, awaiting, kinds, publish, queued, reload
from tests.services.conftest import WRITES
from tests.services.flow_server import Flow


def loses_rights(user: User) -> None:
    user.user_permissions.clear()


def is_switched_off(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


WITHDRAWN = pytest.mark.parametrize("withdraw", [loses_rights, is_switched_off])


@WITHDRAWN
def test_an_order_is_not_sent_when_its_approver_may_no_longer_approve(
    author: User, approver: User, flow: Flow, withdraw: Callable[[User], None]
) -> None:
    order = awaiting(author)
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    withdraw(approver)

    assert publish(order).outcome == "rejected"

    assert flow.publishes == []
    assert reload(order).state == "rejected"
    assert reload(order).problem == f"ben approved the order, but may not do so any more. {REMEDY}"
    assert [(attempt.outcome, attempt.sent_at) for attempt in order.attempts.all()] == [("not_sent", None)]
    assert kinds(order)[-2:] == ["order.claimed", "order.rejected"]


@WITHDRAWN
def test_an_order_that_nobody_approved_is_not_sent_when_its_submitter_may_no_longer_submit(
    author: User, flow: Flow, withdraw: Callable[[User], None]
) -> None:
    order = queued(author)
    withdraw(author)

    assert publish(order).outcome == "rejected"

    assert flow.publishes == []
    assert reload(order).problem == f"anna submitted the order, but may not do so any more. {REMEDY}"


def test_an_approved_order_is_sent_although_its_submitter_has_left(author: User, approver: User, flow: Flow) -> None:
    order = awaiting(author)
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    is_switched_off(author)

    assert publish(order).outcome == "published"


def test_another_person_can_let_it_go(author: User, approver: User, flow: Flow) -> None:
    order = awaiting(author)
    orders.approve(order.pk, order.version, user=approver, now=NOW)
    loses_rights(approver)
    publish(order)
    other = make_user("carl", *WRITES)

    draft = orders.return_to_draft(order.pk, reload(order).version, user=other, now=NOW)
    again = orders.submit(order.pk, draft.version, user=other, now=NOW)
    orders.approve(order.pk, again.version, user=make_user("dora", "approve_order"), now=NOW)

    assert publish(order).outcome == "published"
    assert [body["orderRef"] for body in flow.publishes] == [order.order_ref]


@pytest.mark.usefixtures("unguarded")
def test_an_order_is_not_sent_when_whoever_submitted_it_is_gone(author: User, flow: Flow) -> None:
    order = queued(author)
    Order.objects.filter(pk=order.pk).update(submitted_by=None)

    assert publish(order).outcome == "rejected"

    assert flow.publishes == []
    assert reload(order).problem == f"Nobody submitted the order, but may not do so any more. {REMEDY}"
