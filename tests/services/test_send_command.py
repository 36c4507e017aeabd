"""Sending a command to Flow: once, in the right words, and never taken for done by Flow's answer alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from campaigns.domain.states import Action
from campaigns.models import Campaign, Command, Hold
from campaigns.services import commands
from tests.flow.nasty_server import Peer, Play, Received, black_hole, falls_silent, says, then_resets
from tests.services.building import LEASE, MINUTE, NOW, SECOND, Clock, at_once
from tests.services.flow_server import TOKEN, Flow, meanwhile
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
    send,
    send_interrupted,
    sync,
    updates,
)

pytestmark = pytest.mark.django_db
NO = {"error": "Campaign is locked."}


@pytest.fixture
def campaign(flow: Flow, author: User) -> Campaign:
    """A live campaign at a Flow that does what it is asked."""
    on_update(flow, obeys(flow))
    return publish_campaign(flow, author)


def test_flow_is_told_the_word_and_the_reason(flow: Flow, campaign: Campaign) -> None:
    sent = send(ask(campaign))
    (request,) = flow.server.at("update")
    assert request.path == f"/campaigns/status/{campaign.tracking_id}"
    assert request.json() == {"status": "paused", "reason": "The house is sold."}
    assert request.bearer == TOKEN
    assert (sent.state, sent.sends, sent.sent_at, sent.sending_until) == ("sent", 1, NOW, None)
    assert (sent.http_status, sent.words, sent.closed_at) == (200, "Campaign successfully paused.", None)
    event = campaign.events.latest("pk")
    assert (event.kind, event.actor_kind) == ("campaign.pause_sent", "scheduler")
    assert event.text == "Asked Flow to pause; not confirmed yet. Campaign successfully paused."
    assert event.data == {"command": sent.pk}


@pytest.mark.parametrize(
    ("action", "setting", "phase"),
    [
        (Action.PAUSE, "FLOW_STATUS_PAUSE", "live"),
        (Action.RESUME, "FLOW_STATUS_RESUME", "paused"),
        (Action.CANCEL, "FLOW_STATUS_CANCEL", "live"),
    ],
)
def test_flows_words_come_from_the_settings(
    flow: Flow, campaign: Campaign, settings: Settings, action: Action, setting: str, phase: str
) -> None:
    setattr(settings, setting, "ein-Wort")
    Campaign.objects.update(phase=phase)
    send(ask(campaign, action))
    assert updates(flow) == [(campaign.tracking_id, "ein-Wort")]


def test_it_counts_as_sent_from_when_flow_has_answered(flow: Flow, campaign: Campaign) -> None:
    clock = Clock()

    def answers_after_a_while(peer: Peer, request: Received) -> None:
        clock.now += 20 * SECOND
        acknowledges(peer, request)

    on_update(flow, answers_after_a_while)
    command = ask(campaign)

    assert commands.send(command.pk, clock=clock).sent_at == NOW + 20 * SECOND


def test_after_sending_the_campaign_is_due_at_once(flow: Flow, campaign: Campaign) -> None:
    check(campaign)
    before = again(campaign)
    send(ask(campaign, now=NOW + MINUTE), now=NOW + MINUTE)
    now = again(campaign)
    assert (now.next_check_at, now.command_number) == (NOW + MINUTE, before.command_number + 2)


def test_a_200_with_an_error_is_kept_as_flows_words_and_proves_nothing(flow: Flow, campaign: Campaign) -> None:
    words = "Campaign pausing unsuccessful, please contact Flow for further assistance"
    on_update(flow, says(200, {"status": "paused", "message": "Campaign successfully paused.", "error": words}))
    sent = send(ask(campaign))
    assert (sent.state, sent.words, sent.closed_at) == ("sent", words, None)
    assert again(campaign).phase == "live"


@pytest.mark.parametrize(("status", "age"), [(400, timedelta(0)), (400, timedelta(hours=1)), (404, 30 * MINUTE)])
def test_flows_no_ends_the_command_with_flows_words(
    flow: Flow, campaign: Campaign, status: int, age: timedelta
) -> None:
    on_update(flow, says(status, NO))
    now = NOW + age
    failed = send(ask(campaign, now=now - SECOND), now=now)
    assert (failed.state, failed.http_status, failed.closed_at) == ("failed", status, now)
    assert failed.words == "Flow said no: Campaign is locked."
    event = campaign.events.latest("pk")
    assert (event.kind, event.text) == ("campaign.pause_failed", "Pause: Flow said no: Campaign is locked.")
    assert again(campaign).next_check_at == now
    send(failed, now=now + LEASE)
    assert len(updates(flow)) == 1


def test_a_404_soon_after_publishing_is_taken_for_flows_lag_and_tried_again(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, says(404, {"error": "campaign not found"}), obeys(flow))
    command = send(ask(campaign))
    assert (command.state, command.sends, command.sent_at, command.failures) == ("asked", 0, None, 1)
    assert (command.http_status, command.next_send_at) == (404, NOW + 30 * SECOND)
    assert command.words.startswith(
        "Flow does not know the campaign yet: Flow refused the command (HTTP 404): campaign not found"
    )
    assert command.words.endswith("It is tried again at 1 Jan 2030, 11:00 SAST.")
    send(command, now=NOW + 29 * SECOND)
    assert len(updates(flow)) == 1
    sent = send(command, now=NOW + 30 * SECOND)
    assert (sent.state, sent.failures) == ("sent", 0)
    assert len(updates(flow)) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_refreshed_and_the_command_sent_once_more(
    flow: Flow, campaign: Campaign, status: int
) -> None:
    on_update(flow, says(status, {"error": "JWT expired"}), obeys(flow))
    before = len(flow.server.at("token"))
    command = send(ask(campaign))
    assert (command.state, command.sends, command.http_status) == ("sent", 1, 200)
    assert len(updates(flow)) == 2
    assert len(flow.server.at("token")) == before + 1


def test_a_token_that_is_refused_again_and_again_is_tried_later(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, says(401, {"error": "invalid access token"}))
    command = send(ask(campaign))
    assert (command.state, command.sends, command.sent_at) == ("asked", 0, None)
    assert command.next_send_at == NOW + 30 * SECOND
    assert len(updates(flow)) == 2
    command = send(command, now=NOW + 30 * SECOND)
    assert (command.failures, command.next_send_at) == (2, NOW + 90 * SECOND)


def test_a_429_makes_every_process_wait_as_long_as_flow_says(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, says(429, {"error": "slow down"}, Retry_After="120"), obeys(flow))
    command, asked = send(ask(campaign)), len(flow.asked)
    assert (command.state, command.sends, command.next_send_at) == ("asked", 0, NOW + 2 * MINUTE)
    assert Hold.objects.get().until == NOW + 2 * MINUTE
    early = NOW + 119 * SECOND
    send(command, now=early)
    assert sync(early).held_until == NOW + 2 * MINUTE
    assert (len(updates(flow)), len(flow.asked)) == (1, asked)
    assert send(command, now=NOW + 2 * MINUTE).state == "sent"


def test_a_429_without_advice_makes_everybody_wait_a_minute(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, says(429, b""))
    assert send(ask(campaign)).next_send_at == NOW + MINUTE


def test_a_second_sending_that_did_not_reach_flow_leaves_the_first_as_it_was(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, acknowledges, says(429, {"error": "slow down"}, Retry_After="120"))
    command = send(ask(campaign))
    check(campaign)
    command = send(command, now=NOW + MINUTE)
    assert len(updates(flow)) == 2
    assert (command.state, command.sends, command.sent_at, command.failures) == ("sent", 1, NOW, 1)
    assert (command.http_status, command.next_send_at) == (429, NOW + 3 * MINUTE)
    assert command.words == (
        "Not sent: Flow asks for fewer requests (HTTP 429). The campaign was not changed. Try again later. "
        "An earlier sending may have changed the campaign: Flow's own status decides. "
        "It is tried again at 1 Jan 2030, 11:03 SAST."
    )


@pytest.mark.django_db(transaction=True)
def test_a_superseded_command_that_did_not_reach_flow_stays_superseded(flow: Flow, campaign: Campaign) -> None:
    commander()
    older = ask(campaign)
    on_update(flow, meanwhile(lambda: ask(campaign, Action.CANCEL), says(429, {}, Retry_After="120")))
    sent = send(older)
    assert (sent.state, sent.words, sent.failures) == ("superseded", "carl asked to cancel instead.", 0)


@pytest.mark.django_db(transaction=True)
def test_a_superseded_command_to_which_flow_says_no_stays_superseded(flow: Flow, campaign: Campaign) -> None:
    commander()
    older = ask(campaign)
    on_update(flow, meanwhile(lambda: ask(campaign, Action.CANCEL, now=NOW + SECOND), says(400, NO)))
    sent = send(older, now=NOW + MINUTE)
    assert (sent.state, sent.words) == ("superseded", "carl asked to cancel instead.")
    assert (sent.http_status, sent.closed_at) == (400, NOW + SECOND)
    event = campaign.events.get(kind="campaign.pause_superseded")
    assert (event.text, event.actor_kind) == ("Pause: carl asked to cancel instead.", "scheduler")
    assert not campaign.events.filter(kind="campaign.pause_failed").exists()


ANSWERS: dict[str, Play] = {
    "yes": acknowledges,
    "no": says(400, NO),
    "not now": says(429, {}),
    "nobody knows": says(500, NO),
}


@pytest.mark.parametrize("play", ANSWERS.values(), ids=ANSWERS)
def test_no_other_command_or_campaign_is_touched(flow: Flow, campaign: Campaign, author: User, play: Play) -> None:
    other = publish_campaign(flow, author)
    ask(other)
    closed = ask(publish_campaign(flow, author))
    Command.objects.filter(pk=closed.pk).update(state="failed", words="Flow said no.", closed_at=NOW)
    before = others(campaign)
    on_update(flow, play)

    send(ask(campaign, now=NOW + MINUTE), now=NOW + MINUTE)

    assert len(updates(flow)) == 1
    assert others(campaign) == before


def others(campaign: Campaign) -> list[dict[str, Any]]:
    """Return the rows of all other campaigns and of their commands."""
    campaigns = [dict(row) for row in Campaign.objects.exclude(pk=campaign.pk).order_by("pk").values()]
    return campaigns + [dict(row) for row in Command.objects.exclude(campaign=campaign).order_by("pk").values()]


def test_nothing_is_sent_while_flow_has_asked_to_wait(flow: Flow, campaign: Campaign) -> None:
    Hold.objects.create(pk=Hold.SINGLETON, until=NOW + SECOND)
    command = send(ask(campaign))
    assert (command.state, command.sends) == ("asked", 0)
    assert updates(flow) == []


DOUBTS: dict[str, Play] = {
    "no answer": falls_silent(),
    "half an answer": then_resets(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a server error": says(502, {"error": "bad gateway"}),
    "a 400 of a proxy": says(400, b"<h1>Bad request</h1>"),
    "a 200 that is no JSON": says(200, b"OK"),
    "a redirect": says(302, b"", Location="/elsewhere"),
}


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS)
def test_whatever_leaves_it_open_counts_as_sent_and_flows_status_decides(
    flow: Flow, campaign: Campaign, settings: Settings, doubt: Play
) -> None:
    settings.FLOW_READ_TIMEOUT = 0.5
    new_client()
    on_update(flow, doubt)
    command = send(ask(campaign))
    assert (command.state, command.sends, command.sent_at, command.failures) == ("sent", 1, NOW, 0)
    assert command.words.endswith("Flow's own status decides.")
    flow.statuses[campaign.tracking_id] = "paused"
    check(campaign)
    assert latest(command).state == "confirmed"
    assert len(updates(flow)) == 1


def test_a_doubtful_one_is_sent_again_once_flows_status_says_that_it_was_not_done(
    flow: Flow, campaign: Campaign
) -> None:
    on_update(flow, says(500, {"error": "oops"}), obeys(flow))
    command = send(ask(campaign))
    assert command.http_status == 500
    check(campaign)
    assert latest(command).state == "sent"
    command = send(command, now=NOW + MINUTE)
    assert (command.sends, command.words) == (2, "Campaign successfully paused.")
    check(campaign, now=NOW + 2 * MINUTE)
    assert latest(command).state == "confirmed"


def test_what_could_not_reach_flow_is_tried_later_with_growing_patience(
    flow: Flow, campaign: Campaign, settings: Settings
) -> None:
    command = ask(campaign)
    with black_hole() as nowhere:
        settings.FLOW_BASE_URL, settings.FLOW_CONNECT_TIMEOUT = nowhere, 0.2
        new_client()
        now, waits = NOW, []
        for _ in range(3):
            command = send(command, now=now)
            assert (command.state, command.sends) == ("asked", 0)
            assert command.next_send_at
            waits.append(command.next_send_at - now)
            now = command.next_send_at
            new_client()
    assert waits == [30 * SECOND, 60 * SECOND, 120 * SECOND]
    assert updates(flow) == []


def test_it_is_not_sent_again_before_flows_status_was_heard_since(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, acknowledges)
    command = send(ask(campaign))
    send(command, now=NOW + timedelta(hours=1))
    assert commands.due_commands(NOW + timedelta(hours=1), 10) == []
    assert len(updates(flow)) == 1


def test_it_is_not_sent_again_too_soon(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, acknowledges)
    command = send(ask(campaign))
    check(campaign)
    send(command, now=NOW + 59 * SECOND)
    assert len(updates(flow)) == 1
    sent = send(command, now=NOW + 60 * SECOND)
    assert (len(updates(flow)), sent.next_send_at) == (2, NOW + 180 * SECOND)


def test_a_command_of_another_campaign_on_its_way_keeps_nobody_waiting(
    flow: Flow, campaign: Campaign, author: User
) -> None:
    ask(publish_campaign(flow, author))
    Command.objects.update(state="sent", sends=1, sent_at=NOW, next_send_at=NOW + MINUTE, sending_until=NOW + LEASE)

    assert send(ask(campaign)).state == "sent"


def test_it_is_not_sent_again_while_flow_does_not_know_the_campaign(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, acknowledges)
    command = send(ask(campaign))
    del flow.statuses[campaign.tracking_id]
    check(campaign)
    send(command, now=NOW + timedelta(hours=1))
    assert len(updates(flow)) == 1


def test_it_is_sent_five_times_at_most(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, acknowledges)
    command, now = ask(campaign), NOW
    for _ in range(10):
        command = send(command, now=now)
        check(campaign, now=now + SECOND)
        now += timedelta(hours=1)
    assert (command.sends, len(updates(flow))) == (5, 5)
    assert command.state == "sent"


def test_what_is_due_comes_in_the_order_of_asking(flow: Flow, author: User) -> None:
    asked = [ask(publish_campaign(flow, author), now=NOW - index * SECOND).pk for index in range(3)]
    assert commands.due_commands(NOW, 2) == [asked[2], asked[1]]


def test_a_superseded_command_is_never_sent(flow: Flow, campaign: Campaign) -> None:
    older = ask(campaign)
    ask(campaign, Action.CANCEL)
    assert send(older).state == "superseded"
    assert updates(flow) == []


@pytest.mark.parametrize("state", ["confirmed", "failed", "superseded"])
def test_a_closed_command_is_never_sent(flow: Flow, campaign: Campaign, state: str) -> None:
    command = ask(campaign)
    Command.objects.update(state=state)
    assert send(command).state == state
    assert commands.due_commands(NOW, 10) == []
    assert updates(flow) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_the_same_command_send_it_once(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    results = at_once(*[lambda: send(command)] * 4)
    assert {type(result) for result in results} == {Command}
    assert len(updates(flow)) == 1
    assert latest(command).sends == 1


@pytest.mark.django_db(transaction=True)
def test_a_newer_command_waits_while_an_older_one_is_on_its_way(flow: Flow, campaign: Campaign) -> None:
    commander()
    seen: dict[str, Any] = {}

    def change_of_mind() -> None:
        seen["newer"] = ask(campaign, Action.CANCEL)
        seen["then"] = send(seen["newer"])
        seen["due"] = commands.due_commands(NOW, 10)

    older = ask(campaign)
    on_update(flow, meanwhile(change_of_mind, obeys(flow)), obeys(flow))
    assert send(older).state == "superseded"
    assert (seen["then"].state, seen["then"].sends) == ("asked", 0)
    assert updates(flow) == [(campaign.tracking_id, "paused")]
    event = campaign.events.get(kind="campaign.pause_sent")
    assert event.text.endswith("A newer command had superseded it meanwhile.")
    assert send(seen["newer"]).state == "sent"
    assert updates(flow)[1:] == [(campaign.tracking_id, "cancelled")]


def test_a_command_whose_worker_died_while_sending_is_left_to_flows_status(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    Command.objects.update(state="sent", sends=1, sent_at=NOW, next_send_at=NOW + MINUTE, sending_until=NOW + LEASE)
    check(campaign, now=NOW + SECOND)
    send(command, now=NOW + LEASE - SECOND)
    assert updates(flow) == []
    flow.statuses[campaign.tracking_id] = "paused"
    check(campaign, now=NOW + LEASE)
    assert latest(command).state == "confirmed"
    send(command, now=NOW + LEASE)
    assert updates(flow) == []


def test_a_command_whose_worker_died_before_flow_heard_of_it_is_sent_again(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    Command.objects.update(state="sent", sends=1, sent_at=NOW, next_send_at=NOW + MINUTE, sending_until=NOW + LEASE)
    check(campaign, now=NOW + SECOND)
    assert send(command, now=NOW + LEASE).sends == 2
    assert updates(flow) == [(campaign.tracking_id, "paused")]


def test_an_interrupted_worker_leaves_the_command_to_flows_status(flow: Flow, campaign: Campaign) -> None:
    command = ask(campaign)
    send_interrupted(flow, command, NOW)
    command = latest(command)
    assert (command.state, command.sends, command.sending_until) == ("sent", 1, None)
    check(campaign)
    assert latest(command).state == "confirmed"


def test_a_reason_of_any_letters_reaches_flow(flow: Flow, campaign: Campaign) -> None:
    command = commands.ask(campaign.pk, Action.PAUSE, reason="Verkauft – “sold” 房子", user=commander(), now=NOW)
    send(command)
    assert flow.server.at("update")[0].json()["reason"] == "Verkauft – “sold” 房子"


def test_a_secret_in_flows_words_is_not_kept(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, says(400, {"error": f"Token {TOKEN} may not do this."}))
    now = DUE + timedelta(hours=1)
    failed = send(ask(campaign, now=now), now=now)
    assert failed.words == "Flow said no: Token [redacted] may not do this."
    assert TOKEN not in campaign.events.latest("pk").text
