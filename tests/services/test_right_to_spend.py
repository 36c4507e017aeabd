"""Whoever let an order go, or asked to resume a campaign, must still be allowed to when it is sent."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from campaigns.domain.states import Action
from campaigns.models import Campaign, Order
from campaigns.services import orders
from campaigns.services.publishing import REMEDY
from tests.factories import make_user
from tests.services.building import MINUTE, NOW, awaiting, kinds, publish, queued, reload
from tests.services.conftest import WRITES
from tests.services.flow_server import Flow
from tests.services.following import (
    acknowledges,
    again,
    ask,
    check,
    commander,
    latest,
    obeys,
    on_update,
    publish_campaign,
    send,
    updates,
)


def loses_rights(user: User) -> None:
    user.user_permissions.clear()


def is_switched_off(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def is_let_in_no_more(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


WITHDRAWN = pytest.mark.parametrize("withdraw", [loses_rights, is_switched_off, is_let_in_no_more])


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


def asked_by_carl(flow: Flow, author: User, action: Action) -> tuple[Campaign, User]:
    """Publish a campaign to which the action fits, at a Flow that does what it is asked."""
    on_update(flow, obeys(flow))
    campaign = publish_campaign(flow, author, status="paused" if action is Action.RESUME else "active")
    check(campaign)
    return again(campaign), commander()


@WITHDRAWN
def test_a_campaign_is_not_resumed_for_somebody_who_may_no_longer_ask_for_it(
    author: User, flow: Flow, withdraw: Callable[[User], None]
) -> None:
    campaign, carl = asked_by_carl(flow, author, Action.RESUME)
    command = ask(campaign, Action.RESUME, user=carl)
    withdraw(carl)

    sent = send(command)

    assert updates(flow) == []
    words = "carl asked for it, but may not do so any more. Nothing was sent. Somebody else can ask for it."
    assert (sent.state, sent.words, sent.sends, sent.sent_at) == ("failed", words, 0, None)
    event = campaign.events.latest("pk")
    assert (event.kind, event.actor_kind, event.text) == ("campaign.resume_failed", "scheduler", f"Resume: {words}")
    assert ask(campaign, Action.RESUME, user=commander("dora")).state == "asked"


def test_a_resume_that_flow_ignored_is_not_sent_again_for_somebody_who_may_no_longer_ask_for_it(
    author: User, flow: Flow
) -> None:
    campaign, carl = asked_by_carl(flow, author, Action.RESUME)
    on_update(flow, acknowledges)
    command = send(ask(campaign, Action.RESUME, user=carl))
    check(campaign, now=NOW + MINUTE)
    loses_rights(carl)

    sent = send(command, now=NOW + 5 * MINUTE)

    assert len(updates(flow)) == 1
    words = (
        "carl asked for it, but may not do so any more. It is not sent again: Flow's own status tells what came of it. "
        "Somebody else can ask for it."
    )
    assert (sent.state, sent.words, sent.sends, sent.sent_at) == ("failed", words, 1, NOW)


@pytest.mark.parametrize("action", [Action.PAUSE, Action.CANCEL])
def test_what_stops_money_is_sent_although_whoever_asked_has_left(author: User, flow: Flow, action: Action) -> None:
    campaign, carl = asked_by_carl(flow, author, action)
    command = ask(campaign, action, user=carl)
    is_switched_off(carl)

    assert send(command).state == "sent"
    assert len(updates(flow)) == 1
    assert latest(command).sends == 1
