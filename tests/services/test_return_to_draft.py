import pytest
from django.contrib.auth.models import User

from campaigns.services import orders, publishing
from campaigns.services.errors import NotAllowed, Stale
from tests.services.building import NOW, awaiting, everything, last_event, publish, queued, reload
from tests.services.flow_server import Flow


def test_drops_the_approval_and_what_was_frozen(author: User, approver: User) -> None:
    order = awaiting(author)
    order = orders.approve(order.pk, order.version, user=approver, now=NOW)

    orders.return_to_draft(order.pk, order.version, user=author, now=NOW, reason="Other photos.")

    order = reload(order)
    assert (order.state, order.version, order.next_attempt_at, order.failures) == ("draft", 4, None, 0)
    assert (order.submitted_by, order.submitted_at, order.approved_by, order.approved_at) == (None, None, None, None)
    assert (order.payload, order.payload_sha256, order.budget, order.currency) == ("", "", None, "")
    event = last_event(order)
    assert (event.kind, event.actor) == ("order.returned", author)
    assert event.text == "anna returned the order to draft: Other photos."


def test_needs_the_second_person_again_afterwards(author: User, approver: User) -> None:
    order = awaiting(author)
    order = orders.approve(order.pk, order.version, user=approver, now=NOW)
    order = orders.return_to_draft(order.pk, order.version, user=author, now=NOW)

    assert orders.submit(order.pk, order.version, user=author, now=NOW).state == "awaiting_approval"


def test_takes_the_order_out_of_the_queue(author: User, flow: Flow) -> None:
    order = queued(author)
    orders.return_to_draft(order.pk, order.version, user=author, now=NOW)

    assert publishing.due_orders(NOW, 10) == []
    assert publish(order).outcome == "skipped"
    assert flow.publishes == []


def test_needs_no_reason(author: User) -> None:
    order = queued(author)

    orders.return_to_draft(order.pk, order.version, user=author, now=NOW)

    assert last_event(order).text == "anna returned the order to draft."


def test_is_for_those_who_may_submit_orders(author: User, approver: User) -> None:
    order = queued(author)
    before = everything()

    with pytest.raises(NotAllowed, match="ben may not return orders to draft"):
        orders.return_to_draft(order.pk, order.version, user=approver, now=NOW)

    assert everything() == before


def test_refuses_another_version_than_the_one_that_was_looked_at(author: User) -> None:
    order = queued(author)
    before = everything()

    with pytest.raises(Stale):
        orders.return_to_draft(order.pk, order.version - 1, user=author, now=NOW)

    assert everything() == before
