"""Row `sync`: due campaigns are polled and the database is written; beside it, one campaign after the other."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import gateway
from campaigns.domain.states import Phase
from campaigns.models import Attempt, Branch, Campaign, Order, Plan
from campaigns.services import syncing


def make_campaigns(count: int) -> None:
    """Write one draft with an attempt and `count` campaigns of it."""
    now = timezone.now()
    user = User.objects.create(username="benchmark")
    branch = Branch.objects.create(external_id="B1", name="Branch")
    plan = Plan.objects.create(ref="P1", name="Plan", default_budget=100, duration_days=7)
    order = Order.objects.create(order_ref="O-1", plan=plan, branch=branch, created_by=user, created_at=now)
    attempt = Attempt.objects.create(
        order=order, number=1, order_version=1, worker="-", claimed_at=now, lease_until=now, outcome="published"
    )
    Campaign.objects.bulk_create(
        Campaign(
            tracking_id=f"queue_{number}",
            order=order,
            attempt=attempt,
            branch=branch,
            created_at=now,
            check_interval=timedelta(seconds=30),
        )
        for number in range(count)
    )


def reset() -> None:
    """Make every campaign due, and every answer news."""
    Campaign.objects.update(
        phase=Phase.QUEUED.value, flow_status="", message="", flow_campaign_id="", next_check_at=timezone.now()
    )


def ours() -> None:
    """Sync all that is due."""
    result = syncing.sync_due(stop_after=600)
    if result.changed != Campaign.objects.count():
        raise RuntimeError(f"not every campaign was synced: {result}")


def one_by_one() -> None:
    """Ask about one campaign after the other with the same client, and save each."""
    client = gateway.client()
    for campaign in Campaign.objects.all():
        answer = client.campaign_status(campaign.tracking_id)
        campaign.flow_status, campaign.phase = answer.status, gateway.phase_of(answer.status).value
        campaign.message, campaign.checked_at = answer.message, timezone.now()
        campaign.save()


def seconds(work: Callable[[], None]) -> float:
    """Return how long one run takes, from a fresh start."""
    reset()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
