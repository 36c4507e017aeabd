"""Marking campaigns so that the next sync asks about them."""

import pytest
from django.contrib.auth.models import User

from campaigns.models import Campaign, Event
from campaigns.services import syncing
from tests.services.building import MINUTE, NOW
from tests.services.flow_server import Flow
from tests.services.following import DUE, again, publish_campaigns, sync

pytestmark = pytest.mark.django_db


def test_marked_campaigns_are_asked_about_by_the_next_sync_and_nobody_is_asked_before(flow: Flow, author: User) -> None:
    first, second, other = publish_campaigns(flow, author, 3)
    sync(DUE)
    before, events = len(flow.asked), Event.objects.count()
    now = DUE + MINUTE
    assert syncing.mark_due([first.pk, second.pk], now=now) == 2
    assert len(flow.asked) == before
    assert sync(now).checked == 2
    assert sorted(flow.asked[before:]) == sorted([first.tracking_id, second.tracking_id])
    assert again(other).checked_at == DUE
    assert Event.objects.count() == events


@pytest.mark.parametrize("phase", ["completed", "cancelled", "failed"])
def test_final_campaigns_are_left_alone_and_not_counted(flow: Flow, author: User, phase: str) -> None:
    live, final = publish_campaigns(flow, author, 2)
    Campaign.objects.filter(pk=final.pk).update(phase=phase, next_check_at=None)
    assert syncing.mark_due([live.pk, final.pk], now=NOW) == 1
    assert (again(live).next_check_at, again(final).next_check_at) == (NOW, None)


def test_marking_nobody_or_nobody_there_marks_nothing(flow: Flow, author: User) -> None:
    (campaign,) = publish_campaigns(flow, author, 1)
    assert syncing.mark_due([], now=DUE) == 0
    assert syncing.mark_due([campaign.pk + 1000], now=DUE) == 0
    assert again(campaign).next_check_at == campaign.next_check_at
