"""Whoever takes several campaigns waits for the others and not in a circle with them: no deadlock, no work lost."""

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from campaigns.domain.states import Action
from campaigns.models import Campaign
from campaigns.services import commands, syncing
from campaigns.services.errors import Refused
from campaigns.services.history import broken_link
from tests.flow.nasty_server import says
from tests.services.building import NOW, Clock, at_once
from tests.services.flow_server import Flow
from tests.services.following import publish_campaigns

SECONDS = 4.0


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_syncs_marks_and_commands_of_the_same_campaigns_at_once_do_not_stop_each_other(
    flow: Flow, author: User
) -> None:
    campaigns = publish_campaigns(flow, author, 30)
    flow.statuses.update({campaign.tracking_id: "active" for campaign in campaigns})
    flow.server.on("update", says(200, {"status": "paused"}))
    pks = [campaign.pk for campaign in campaigns]
    boss = User.objects.create_superuser("boss", password="x")
    ends = time.monotonic() + SECONDS

    def again_and_again(deed: Callable[[], object]) -> Callable[[], object]:
        def do() -> int:
            times = 0
            while time.monotonic() < ends:
                deed()
                times += 1
            return times

        return do

    def pause_or_resume() -> None:
        for pk in pks[:3]:
            for action in (Action.PAUSE, Action.RESUME):
                try:
                    command = commands.ask(pk, action, reason="Sold.", user=boss, now=NOW)
                except Refused:
                    continue
                commands.send(command.pk, clock=Clock())

    results = at_once(
        *[again_and_again(lambda: syncing.check_now(pks, clock=Clock()))] * 2,
        *[again_and_again(lambda: syncing.check_now(pks[::-1], clock=Clock()))] * 2,
        *[again_and_again(lambda: syncing.mark_due(pks, now=NOW))] * 2,
        again_and_again(pause_or_resume),
    )

    assert [result for result in results if not isinstance(result, int)] == []
    assert broken_link() == ""
    assert Campaign.objects.exclude(poll_mark="").count() == 0
