"""Where each need that depends on the time, or on a listing, begins and ends."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.utils import timezone

from campaigns.domain.late_answers import OTHER_IDS
from campaigns.domain.states import Outcome, Phase
from campaigns.models import Campaign, Event, Listing, Order
from campaigns.models.events import GIVES_AN_ID
from campaigns.selectors import CAMPAIGN_NEEDS, ORDER_NEEDS, needs
from campaigns.selectors.indexed import one_of
from campaigns.services import orders, recording
from campaigns.services.recording import Answer
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
NOBODY = AnonymousUser()


def orders_in(need: str, now: Any) -> list[Order]:
    return list(Order.objects.filter(ORDER_NEEDS[need].rows(NOBODY, now)))


def campaigns_in(need: str, now: Any) -> list[Campaign]:
    return list(Campaign.objects.filter(CAMPAIGN_NEEDS[need].rows(NOBODY, now)))


def test_an_order_without_an_approval_is_in_a_hurry_from_24_hours_before_its_start_on() -> None:
    order = building.awaiting_approval()
    assert order.start_at is not None
    day_before = order.start_at - timedelta(hours=24)
    assert orders_in("hurry", day_before - SECOND) == []
    assert orders_in("hurry", day_before) == [order]
    assert orders_in("hurry", order.start_at + timedelta(days=1)) == [order]


def test_no_other_order_is_in_a_hurry() -> None:
    building.queued()
    building.draft()
    building.awaiting_approval(start_at=None, end_at=None)
    assert orders_in("hurry", timezone.now() + timedelta(days=1)) == []


def test_an_order_is_to_be_mended_when_flow_or_an_approver_said_no() -> None:
    refused, sent_back = building.rejected(), _sent_back()
    building.draft()
    building.awaiting_approval()
    assert set(orders_in("mending", timezone.now())) == {refused, sent_back}


def test_an_order_that_was_sent_back_and_is_on_its_way_again_or_cancelled_needs_no_mending() -> None:
    again, cancelled = _sent_back(), _sent_back()
    author = building.author()
    orders.submit(again.pk, again.version, user=author, now=timezone.now())
    orders.cancel(cancelled.pk, cancelled.version, reason="Sold.", user=author, now=timezone.now())
    assert orders_in("mending", timezone.now()) == []
    assert not Order.objects.filter(not_approved_at__isnull=False).exists()


def test_an_order_that_its_author_returned_to_draft_needs_no_mending() -> None:
    order, author = building.awaiting_approval(), building.author()
    orders.return_to_draft(order.pk, order.version, user=author, now=timezone.now())
    assert orders_in("mending", timezone.now()) == []


def over(tracking_id: str) -> None:
    Campaign.objects.filter(tracking_id=tracking_id).update(phase="cancelled")


def test_an_order_that_is_a_draft_here_and_live_at_flow_needs_somebody_until_its_campaigns_are_over() -> None:
    order = building.live_after_all(building.said_not_live(), "queue_1", "queue_2")
    building.published("queue_3")
    building.draft()
    assert order.state == "draft"
    assert orders_in("by_mistake", timezone.now()) == [order]
    over("queue_1")
    assert orders_in("by_mistake", timezone.now()) == [order]
    over("queue_2")
    assert orders_in("by_mistake", timezone.now()) == []


def test_to_cancel_such_an_order_does_not_take_what_runs_out_of_sight() -> None:
    order, author = building.live_after_all(building.said_not_live(), "queue_1"), building.author()
    orders.cancel(order.pk, order.version, reason="It is live.", user=author, now=timezone.now())
    assert orders_in("by_mistake", timezone.now()) == [order]
    over("queue_1")
    assert orders_in("by_mistake", timezone.now()) == []


def test_an_order_whose_tracking_ids_were_given_to_another_needs_somebody_until_it_is_cancelled() -> None:
    building.published("queue_1")
    order = building.live_after_all(building.said_not_live(), "queue_1")
    assert (order.state, order.campaigns.count()) == ("draft", 0)
    assert orders_in("by_mistake", timezone.now()) == [order]
    orders.cancel(order.pk, order.version, reason="Told.", user=building.author(), now=timezone.now())
    assert orders_in("by_mistake", timezone.now()) == []


def test_a_published_order_of_which_flow_names_other_ids_than_people_gave_needs_somebody_until_all_is_over() -> None:
    order = building.published("queue_1")
    Order.objects.filter(pk=order.pk).update(problem=OTHER_IDS)
    assert orders_in("by_mistake", timezone.now()) == [order]
    over("queue_1")
    assert orders_in("by_mistake", timezone.now()) == []


def test_an_order_that_was_cancelled_and_turns_out_to_be_live_needs_somebody() -> None:
    order, author = building.said_not_live(), building.author()
    orders.cancel(order.pk, order.version, reason="Sold.", user=author, now=timezone.now())
    building.live_after_all(order, "queue_1")
    assert orders_in("by_mistake", timezone.now()) == [order]


def test_an_order_that_was_rejected_and_turns_out_to_be_live_needs_somebody() -> None:
    order, now = building.said_not_live(), timezone.now()
    second = building.claimed(order, now=now)
    building.live_after_all(order, "queue_1")
    no = Answer(Outcome.REJECTED, "Unknown plan reference.", 400, "{}")
    recording.record_answer(second, no, now=now)
    order.refresh_from_db()
    assert order.state == "rejected"
    assert orders_in("by_mistake", now) == [order]


def test_an_order_that_was_rejected_and_is_not_at_flow_is_there_by_no_mistake() -> None:
    building.rejected()
    assert orders_in("by_mistake", timezone.now()) == []


def test_an_order_that_is_live_twice_needs_somebody_until_one_of_the_two_is_over() -> None:
    order = building.published_twice(["queue_1", "queue_2"], ["queue_3"])
    assert orders_in("by_mistake", timezone.now()) == [order]
    over("queue_1")
    assert orders_in("by_mistake", timezone.now()) == [order]
    over("queue_3")
    assert orders_in("by_mistake", timezone.now()) == []


def test_a_queued_order_is_overdue_five_minutes_after_its_turn() -> None:
    order = building.queued()
    assert order.next_attempt_at is not None
    late = order.next_attempt_at + timedelta(minutes=5)
    assert orders_in("overdue", late - SECOND) == []
    assert orders_in("overdue", late) == [order]


def test_a_campaign_ends_soon_from_3_days_before_its_end_until_then() -> None:
    now = timezone.now()
    end = now + timedelta(days=10)
    campaign = building.campaign("queue_1", phase="paused", ends_at=end)
    building.campaign("queue_2", phase="completed", ends_at=end)
    building.campaign("queue_3", phase="live", ends_at=None)
    assert campaigns_in("ending", end - timedelta(days=3) - SECOND) == []
    assert campaigns_in("ending", end - timedelta(days=3)) == [campaign]
    assert campaigns_in("ending", end) == []


def _sent_back() -> Order:
    """Return a draft that an approver sent back."""
    order = building.awaiting_approval()
    boss = User.objects.filter(username="boss").first() or factories.make_user("boss", "approve_order", "view_order")
    return orders.reject(order.pk, order.version, comment="Too dear.", user=boss, now=timezone.now())


GONE = [{"status": "sold"}, {"status": "SOLD"}, {"status": "Withdrawn"}, {"active": False}]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL proves what an index holds, whatever the words")
@pytest.mark.parametrize(
    ("model", "condition", "index"),
    [
        (Campaign, needs.IS_OPEN, "campaign_open"),
        (Campaign, needs.HAS_PROBLEM, "campaign_problem"),
        (Order, needs.HAS_PROBLEM, "order_problem"),
        (Event, one_of("kind", GIVES_AN_ID), "event_gives_id"),
    ],
)
def test_sqlite_can_find_the_few_in_their_own_index(model: Any, condition: Any, index: str) -> None:
    statement, values = model.objects.filter(condition).order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(statement.replace(" WHERE ", f" INDEXED BY {index} WHERE "), values)  # an error where it can't
        assert cursor.fetchall() == []


@pytest.mark.parametrize("gone", GONE, ids=str)
def test_a_campaign_runs_for_a_listing_that_is_gone(gone: dict[str, Any]) -> None:
    branch = factories.make_branch()
    kept, lost = factories.make_listing(branch, status="for sale"), factories.make_listing(branch)
    building.published("queue_1", branch=branch, listings=(kept, lost), agent=None)
    building.published("queue_2", branch=branch, listings=(kept,), agent=None)
    assert campaigns_in("gone", timezone.now()) == []
    Listing.objects.filter(pk=lost.pk).update(**gone)
    assert [campaign.tracking_id for campaign in campaigns_in("gone", timezone.now())] == ["queue_1"]


@pytest.mark.parametrize("phase", list(Phase))
def test_only_a_campaign_that_may_still_spend_runs_for_a_listing_that_is_gone(phase: Phase) -> None:
    campaign = building.campaign("queue_1", phase=phase.value)
    Listing.objects.filter(orders=campaign.order_id).update(status="sold")
    runs = phase in {Phase.QUEUED, Phase.IN_PROGRESS, Phase.LIVE, Phase.UNRECOGNISED}
    assert campaigns_in("gone", timezone.now()) == ([campaign] if runs else [])


def test_each_need_keeps_to_the_rows_that_it_is_asked_of() -> None:
    mine = building.in_doubt(budget_override=Decimal(5))
    building.in_doubt()
    of_branch = Order.objects.filter(branch=mine.branch)
    assert list(of_branch.filter(ORDER_NEEDS["settling"].rows(NOBODY, timezone.now()))) == [mine]
