"""Asking for a pause, a resume or a cancel: who may, when it fits, and what is written. Nothing is sent to Flow yet."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from campaigns.domain.states import Action, CommandState, Phase
from campaigns.models import Campaign, Command, Event
from campaigns.services import commands
from campaigns.services.errors import NotAllowed, Refused
from tests.factories import make_user
from tests.services.building import MINUTE, NOW, at_once
from tests.services.flow_server import Flow
from tests.services.following import (
    acknowledges,
    again,
    ask,
    commander,
    latest,
    obeys,
    on_update,
    publish_campaign,
    send,
    updates,
)

pytestmark = pytest.mark.django_db

FITS = {
    Action.PAUSE: {"queued", "in_progress", "live", "unrecognised"},
    Action.RESUME: {"paused", "unrecognised"},
    Action.CANCEL: {"queued", "in_progress", "live", "paused", "unrecognised"},
}


@pytest.fixture
def campaign(flow: Flow, author: User) -> Campaign:
    """A live campaign."""
    return publish_campaign(flow, author)


def everything() -> list[object]:
    return [list(model._default_manager.order_by("pk").values()) for model in (Campaign, Command, Event)]


def test_asking_writes_who_wants_what_and_why_and_sends_nothing(flow: Flow, campaign: Campaign) -> None:
    user = commander("dora")
    command = commands.ask(campaign.pk, Action.PAUSE, reason="  The house is sold. ", user=user, now=NOW)
    assert command == Command.objects.get()
    assert (command.action, command.state, command.reason) == ("pause", "asked", "The house is sold.")
    assert (command.asked_by, command.asked_at, command.sends, command.sent_at) == (user, NOW, 0, None)
    event = campaign.events.latest("pk")
    assert (event.kind, event.actor, event.at, event.order_id) == ("campaign.pause_asked", user, NOW, campaign.order_id)
    assert event.text == "dora asked to pause the campaign: The house is sold."
    assert event.data == {"command": command.pk}
    assert again(campaign).phase == "live"
    assert updates(flow) == []


def test_asking_makes_the_campaign_due_and_polls_under_way_outdated(campaign: Campaign) -> None:
    ask(campaign, now=NOW + MINUTE)
    now = again(campaign)
    assert (now.next_check_at, now.command_number) == (NOW + MINUTE, campaign.command_number + 1)


@pytest.mark.parametrize("reason", ["", "  \n\t"])
def test_a_reason_is_required(campaign: Campaign, reason: str) -> None:
    user, before = commander(), everything()
    with pytest.raises(ValidationError) as error:
        commands.ask(campaign.pk, Action.PAUSE, reason=reason, user=user, now=NOW)
    assert error.value.message_dict == {"reason": ["Give a reason: Flow is told, and it stays in the history."]}
    assert everything() == before


def test_whoever_may_not_command_campaigns_is_refused(campaign: Campaign) -> None:
    user = make_user("eve", "view_campaign", "change_campaign", "submit_order", "approve_order")
    before = everything()
    with pytest.raises(NotAllowed, match="eve may not cancel campaigns"):
        commands.ask(campaign.pk, Action.CANCEL, reason="Sold.", user=user, now=NOW)
    assert everything() == before


def test_somebody_who_has_left_is_refused(campaign: Campaign) -> None:
    user = make_user("gone", "command_campaign", is_active=False)
    with pytest.raises(NotAllowed):
        commands.ask(campaign.pk, Action.CANCEL, reason="Sold.", user=user, now=NOW)
    assert not Command.objects.exists()


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("phase", Phase)
def test_only_what_fits_the_phase_can_be_asked(campaign: Campaign, phase: Phase, action: Action) -> None:
    Campaign.objects.update(phase=phase.value)
    user, before = commander(), everything()
    if phase.value in FITS[action]:
        assert ask(campaign, action, user=user).state == CommandState.ASKED
        return
    with pytest.raises(Refused) as refused:
        ask(campaign, action, user=user)
    is_now = phase.value.replace("_", " ")
    assert str(refused.value) == (
        f"Campaign {campaign.tracking_id} is {is_now}: there is nothing to {action.value}. Nothing was sent."
    )
    assert everything() == before


def test_the_same_asked_twice_is_refused_and_names_who_asked_first(campaign: Campaign) -> None:
    first = ask(campaign, user=commander("dora"))
    other, before = commander("carl"), everything()
    with pytest.raises(Refused) as refused:
        ask(campaign, user=other, now=NOW + MINUTE)
    assert str(refused.value) == (
        "Pause was asked already by dora, 1 Jan 2030, 11:00 SAST, and is not confirmed yet. Nothing was sent again."
    )
    assert everything() == before
    assert latest(first).state == CommandState.ASKED


def test_the_same_can_be_asked_anew_once_it_was_sent_as_often_as_it_may(campaign: Campaign) -> None:
    first = ask(campaign)
    Command.objects.update(state="sent", sends=commands.MOST_SENDS)
    second = ask(campaign, now=NOW + MINUTE)
    assert (latest(first).state, latest(second).state) == ("superseded", "asked")


def test_a_newer_command_of_another_kind_supersedes_the_open_one(campaign: Campaign) -> None:
    older = ask(campaign, Action.PAUSE, user=commander("dora"))
    newer = ask(campaign, Action.CANCEL, user=commander("carl"), now=NOW + MINUTE)
    older = latest(older)
    assert (older.state, older.closed_at) == ("superseded", NOW + MINUTE)
    assert older.words == "carl asked to cancel instead."
    assert latest(newer).state == "asked"
    kinds = campaign.events.order_by("pk").values_list("kind", flat=True)
    assert list(kinds)[-3:] == ["campaign.pause_asked", "campaign.pause_superseded", "campaign.cancel_asked"]


def test_what_was_asked_can_be_taken_back_before_flow_confirms_it(flow: Flow, campaign: Campaign) -> None:
    on_update(flow, acknowledges)
    older = send(ask(campaign, Action.PAUSE))
    assert (older.state, again(campaign).phase) == ("sent", "live")
    ask(campaign, Action.RESUME, now=NOW + MINUTE)
    assert latest(older).state == "superseded"


def test_a_refused_command_supersedes_nothing(flow: Flow, campaign: Campaign) -> None:
    Campaign.objects.update(phase="paused")
    older = ask(campaign, Action.CANCEL)
    before = everything()
    with pytest.raises(Refused):
        ask(campaign, Action.PAUSE, now=NOW + MINUTE)
    assert everything() == before
    assert latest(older).state == "asked"


def test_after_a_closed_command_a_new_one_can_be_asked(flow: Flow, campaign: Campaign) -> None:
    first = ask(campaign)
    Command.objects.update(state="failed")
    assert ask(campaign, now=NOW + MINUTE).pk != first.pk


def test_the_database_itself_holds_one_open_command_a_campaign(campaign: Campaign) -> None:
    first = ask(campaign)
    fields = {"campaign": campaign, "reason": "x", "asked_by": first.asked_by, "asked_at": NOW}
    for state in ("asked", "sent"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Command.objects.create(action="cancel", state=state, **fields)
    Command.objects.create(action="cancel", state="failed", **fields)


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_the_same_at_once_leave_one_command(flow: Flow, campaign: Campaign) -> None:
    dora, carl = commander("dora"), commander("carl")
    results = at_once(lambda: ask(campaign, user=dora), lambda: ask(campaign, user=carl))
    assert sorted(type(result).__name__ for result in results) == ["Command", "Refused"]
    assert Command.objects.get().state == "asked"


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_for_different_things_at_once_leave_one_open_command(flow: Flow, campaign: Campaign) -> None:
    dora, carl = commander("dora"), commander("carl")
    results = at_once(lambda: ask(campaign, Action.PAUSE, user=dora), lambda: ask(campaign, Action.CANCEL, user=carl))
    assert [type(result) for result in results] == [Command, Command]
    assert sorted(Command.objects.values_list("state", flat=True)) == ["asked", "superseded"]
    on_update(flow, obeys(flow))
    for command in Command.objects.all():
        send(command)
    assert updates(flow) == [
        (campaign.tracking_id, "paused" if Command.objects.get(state="sent").action == "pause" else "cancelled")
    ]
