"""A command is confirmed by Flow's own later status and by nothing else."""

from functools import partial

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from campaigns.domain.states import Action, Phase
from campaigns.models import Campaign, Command
from campaigns.services import commands, syncing
from tests.flow.nasty_server import says
from tests.services.building import LEASE, MINUTE, NOW, SECOND, Clock
from tests.services.flow_server import Flow, meanwhile
from tests.services.following import (
    DUE,
    acknowledges,
    again,
    ask,
    check,
    commander,
    latest,
    new_client,
    obeys,
    on_update,
    publish_campaign,
    publish_campaigns,
    send,
    send_interrupted,
    sync,
    updates,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(flow: Flow, author: User) -> Campaign:
    """A live campaign at a Flow that says yes to everything and does nothing by itself."""
    on_update(flow, acknowledges)
    return publish_campaign(flow, author)


def says_now(flow: Flow, campaign: Campaign, status: str) -> None:
    flow.statuses[campaign.tracking_id] = status


@pytest.mark.parametrize(
    ("action", "before", "status", "phase"),
    [
        (Action.PAUSE, "live", "paused", "paused"),
        (Action.RESUME, "paused", "active", "live"),
        (Action.CANCEL, "live", "cancelled", "cancelled"),
    ],
)
def test_flows_own_status_confirms_it(
    flow: Flow, campaign: Campaign, action: Action, before: str, status: str, phase: str
) -> None:
    Campaign.objects.update(phase=before)
    command = send(ask(campaign, action))
    says_now(flow, campaign, status)
    sync(DUE)
    command = latest(command)
    assert (command.state, command.closed_at) == ("confirmed", DUE)
    assert command.words == f"Flow's own status confirms: {phase}."
    assert again(campaign).phase == phase
    event = campaign.events.get(kind=f"campaign.{action.value}_confirmed")
    assert (event.actor_kind, event.at) == ("flow", DUE)
    assert event.text == f"{action.value.capitalize()}: Flow's own status confirms: {phase}."


def test_the_answer_to_the_command_never_confirms_it(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, says(200, {"status": "paused", "message": "Campaign successfully paused."}))
    command = send(ask(campaign))
    assert (command.state, again(campaign).phase) == ("sent", "live")
    sync(DUE)
    assert (latest(command).state, again(campaign).phase) == ("sent", "live")


def test_a_command_that_flow_ignores_stays_unconfirmed(flow: Flow, campaign: Campaign) -> None:
    command = send(ask(campaign))
    for minute in range(1, 20):
        sync(NOW + minute * MINUTE)
    command = latest(command)
    assert (command.state, command.closed_at, command.sends) == ("sent", None, 1)
    assert again(campaign).phase == "live"


def test_an_unknown_word_confirms_nothing(flow: Flow, campaign: Campaign) -> None:
    command = send(ask(campaign))
    says_now(flow, campaign, "pausing")
    sync(DUE)
    assert (latest(command).state, again(campaign).phase) == ("sent", "unrecognised")
    says_now(flow, campaign, "paused")
    sync(DUE + MINUTE)
    assert latest(command).state == "confirmed"


@pytest.mark.parametrize("status", ["queued", "in_progress", "active"])
def test_a_resume_is_confirmed_by_whatever_is_no_longer_paused(flow: Flow, campaign: Campaign, status: str) -> None:
    Campaign.objects.update(phase="paused")
    command = send(ask(campaign, Action.RESUME))
    says_now(flow, campaign, "paused")
    sync(DUE)
    assert latest(command).state == "sent"
    says_now(flow, campaign, status)
    sync(DUE + MINUTE)
    assert latest(command).state == "confirmed"


@pytest.mark.parametrize("action", [Action.PAUSE, Action.CANCEL])
def test_a_campaign_that_ends_meanwhile_fails_the_command_and_says_so(
    flow: Flow, campaign: Campaign, action: Action
) -> None:
    command = send(ask(campaign, action))
    says_now(flow, campaign, "completed")
    sync(DUE)
    command = latest(command)
    assert (command.state, command.closed_at) == ("failed", DUE)
    assert command.words == "The campaign ended before it could be done: completed."
    assert campaign.events.filter(kind=f"campaign.{action.value}_failed").count() == 1
    assert again(campaign).next_check_at is None


def test_a_campaign_that_ends_before_anything_was_sent_spares_flow_the_command(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    says_now(flow, campaign, "completed")
    sync(DUE)
    assert latest(command).state == "failed"
    send(command, now=DUE)
    assert updates(flow) == []


def test_a_status_from_before_the_sending_confirms_nothing(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    says_now(flow, campaign, "paused")
    sync(DUE)
    assert (latest(command).state, again(campaign).phase) == ("asked", "paused")
    assert send(command, now=DUE).state == "sent"
    sync(DUE + SECOND)
    assert latest(command).state == "confirmed"


@pytest.mark.django_db(transaction=True)
def test_a_poll_that_was_under_way_when_it_was_sent_confirms_nothing(flow: Flow, campaign: Campaign) -> None:
    commander()
    sent: list[Command] = []

    def pause() -> None:
        sent.append(send(ask(campaign, now=DUE), now=DUE))

    flow.on_status(meanwhile(pause, says(200, {"status": "paused"})), says(200, {"status": "active"}))
    result = sync(DUE)
    (command,) = sent
    assert (len(flow.asked), result.checked) == (2, 1)
    assert (latest(command).state, again(campaign).phase) == ("sent", "live")
    assert not campaign.events.filter(kind="campaign.status").exists()


@pytest.mark.django_db(transaction=True)
def test_a_poll_that_was_under_way_confirms_nothing_even_when_the_sender_was_interrupted(
    flow: Flow, campaign: Campaign
) -> None:
    command = ask(campaign)
    interrupt = partial(send_interrupted, flow, command, DUE + SECOND)
    paused = says(200, {"status": "paused"})
    flow.on_status(meanwhile(interrupt, paused), paused)
    assert sync(DUE).checked == 1
    assert (latest(command).state, latest(command).sent_at) == ("sent", DUE + SECOND)
    assert sync(DUE + MINUTE).checked == 1
    assert latest(command).state == "confirmed"


@pytest.mark.django_db(transaction=True)
def test_a_poll_during_the_sending_leaves_the_judgement_to_the_next(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    says_now(flow, campaign, "paused")
    polls = []
    on_update(flow, meanwhile(lambda: polls.append(sync(DUE).checked), acknowledges))
    assert send(command).state == "sent"
    assert polls == [1]
    assert again(campaign).next_check_at == NOW
    sync(DUE)
    assert latest(command).state == "confirmed"


def test_a_cancel_that_worked_although_its_worker_died_is_confirmed_and_not_sent_again(
    flow: Flow, campaign: Campaign
) -> None:
    command = ask(campaign, Action.CANCEL)
    Command.objects.update(state="sent", sends=1, sent_at=NOW, next_send_at=NOW + MINUTE, sending_until=NOW + LEASE)
    says_now(flow, campaign, "cancelled")
    now = NOW + SECOND
    while now < NOW + 2 * LEASE:
        sync(now)
        for due in commands.due_commands(now, 10):
            commands.send(due, clock=Clock(now))
        now += 15 * SECOND
    assert latest(command).state == "confirmed"
    assert updates(flow) == []
    assert again(campaign).next_check_at is None


def test_an_unconfirmed_command_of_an_ended_campaign_is_still_judged_when_flow_was_away(
    flow: Flow, campaign: Campaign
) -> None:
    command = ask(campaign, Action.CANCEL)
    Command.objects.update(state="sent", sends=1, sent_at=NOW, sending_until=NOW + LEASE)
    says_now(flow, campaign, "cancelled")
    sync(NOW + SECOND)
    assert again(campaign).phase == "cancelled"
    flow.on_status(says(500, {"error": "oops"}))
    sync(NOW + LEASE)
    due = again(campaign).next_check_at
    assert due == NOW + LEASE + 30 * SECOND
    flow.on_status(says(429, b"", Retry_After="60"))
    sync(due)
    flow.on_status(says(200, {"status": "cancelled"}))
    sync(due + MINUTE)
    assert latest(command).state == "confirmed"
    assert again(campaign).next_check_at is None


def test_an_open_command_makes_flow_asked_every_ten_seconds_and_later_every_minute(
    flow: Flow, campaign: Campaign
) -> None:
    send(ask(campaign))
    sync(NOW + SECOND)
    first = again(campaign).next_check_at
    assert first
    assert 9 * SECOND <= first - (NOW + SECOND) <= 11 * SECOND
    sync(NOW + 6 * MINUTE)
    later = again(campaign).next_check_at
    assert later
    assert 54 * SECOND <= later - (NOW + 6 * MINUTE) <= 66 * SECOND


def test_words_of_the_settings_confirm_as_well(flow: Flow, campaign: Campaign, settings: Settings) -> None:
    settings.FLOW_STATUS_PAUSE, settings.FLOW_STATUS_PHASES = "pause", {"stopped": "paused"}
    new_client()
    on_update(flow, obeys(flow))
    command = send(ask(campaign))
    says_now(flow, campaign, "stopped")
    syncing.check_now([campaign.pk], clock=Clock(DUE))
    assert (latest(command).state, again(campaign).flow_status) == ("confirmed", "stopped")


def test_many_commands_are_judged_a_few_at_a_time_beside_campaigns_without_one(
    flow: Flow, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "COMMANDED_AT_ONCE", 2)
    on_update(flow, obeys(flow))
    *commanded, other = publish_campaigns(flow, author, 6)
    sent = [send(ask(campaign)) for campaign in commanded]
    says_now(flow, other, "paused")
    result = sync(DUE)
    assert (result.checked, result.changed, result.failed) == (6, 6, 0)
    assert [latest(command).state for command in sent] == ["confirmed"] * 5
    for campaign in commanded:
        assert campaign.events.filter(kind="campaign.pause_confirmed").count() == 1
        assert campaign.events.filter(kind="campaign.status").count() == 1
    assert again(other).phase == "paused"


def test_two_campaigns_commands_are_judged_apart(flow: Flow, campaign: Campaign, author: User) -> None:
    other = publish_campaign(flow, author)
    mine, others = send(ask(campaign)), send(ask(other))
    says_now(flow, campaign, "paused")
    check(campaign, other)
    assert (latest(mine).state, latest(others).state) == ("confirmed", "sent")


@pytest.mark.parametrize(("seconds", "state"), [(30, "sent"), (61, "confirmed")])
def test_a_status_proves_nothing_while_a_superseded_command_may_still_come(
    flow: Flow, campaign: Campaign, seconds: int, state: str
) -> None:
    user = commander()
    send(ask(campaign, Action.PAUSE, user=user))
    resume = send(ask(campaign, Action.RESUME, user=user, now=NOW + SECOND), now=NOW + SECOND)
    says_now(flow, campaign, "active")

    check(campaign, now=NOW + seconds * SECOND)

    assert latest(resume).state == state


def test_a_campaign_that_ended_while_a_command_was_on_its_way_is_asked_until_the_command_is_judged(
    flow: Flow, campaign: Campaign
) -> None:
    command = ask(campaign)
    Command.objects.update(state="sent", sends=1, sent_at=NOW, next_send_at=NOW + MINUTE, sending_until=NOW + LEASE)
    says_now(flow, campaign, "completed")

    check(campaign, now=NOW + SECOND)

    assert (latest(command).state, again(campaign).phase) == ("sent", "completed")
    assert again(campaign).next_check_at is not None

    check(campaign, now=NOW + LEASE)

    assert latest(command).state == "failed"
    assert latest(command).words == "The campaign ended before it could be done: completed."
    assert again(campaign).next_check_at is None


def test_a_superseded_command_of_another_campaign_keeps_nobody_waiting(
    flow: Flow, campaign: Campaign, author: User
) -> None:
    other = publish_campaign(flow, author)
    send(ask(other, Action.PAUSE))
    send(ask(other, Action.RESUME, now=NOW + SECOND), now=NOW + SECOND)
    Campaign.objects.filter(pk=campaign.pk).update(phase="paused")
    resume = send(ask(campaign, Action.RESUME, now=NOW + SECOND), now=NOW + SECOND)
    says_now(flow, campaign, "active")

    check(campaign, now=NOW + 30 * SECOND)

    assert latest(resume).state == "confirmed"


def test_a_superseded_command_of_the_same_kind_keeps_nobody_waiting(flow: Flow, campaign: Campaign) -> None:
    send(ask(campaign, Action.PAUSE))
    ask(campaign, Action.RESUME, now=NOW + SECOND)
    pause = send(ask(campaign, Action.PAUSE, now=NOW + 2 * SECOND), now=NOW + 2 * SECOND)
    says_now(flow, campaign, "paused")

    check(campaign, now=NOW + 30 * SECOND)

    assert latest(pause).state == "confirmed"


def test_a_command_that_stays_open_is_told_from_one_that_was_closed(flow: Flow, campaign: Campaign) -> None:
    user = commander()
    send(ask(campaign, Action.PAUSE, user=user))
    resume = send(ask(campaign, Action.RESUME, user=user, now=NOW + SECOND), now=NOW + SECOND)

    soon, later = NOW + 30 * SECOND, NOW + 61 * SECOND
    assert commands.judge(resume, Phase.LIVE, soon, soon) is False  # the pause before it may still come
    assert commands.judge(resume, Phase.PAUSED, later, later) is False
    assert latest(resume).state == "sent"
    assert commands.judge(resume, Phase.LIVE, later, later) is True
    assert latest(resume).state == "confirmed"


def test_a_confirmed_campaign_is_looked_at_once_more_soon(flow: Flow, campaign: Campaign) -> None:
    send(ask(campaign, Action.PAUSE))
    says_now(flow, campaign, "paused")

    check(campaign, now=DUE)

    due = again(campaign).next_check_at
    assert due is not None
    assert 9 * SECOND <= due - DUE <= 11 * SECOND
