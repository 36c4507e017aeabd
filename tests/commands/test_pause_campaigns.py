"""`pause_campaigns`, `resume_campaigns` and `cancel_campaigns`: one command in three verbs."""

import json
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from campaigns.domain.states import Action
from campaigns.management import asking
from campaigns.models import Campaign, Command, Event
from campaigns.services import commands, syncing
from tests.commands.console import Console
from tests.commands.inside import Done, publish, run
from tests.factories import make_branch, make_user
from tests.flow.nasty_server import Peer, Play, Received, refused_address, says
from tests.sandbox_process import Sandbox
from tests.services.flow_server import Flow
from tests.services.following import acknowledges, new_client, obeys, on_update, updates


@dataclass(frozen=True)
class Verb:
    """What is asked, of a campaign in which status, with which of Flow's words."""

    action: str
    before: str
    word: str

    @property
    def command(self) -> str:
        return f"{self.action}_campaigns"


PAUSE, RESUME, CANCEL = (
    Verb("pause", "active", "paused"),
    Verb("resume", "paused", "active"),
    Verb("cancel", "active", "cancelled"),
)
verbs = pytest.mark.parametrize("verb", [PAUSE, RESUME, CANCEL], ids=lambda verb: verb.action)
inside = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PAUSE_BETWEEN", 0.01)


def ask(verb: Verb, *words: str, user: str = "carl", reason: str = "The house is sold.") -> Done:
    return run(verb.command, *words, "--reason", reason, "--user", user)


@pytest.fixture
def _carl(db: None) -> None:
    make_user("carl", "command_campaign")


carl = pytest.mark.usefixtures("_carl")


# In the shell ---------------------------------------------------------------------------------------------------------
def test_a_pause_is_confirmed_by_flows_own_status_and_one_that_flow_ignores_is_not(
    shop: Console, sandbox: Sandbox
) -> None:
    (published,) = shop.json("publish_orders", "--order", "Q1")["orders"]
    (tracking_id,) = published["tracking_ids"]
    words = (tracking_id, "--reason", "The house is sold.", "--user", "carl", "--json")

    paused = shop.run("pause_campaigns", *words)

    assert paused.returncode == 0
    (row,) = json.loads(paused.stdout)["commands"]
    assert {name: row[name] for name in ("tracking_id", "action", "state", "phase", "flow_status")} == {
        "tracking_id": tracking_id,
        "action": "pause",
        "state": "confirmed",
        "phase": "paused",
        "flow_status": "paused",
    }
    assert row["checked_at"] is not None
    assert paused.stderr == f"{tracking_id}: pause confirmed. Flow's own status confirms: paused.\n"

    sandbox.set_fault("ignore_command", count=None)
    ignored = shop.run("resume_campaigns", *words)

    assert ignored.returncode == 3
    (row,) = json.loads(ignored.stdout)["commands"]
    assert (row["state"], row["phase"]) == ("sent", "paused")
    assert f"{tracking_id}: resume sent, not confirmed yet: Flow's status is “paused”." in ignored.stderr
    commands = [(each["status"], each["reason"]) for each in sandbox.ledger()["commands"]]
    assert commands == [("paused", "The house is sold."), ("active", "The house is sold.")]


# What becomes of it ---------------------------------------------------------------------------------------------------
@inside
@carl
@verbs
def test_it_is_done_when_flows_own_status_says_so(flow: Flow, verb: Verb) -> None:
    publish(flow, "N1", "queue_1", status=verb.before)
    on_update(flow, obeys(flow))

    done = ask(verb, "queue_1")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"queue_1: {verb.action} confirmed. Flow's own status confirms: ")
    assert updates(flow) == [("queue_1", verb.word)]
    command = Command.objects.get()
    assert (command.reason, command.asked_by.username) == ("The house is sold.", "carl")


@inside
@carl
@verbs
def test_again_nothing_is_sent_because_it_is_so_already(flow: Flow, verb: Verb) -> None:
    publish(flow, "N1", "queue_1", status=verb.before)
    on_update(flow, obeys(flow))
    ask(verb, "queue_1")

    again = ask(verb, "queue_1", "--json")

    assert again.returncode == 0
    (row,) = again.data["commands"]
    assert (row["state"], row["words"]) == ("confirmed", "It is so already, by Flow's own status.")
    assert len(updates(flow)) == Command.objects.count() == 1


@inside
@carl
@verbs
def test_what_flow_does_not_confirm_is_partly_done_and_not_sent_again_while_open(flow: Flow, verb: Verb) -> None:
    publish(flow, "N1", "queue_1", status=verb.before)
    on_update(flow, acknowledges)

    first, again = ask(verb, "queue_1", "--json"), ask(verb, "queue_1")

    assert (first.returncode, first.data["commands"][0]["state"]) == (3, "sent")
    assert (again.returncode, again.stdout) == (3, "")
    told = f"queue_1: {verb.action} sent, not confirmed yet: Flow's status is “{verb.before}”. Done.\n"
    assert first.stderr == again.stderr == told
    assert len(updates(flow)) == Command.objects.count() == 1


@inside
@carl
def test_a_command_that_was_given_up_can_be_asked_again(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    on_update(flow, acknowledges, obeys(flow))
    ask(PAUSE, "queue_1")
    Command.objects.update(sends=5)

    done = ask(PAUSE, "queue_1")

    assert done.returncode == 0
    assert updates(flow) == [("queue_1", "paused")] * 2
    assert sorted(Command.objects.values_list("state", flat=True)) == ["confirmed", "superseded"]


@inside
@carl
def test_a_campaign_that_runs_again_at_flow_is_paused_again(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", status="paused")
    flow.statuses["queue_1"] = "active"  # somebody resumed it in Flow itself
    on_update(flow, obeys(flow))

    done = ask(PAUSE, "queue_1")

    assert (done.returncode, updates(flow)) == (0, [("queue_1", "paused")])


@inside
@carl
def test_it_is_not_said_to_be_so_while_flow_cannot_be_asked(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", status="paused")
    flow.on_status(says(429, {}, Retry_After="3000"))

    done = ask(PAUSE, "queue_1")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "queue_1: pause refused. Flow said so last, but can't be asked now: Flow asked us to wait until"
    )
    assert not Command.objects.exists()


@inside
@carl
def test_several_are_all_asked_before_any_is_waited_for(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", "queue_2", "queue_3")
    heard: list[str] = []

    def noted(play: Play) -> Play:
        def note(peer: Peer, request: Received) -> None:
            heard.append(request.method)
            play(peer, request)

        return note

    on_update(flow, noted(acknowledges))
    flow.on_status(noted(says(200, {"status": "active"})))

    done = ask(CANCEL, "queue_3", "queue_1", "queue_2", "queue_1", "--json")

    assert done.returncode == 3
    assert [row["tracking_id"] for row in done.data["commands"]] == ["queue_3", "queue_1", "queue_2"]
    assert heard[:4] == ["POST", "POST", "POST", "GET"]


@inside
@carl
def test_some_refused_and_some_confirmed_is_partly_done(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    publish(flow, "N2", "queue_2", status="completed")
    syncing.check_now(list(Campaign.objects.values_list("pk", flat=True)))
    on_update(flow, obeys(flow))

    done = ask(PAUSE, "queue_1", "queue_2", "--json")

    assert done.returncode == 3
    assert [row["state"] for row in done.data["commands"]] == ["confirmed", "refused"]
    assert (
        "queue_2: pause refused. Campaign queue_2 is completed: there is nothing to pause. Nothing was sent."
        in done.stderr
    )
    assert updates(flow) == [("queue_1", "paused")]


@inside
@carl
def test_flows_no_is_a_failure_with_flows_words(flow: Flow) -> None:
    publish(flow, "N1", "queue_1")
    on_update(flow, says(400, {"error": "This campaign can't be paused."}))

    done = ask(PAUSE, "queue_1")

    assert (done.returncode, done.stderr) == (
        1,
        "queue_1: pause failed. Flow said no: This campaign can't be paused.\n",
    )


@inside
@carl
def test_when_flow_asks_for_patience_the_time_is_told_also_to_the_next(flow: Flow) -> None:
    publish(flow, "N1", "queue_1", "queue_2")
    on_update(flow, says(429, {}, Retry_After="3000"))

    done = [ask(PAUSE, "queue_1"), ask(PAUSE, "queue_2")]

    assert [each.returncode for each in done] == [3, 3]
    assert done[0].stderr.startswith(
        "queue_1: pause asked, not sent yet. Not sent: Flow asks for fewer requests (HTTP 429)."
    )
    assert "It is tried again at " in done[0].stderr
    assert done[1].stderr.startswith("queue_2: pause asked, not sent yet. Flow asked us to wait until ")
    assert len(updates(flow)) == 1


@inside
@carl
def test_with_flow_down_it_is_asked_and_the_workers_send_it(flow: Flow, settings: Settings) -> None:
    publish(flow, "N1", "queue_1")
    settings.FLOW_BASE_URL = refused_address()
    new_client()

    done = ask(PAUSE, "queue_1", "--json")

    assert (done.returncode, done.data["commands"][0]["state"]) == (3, "asked")
    assert "could not be reached" in done.stderr
    assert Command.objects.get().sends == 0


# What it refuses ------------------------------------------------------------------------------------------------------
@inside
@carl
@verbs
def test_an_unknown_tracking_id_keeps_all_from_being_asked(flow: Flow, verb: Verb) -> None:
    publish(flow, "N1", "queue_1", status=verb.before)

    done = ask(verb, "queue_1", "queue_9", "queue_1 ", "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no campaign “queue_1 ”, “queue_9”. Nothing was asked. Check the tracking ids.\n"
    assert (updates(flow), Command.objects.count()) == ([], 0)


@inside
@carl
@verbs
def test_without_the_permission_a_reason_or_a_known_user_nothing_is_asked(flow: Flow, verb: Verb) -> None:
    publish(flow, "N1", "queue_1", status=verb.before)
    make_user("vera", "view_campaign")
    history = Event.objects.count()

    refused = [ask(verb, "queue_1", user="vera"), ask(verb, "queue_1", reason=" "), ask(verb, "queue_1", user="nobody")]

    assert [(done.returncode, done.stdout) for done in refused] == [(1, "")] * 3
    assert [done.stderr.split(". ")[0] for done in refused] == [
        f"vera may not {verb.action} campaigns",
        "reason: Give a reason: Flow is told, and it stays in the history.\n",
        "There is no user “nobody”",
    ]
    assert (updates(flow), Command.objects.count(), Event.objects.count()) == ([], 0, history)


@inside
@carl
@verbs
@pytest.mark.parametrize("stands", ["fits", "done already", "asked already"])
def test_a_campaign_of_another_branch_reads_like_one_that_is_not_there(flow: Flow, verb: Verb, stands: str) -> None:
    status = {PAUSE: "paused", RESUME: "active", CANCEL: "cancelled"}[verb] if stands == "done already" else verb.before
    publish(flow, "N1", "queue_1", status=status)
    if stands == "asked already":
        campaign, carl = Campaign.objects.get(), User.objects.get(username="carl")
        commands.ask(campaign.pk, Action(verb.action), reason="Theirs.", user=carl, now=timezone.now())
    make_user("tess", "view_campaign", "command_campaign", branches=[make_branch()])
    asked, before = len(flow.asked), (list(Campaign.objects.values()), list(Command.objects.values()))
    history = Event.objects.count()

    foreign, unknown = [ask(verb, tracking_id, "--json", user="tess") for tracking_id in ("queue_1", "queue_9")]

    assert [(done.returncode, done.stdout) for done in (foreign, unknown)] == [(1, "")] * 2
    assert foreign.stderr == "There is no campaign “queue_1”. Nothing was asked. Check the tracking ids.\n"
    assert unknown.stderr == foreign.stderr.replace("queue_1", "queue_9")
    assert (updates(flow), flow.asked[asked:], Event.objects.count()) == ([], [], history)
    assert (list(Campaign.objects.values()), list(Command.objects.values())) == before


@inside
@carl
@verbs
def test_whoever_may_not_ask_sends_nothing_that_others_have_asked(flow: Flow, verb: Verb) -> None:
    publish(flow, "N1", "queue_1", status=verb.before)
    carl = User.objects.get(username="carl")
    commands.ask(
        Campaign.objects.get().pk, Action(verb.action), reason="The house is sold.", user=carl, now=timezone.now()
    )
    make_user("vera", "view_campaign")

    done = ask(verb, "queue_1", user="vera")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"vera may not {verb.action} campaigns. Ask an administrator")
    assert (updates(flow), Command.objects.get().state) == ([], "asked")


@verbs
def test_no_campaign_or_no_reason_at_all_is_wrong_usage(verb: Verb) -> None:
    assert run(verb.command, "--reason", "x", "--user", "carl").returncode == 2
    assert run(verb.command, "queue_1", "--user", "carl").returncode == 2
