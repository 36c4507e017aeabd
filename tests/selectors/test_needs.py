"""Where each need that depends on the time, or on a listing, begins and ends."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from campaigns.domain.states import Phase
from campaigns.models import Campaign, Listing, Order
from campaigns.selectors import CAMPAIGN_NEEDS, ORDER_NEEDS
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


GONE = [{"status": "sold"}, {"status": "SOLD"}, {"status": "Withdrawn"}, {"active": False}]


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
