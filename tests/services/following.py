"""Campaigns for tests: published through the services; and what Flow is told, and tells, about them."""

from datetime import datetime
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User

from campaigns import gateway
from campaigns.domain.states import Action
from campaigns.models import Campaign, Command
from campaigns.services import commands, syncing
from campaigns.services.syncing import SyncResult
from tests.factories import make_user
from tests.flow.nasty_server import Peer, Play, Received, place_of, says
from tests.services.building import NOW, SECOND, Clock, publish, queued
from tests.services.flow_server import Flow

DUE = NOW + 10 * SECOND
"""When a campaign that was published NOW is due for the first time, whatever the jitter."""
_numbers = count(1)


def publish_campaigns(
    flow: Flow, author: User, number: int = 1, status: str = "active", **changes: Any
) -> list[Campaign]:
    """Publish an order NOW, for which Flow makes so many campaigns of this status."""
    ids = tuple(f"queue_f{next(_numbers)}" for _ in range(number))
    flow.on_publish(flow.accepts(*ids, status=status))
    flow.statuses.update(dict.fromkeys(ids, status))
    order = queued(author, **changes)
    assert publish(order).outcome == "published"
    return list(order.campaigns.order_by("pk"))


def publish_campaign(flow: Flow, author: User, status: str = "active", **changes: Any) -> Campaign:
    """Publish an order NOW, for which Flow makes one campaign of this status."""
    (campaign,) = publish_campaigns(flow, author, status=status, **changes)
    return campaign


def commander(name: str = "carl") -> User:
    """Return a new member of staff who may command campaigns."""
    return make_user(name, "command_campaign", "view_campaign")


def ask(campaign: Campaign, action: Action = Action.PAUSE, *, user: User | None = None, now: datetime = NOW) -> Command:
    person = user or User.objects.filter(username="carl").first() or commander()
    return commands.ask(campaign.pk, action, reason="The house is sold.", user=person, now=now)


def send(command: Command, now: datetime = NOW) -> Command:
    return commands.send(command.pk, clock=Clock(now))


class Interrupt(BaseException):
    """What Celery's time limit is to a task."""


def send_interrupted(flow: Flow, command: Command, now: datetime) -> None:
    """Send a command, and be interrupted right after Flow got it."""
    before = len(updates(flow))

    def clock() -> datetime:
        if len(updates(flow)) > before:
            raise Interrupt
        return now

    with pytest.raises(Interrupt):
        commands.send(command.pk, clock=clock)


def sync(now: datetime = DUE) -> SyncResult:
    return syncing.sync_due(clock=Clock(now), stop_after=60)


def check(*campaigns: Campaign, now: datetime = DUE) -> SyncResult:
    return syncing.check_now([campaign.pk for campaign in campaigns], clock=Clock(now))


def again(campaign: Campaign) -> Campaign:
    """Return the campaign as it is in the database."""
    return Campaign.objects.get(pk=campaign.pk)


def latest(command: Command) -> Command:
    """Return the command as it is in the database."""
    return Command.objects.get(pk=command.pk)


def on_update(flow: Flow, *plays: Play) -> None:
    """Let Flow play this for the pauses, resumes and cancels, one after the other; the last repeats."""
    flow.server.on("update", *plays)


def obeys(flow: Flow) -> Play:
    """Do what is asked, and say so."""

    def play(peer: Peer, request: Received) -> None:
        word = request.json()["status"]
        flow.statuses[request.path.rpartition("/")[2]] = word
        says(200, {"status": word, "message": f"Campaign successfully {word}."})(peer, request)

    return play


def acknowledges(peer: Peer, request: Received) -> None:
    """Say that what is asked was done, and do nothing."""
    says(200, {"status": request.json()["status"], "message": "Done."})(peer, request)


def updates(flow: Flow) -> list[tuple[str, str]]:
    """Return the tracking id and the status word of every pause, resume and cancel that came, oldest first."""
    found = [request for request in flow.server.received if place_of(request) == "update"]
    return [(request.path.rpartition("/")[2], request.json()["status"]) for request in found]


def new_client() -> None:
    """Let the next call be made by a client that knows the settings as they are now, and nothing of the calls before."""
    if gateway._client.cache_info().currsize:
        gateway.client().close()
    gateway._client.cache_clear()
