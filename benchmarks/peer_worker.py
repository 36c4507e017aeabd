"""The plain design beside `sync`: one Celery task for each campaign, run by a worker of Celery."""

# ruff: noqa: E402 - models can be imported only once Django is ready

import os
from functools import cache
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")

import django

django.setup()

import requests
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from requests.adapters import HTTPAdapter

from campaigns import gateway
from campaigns.domain.schedule import Followed, next_check
from campaigns.domain.states import ActorKind, Phase
from campaigns.models import Campaign
from campaigns.services import history

app = Celery("peer", broker=settings.CELERY_BROKER_URL, set_as_current=False)
app.conf.update(task_ignore_result=True, task_default_queue="peer", worker_prefetch_multiplier=4)


@cache
def session() -> requests.Session:
    """Return the process's connections, tuned as those of the bare client."""
    made = requests.Session()
    made.trust_env = False
    made.mount("http://", HTTPAdapter(pool_maxsize=64))
    return made


@app.task(name="sync_one")  # type: ignore[untyped-decorator]  # in the library
def sync_one(pk: int) -> None:
    """Ask about one campaign; write its status, its next check and a line of history."""
    campaign = Campaign.objects.get(pk=pk)
    address = f"{settings.FLOW_BASE_URL}/campaigns/status/{campaign.tracking_id}"
    said: dict[str, Any] = session().get(address, headers={"Authorization": "Bearer a-token"}, timeout=20).json()
    now, phase = timezone.now(), gateway.phase_of(said["status"])
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(pk=pk)
        campaign.flow_status, campaign.phase, campaign.message = said["status"], phase.value, said["message"]
        campaign.checked_at = campaign.changed_at = now
        followed = Followed(Phase(phase), campaign.created_at, None, None, campaign.check_interval)
        campaign.next_check_at = next_check(followed, now, 0.5)
        campaign.save()
        history.record("campaign.status", f"Flow: {phase.value}.", now=now, by=ActorKind.FLOW, campaign=campaign)
