"""An order that comes too late gets a new start, and an end that keeps its length, by the usual moves."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Order
from campaigns.services import orders
from campaigns.services.errors import NotAllowed, Refused, Stale
from campaigns.services.rescuing import rescue_start
from tests.factories import make_branch, make_user
from tests.services.building import DAY, MINUTE, NOW, awaiting, draft, everything, kinds, publish, queued, reload
from tests.services.flow_server import Flow

LATE = NOW + DAY + MINUTE
NEW = NOW + 2 * DAY


def dates(**more: object) -> dict[str, object]:
    return {"start_at": NOW + DAY, "end_at": NOW + 8 * DAY, **more}


def test_a_draft_is_edited(author: User) -> None:
    order = draft(author, **dates())
    moved = rescue_start(order.pk, 1, NEW, user=author, now=LATE)
    assert (reload(order).start_at, reload(order).end_at) == (NEW, NOW + 9 * DAY)
    assert (moved.state, moved.version) == ("draft", 2)
    assert kinds(order) == ["order.created", "order.edited"]


def test_an_order_without_an_end_keeps_none(author: User) -> None:
    order = draft(author, **dates(end_at=None))
    rescue_start(order.pk, 1, NEW, user=author, now=LATE)
    assert (reload(order).start_at, reload(order).end_at) == (NEW, None)


def test_an_approved_order_becomes_a_draft_without_its_approval_and_is_not_submitted(
    author: User, approver: User
) -> None:
    order = awaiting(author, **dates())
    order = orders.approve(order.pk, order.version, user=approver, now=NOW)

    rescue_start(order.pk, order.version, NEW, user=author, now=LATE)

    rescued = reload(order)
    assert (rescued.state, rescued.approved_by, rescued.submitted_by, rescued.payload) == ("draft", None, None, "")
    assert (rescued.start_at, rescued.end_at) == (NEW, NOW + 9 * DAY)
    assert kinds(order)[-2:] == ["order.returned", "order.edited"]


def test_an_order_that_was_rejected_because_it_came_too_late_is_rescued(author: User, flow: Flow) -> None:
    flow.on_publish()
    order = queued(author, **dates())
    publish(order, LATE)
    rejected = reload(order)
    assert rejected.state == "rejected"

    rescue_start(order.pk, rejected.version, NEW, user=author, now=LATE)

    assert (reload(order).state, reload(order).start_at) == ("draft", NEW)


def test_an_order_in_time_is_left_alone(author: User) -> None:
    order = queued(author, **dates())
    before = everything()
    with pytest.raises(Refused, match="does not start too late"):
        rescue_start(order.pk, order.version, NEW, user=author, now=NOW)
    assert everything() == before


def test_a_start_that_has_become_too_close_meanwhile_is_refused(author: User) -> None:
    order = draft(author, **dates())
    before = everything()
    with pytest.raises(Stale, match=r"The start that you were shown, 2 Jan 2030, 11:10 SAST, is too close now\."):
        rescue_start(order.pk, 1, LATE + timedelta(minutes=9), user=author, now=LATE)
    assert everything() == before


def test_an_order_that_has_moved_on_is_refused(author: User) -> None:
    order = queued(author, **dates())
    orders.cancel(order.pk, order.version, reason="x", user=author, now=NOW)
    before = everything()
    with pytest.raises(Stale):
        rescue_start(order.pk, order.version, NEW, user=author, now=LATE)
    with pytest.raises(Refused, match="can't be edited any more"):
        rescue_start(order.pk, order.version + 1, NEW, user=author, now=LATE)
    assert everything() == before


def test_where_another_rule_does_not_hold_the_order_stays_submitted(author: User) -> None:
    order = queued(author, **dates())
    order.listings.update(active=False)
    before = everything()
    with pytest.raises(ValidationError, match="is not active"):
        rescue_start(order.pk, order.version, NEW, user=author, now=LATE)
    assert everything() == before


def test_both_permissions_are_asked_for_and_the_branch(author: User) -> None:
    order: Order = queued(author, **dates())
    before = everything()
    people = (
        make_user("dina", "view_order", "submit_order"),
        make_user("eve", "view_order", "change_order"),
        make_user("finn", "change_order", "submit_order", branches=[make_branch()]),
    )
    for user in people:
        with pytest.raises(NotAllowed):
            rescue_start(order.pk, order.version, NEW, user=user, now=LATE)
    assert everything() == before
