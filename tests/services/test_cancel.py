import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Order
from campaigns.services import orders, publishing
from campaigns.services.errors import NotAllowed, Stale
from tests.services.building import NOW, Clock, at_once, draft, everything, kinds, last_event, publish, queued, reload
from tests.services.flow_server import Flow


def cancel(order: Order, user: User, reason: str = " Sold. ") -> Order:
    return orders.cancel(order.pk, order.version, reason=reason, user=user, now=NOW)


def test_ends_an_order_with_its_reason(author: User) -> None:
    order = draft(author)

    cancel(order, author)

    assert (reload(order).state, reload(order).version) == ("cancelled", 2)
    event = last_event(order)
    assert (event.kind, event.actor, event.text) == ("order.cancelled", author, "anna cancelled the order: Sold.")


def test_takes_the_order_out_of_the_queue(author: User, flow: Flow) -> None:
    order = queued(author)

    cancel(order, author)

    assert reload(order).next_attempt_at is None
    assert publish(order).outcome == "skipped"
    assert flow.publishes == []


@pytest.mark.parametrize("reason", ["", " \t"])
def test_asks_for_a_reason(author: User, reason: str) -> None:
    order = draft(author)
    before = everything()

    with pytest.raises(ValidationError) as caught:
        cancel(order, author, reason)

    assert caught.value.message_dict == {"reason": ["Say why the order is cancelled."]}
    assert everything() == before


def test_is_for_those_who_may_submit_orders(author: User, approver: User) -> None:
    order = draft(author)
    before = everything()

    with pytest.raises(NotAllowed, match="ben may not cancel orders"):
        cancel(order, approver)

    assert everything() == before


def test_refuses_another_version_than_the_one_that_was_looked_at(author: User) -> None:
    order = queued(author)
    before = everything()

    with pytest.raises(Stale):
        orders.cancel(order.pk, 1, reason="Sold.", user=author, now=NOW)

    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_either_cancels_before_the_worker_or_says_that_it_came_too_late(author: User, flow: Flow) -> None:
    order = queued(author)

    cancelled, published = at_once(
        lambda: cancel(order, author), lambda: publishing.publish_order(order.pk, clock=Clock())
    )

    assert isinstance(published, publishing.PublishResult)
    if isinstance(cancelled, Order):
        assert (reload(order).state, published.outcome, flow.publishes) == ("cancelled", "skipped", [])
    else:
        assert isinstance(cancelled, Stale)
        assert (reload(order).state, published.outcome, len(flow.publishes)) == ("published", "published", 1)
        assert "order.cancelled" not in kinds(order)
