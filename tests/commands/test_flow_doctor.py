"""`flow_doctor`: each part that is broken is named with its remedy, within seconds, and no secret is told."""

import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from campaigns.domain.heartbeats import Part
from campaigns.models import Attempt, Event, Heartbeat, HistoryHead, Hold, Order, guards
from campaigns.services import publishing
from campaigns.services.heartbeats import beat
from campaigns.services.wording import when
from tests.commands.console import Console
from tests.commands.inside import queue, run
from tests.commands.secrets import API_KEY, PASSWORD
from tests.flow.nasty_server import says
from tests.sandbox_process import Sandbox
from tests.services.flow_server import Flow

WITHIN = 30.0  # seconds, of which it needs about five
NOT_LOOKED_AT = "Not looked at. Mend the settings first."
NO_DATABASE = "Not looked at. Mend the database first."
NO_MAIL = (
    "Reminders of orders in doubt reach nobody's letter box: mail is written to the worker's log. "
    "Set EMAIL_URL to your mail server; the queue “In doubt” shows them all the same."
)
GUARDS_ARE_GONE = (
    "The database does not refuse all that goes past the console any more: guard_order_doubt missing or switched off. "
    "Run `python manage.py migrate`, which puts them back, and find out who took them away."
)
IN_THE_DATABASE = ("scheduler", "workers", "publishing", "syncing", "guards", "history")
WHEN = r"\d+ \w+ \d{4}, \d\d:\d\d:\d\d SAST"


def hear(shop: Console, **seconds: float) -> None:
    """Let parts of the shop have given their sign of life so many seconds ago, and its orders be due just now."""
    now = datetime.now(UTC).replace(tzinfo=None)
    signs = [
        (part, "worker@here" if part == "worker" else "", str(now - timedelta(seconds=ago)))
        for part, ago in seconds.items()
    ]
    with closing(sqlite3.connect(shop.database)) as database, database:
        database.executemany("INSERT INTO campaigns_heartbeat (part, node, at) VALUES (?, ?, ?)", signs)
        database.execute("UPDATE campaigns_order SET next_attempt_at = ?", [str(now)])


@pytest.fixture
def well(flow: Flow, settings: Settings) -> None:
    """A console in this process of which nothing is sick: its scheduler and a worker are heard."""
    settings.DEBUG = True  # the tests' settings are none for production
    for part in (Part.BEAT, Part.WORKER):
        beat(part, "", timezone.now())


def silent(part: Part, **ago: float) -> None:
    """Let the part have been silent for so long."""
    Heartbeat.objects.filter(part=part.value).update(at=timezone.now() - timedelta(**ago))


def sick() -> dict[str, str]:
    """Return what the doctor says of the parts that are not well."""
    done = run("flow_doctor", "--json")
    assert done.returncode == (not done.data["ok"])
    return {row["part"]: row["words"] for row in done.data["parts"] if not row["ok"]}


def parts(console: Console, **environment: str) -> dict[str, tuple[bool, str]]:
    """Return what the doctor, who finds something, says of each part."""
    begun = time.monotonic()
    done = console.run("flow_doctor", "--json", **environment)
    assert time.monotonic() - begun < WITHIN
    assert done.returncode == 1
    data = json.loads(done.stdout)
    assert data["ok"] is False
    rows = data["parts"]
    assert done.stderr.splitlines() == [
        f"{'well' if row['ok'] else 'SICK'}  {row['part']}: {row['words']}" for row in rows
    ]
    return {row["part"]: (row["ok"], row["words"]) for row in rows}


def test_a_healthy_site_is_well_and_nothing_is_published(shop: Console, sandbox: Sandbox) -> None:
    hear(shop, beat=1, worker=2, publish=5405, sync=185)

    done = shop.run("flow_doctor")

    assert (done.returncode, done.stderr) == (0, "")
    ((number, last),) = shop.rows("SELECT (SELECT count(*) FROM campaigns_event), sha256 FROM campaigns_historyhead")
    assert number > 0
    *servers, scheduler, workers, publishing, syncing, guarded, history = done.stdout.splitlines()
    assert servers == [
        f"well  settings: Flow is {sandbox.url} (a stand-in on this machine, no real money).",
        "well  database: SQLite answers, and its tables are up to date.",
        "well  broker: The broker (filesystem) answers.",
        "well  token: Flow gave an access token.",
        f"well  mail: {NO_MAIL}",
    ]
    heard = rf"The last sign of life came at {WHEN} \(less than a minute ago\)"
    assert re.fullmatch(rf"well  scheduler: {heard}\.", scheduler)
    assert re.fullmatch(rf"well  workers: {heard} \(worker@here\)\.", workers)
    words = rf"well  publishing: No order is overdue\. The last was sent to Flow at {WHEN} \(1 h 30 min ago\)\."
    assert re.fullmatch(words, publishing)
    assert re.fullmatch(rf"well  syncing: Flow last told of a campaign at {WHEN} \(3 min ago\)\.", syncing)
    assert guarded == "well  guards: The database refuses what would go past the console."
    assert history == f"well  history: Lines verified: {number}. The SHA-256 of the last is {last}."
    assert sandbox.ledger() == {"publishes": [], "commands": []}


def test_servers_that_do_not_answer_are_each_named_with_the_remedy(
    shop: Console, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.stop()
    nobody = f"somebody:{PASSWORD}@127.0.0.1:1"

    servers = {"DATABASE_URL": f"postgres://{nobody}/orders", "CELERY_BROKER_URL": f"redis://{nobody}/0"}
    found = parts(shop, **servers, FLOW_PACE_STORE=str(tmp_path))  # else the log has a line about Redis, too

    assert found["settings"][0]
    assert found["database"][1].startswith("It does not answer: connection failed: ")
    assert found["database"][1].endswith(". Check DATABASE_URL and that the server runs.")
    assert found["broker"] == (
        False,
        "The broker does not answer (OperationalError). Check CELERY_BROKER_URL and that it runs. "
        "Orders are safe; they wait in the queue.",
    )
    assert found["token"] == (
        False,
        "Flow at 127.0.0.1 could not be reached: Connection refused. Nothing was sent to Flow. "
        "Check FLOW_BASE_URL and the network.",
    )
    assert {name: found[name] for name in IN_THE_DATABASE} == dict.fromkeys(IN_THE_DATABASE, (False, NO_DATABASE))


def test_what_is_there_but_not_right_is_named_with_the_remedy(shop: Console, unwritable_broker: str) -> None:
    wrong_key = f"{API_KEY}-of-last-year"
    empty = f"sqlite:///{shop.database.with_name('empty.sqlite3')}"

    found = parts(shop, DATABASE_URL=empty, FLOW_API_KEY=wrong_key, BROKER_DIR=unwritable_broker)

    ok, words = found["database"]
    assert not ok
    assert words.endswith(" migrations are missing. Run `python manage.py migrate`.")
    assert {name: found[name] for name in IN_THE_DATABASE} == dict.fromkeys(IN_THE_DATABASE, (False, NO_DATABASE))
    ok, words = found["broker"]
    assert not ok
    assert words.endswith("Check that this user may write into BROKER_DIR. Orders are safe; they wait in the queue.")
    ok, words = found["token"]
    assert not ok
    assert "Check FLOW_API_KEY, FLOW_ORGANISATION_ID and FLOW_REQUEST_TYPE" in words


def test_wrong_settings_are_all_named_and_nothing_is_judged_by_their_defaults(shop: Console) -> None:
    found = parts(
        shop,
        DATABASE_URL=f"mysql://somebody:{PASSWORD}@127.0.0.1/orders",
        CELERY_BROKER_URL="pigeon://coop",
        FLOW_BASE_URL="api.flow",
        PUBLISH_LEASE="soon",
    )

    ok, words = found.pop("settings")
    assert not ok
    for remedy in (
        "DATABASE_URL: set it to an address such as ",
        "Set CELERY_BROKER_URL to filesystem://",
        "Set FLOW_BASE_URL to an address such as https://api.flowliving.com",
        "PUBLISH_LEASE: set it to a number of seconds above zero, such as 180.",
    ):
        assert remedy in words
    for name in IN_THE_DATABASE:
        assert found.pop(name) == (False, NO_DATABASE)
    assert found.pop("mail")[0]
    assert found == dict.fromkeys(("database", "broker", "token"), (False, NOT_LOOKED_AT))


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(
    ("status", "sentence"), [(500, "HTTP 500"), (429, "HTTP 429"), (404, "HTTP 404")], ids=lambda value: str(value)
)
def test_a_token_that_flow_does_not_give_is_told(flow: Flow, status: int, sentence: str) -> None:
    flow.on_token(says(status, {"error": "no"}))

    done = run("flow_doctor")

    assert done.returncode == 1
    (sick,) = done.stderr.splitlines()
    assert sick.startswith("SICK  token: ")
    assert sentence in sick
    assert flow.publishes == []


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_a_console_that_has_just_begun_is_well() -> None:
    assert sick() == {}
    *_, publishing, syncing, _, history = run("flow_doctor", "--json").data["parts"]
    assert [publishing["words"], syncing["words"], history["words"]] == [
        "No order is overdue.",
        "Flow has not told of a campaign yet.",
        "It is empty.",
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_a_hold_that_flow_asked_for_is_told_and_is_no_illness() -> None:
    until = timezone.now() + timedelta(minutes=30)
    Hold.objects.create(until=until)

    assert sick() == {}
    publishing = run("flow_doctor", "--json").data["parts"][-4]
    assert publishing["words"] == (
        f"Flow asked us to wait until {when(until)}. Nothing is lost: the work goes on then."
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_a_worker_that_hears_nothing_is_told_with_the_remedy() -> None:
    silent(Part.WORKER, minutes=12)

    found = sick()

    assert list(found) == ["workers"]
    assert re.match(rf"The last sign of life came at {WHEN} \(12 min ago\)\. Orders stay", found["workers"])
    assert found["workers"].endswith(
        " Orders stay queued and nothing is lost; statuses are not fresh. Start one, `celery --app flowsite worker`. "
        "One that runs and is silent hears nothing, or only what has expired on its clock: see that the broker answers and "
        "that the clocks of its machine and beat's agree, and restart the worker with SIGTERM."
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_a_silent_scheduler_is_told_with_the_remedy() -> None:
    silent(Part.BEAT, seconds=61)

    found = sick()

    assert list(found) == ["scheduler"]
    assert found["scheduler"].endswith(
        " (1 min ago). Nobody tells the workers of orders that wait and of campaigns that are due. Start beat, "
        "`celery --app flowsite beat`; if it runs, see in its log why it is silent, set its machine's clock if that is wrong, "
        "and restart it."
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_without_a_scheduler_nobody_looks_for_the_fault_in_the_workers() -> None:
    Heartbeat.objects.all().delete()

    found = sick()

    assert list(found) == ["scheduler", "workers"]
    assert found["scheduler"].startswith("It has never given a sign of life. ")
    assert found["workers"] == (
        "It has never given a sign of life. Orders stay queued and nothing is lost; statuses are not fresh. "
        "Start the scheduler first: without its messages a worker has nothing to answer."
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_a_clock_that_was_set_back_is_told() -> None:
    silent(Part.WORKER, hours=-1)
    found = sick()
    assert list(found) == ["workers"]
    assert "(in the future: a clock was set back)" in found["workers"]


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_an_order_that_no_lease_will_free_is_told(flow: Flow) -> None:
    queue("Q1")
    publishing._claim(Order.objects.get(), timezone.now())
    assert sick() == {}
    Attempt.objects.update(outcome="not_sent")  # as no service would, without the move of the order

    assert sick() == {
        "publishing": "Nobody works on what is said to be publishing: Q1. Somebody changed the database past the console. "
        "Look at Flow whether they are live before anything else is done."
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_guards_that_were_taken_away_are_told() -> None:
    assert sick() == {}
    with connection.cursor() as cursor:
        on = " ON campaigns_order" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER guard_order_doubt{on}")

    assert sick() == {"guards": GUARDS_ARE_GONE}
    guards.install(connection)
    assert sick() == {}


@pytest.mark.django_db
@pytest.mark.postgresql
@pytest.mark.usefixtures("well")
def test_guards_that_were_switched_off_are_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_order DISABLE TRIGGER guard_order_doubt")

    assert sick() == {"guards": GUARDS_ARE_GONE}


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(("number", "orders"), [(1, "1 queued order should"), (2, "2 queued orders should")])
def test_orders_that_nobody_publishes_are_told(flow: Flow, number: int, orders: str) -> None:
    for order_ref in ("Q1", "Q2", "Q3")[:number]:
        queue(order_ref)
    assert sick() == {}
    Order.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=310))
    queue("fresh")

    found = sick()

    assert list(found) == ["publishing"]
    assert re.fullmatch(
        rf"{orders} have been published more than 5 minutes ago, the first at {WHEN} \(5 min ago\)\. Nothing is lost\. "
        r"Start workers, or more of them; `publish_orders` publishes here and now\.",
        found["publishing"],
    )
    assert flow.publishes == []


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_an_order_whose_turn_was_taken_away_is_told_as_due() -> None:
    queue("Q1")
    Order.objects.update(next_attempt_at=None)

    assert sick() == {
        "publishing": "1 queued order should have been published by now: somebody took their turns away past the console. "
        "Nothing is lost. Start workers, or more of them; `publish_orders` publishes here and now."
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_an_order_whose_turn_a_clock_wrote_that_was_ahead_is_told_as_due() -> None:
    queue("Q1")
    Order.objects.update(next_attempt_at=timezone.now() + timedelta(days=1))

    assert sick() == {
        "publishing": "1 queued order should have been published by now: a clock that was ahead wrote when the turn comes, "
        "which is not heeded. Nothing is lost. Start workers, or more of them; `publish_orders` publishes here and now."
    }


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(
    ("backend", "words"),
    [
        ("console", NO_MAIL),
        ("smtp", "Reminders of orders in doubt are sent through mail.example.com, port 587."),
    ],
)
def test_where_reminders_go_is_told(settings: Settings, backend: str, words: str) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "mail.example.com", 587
    rows = {row["part"]: row for row in run("flow_doctor", "--json").data["parts"]}
    assert rows["mail"] == {"part": "mail", "ok": True, "words": words}


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_history_that_was_changed_is_told() -> None:
    queue("Q1")
    assert sick() == {}
    guards.remove(connection)  # as somebody would who has the database's password
    changed = Event.objects.order_by("pk")[0]
    Event.objects.filter(pk=changed.pk).update(text="Nothing happened.")
    guards.install(connection)

    found = sick()

    assert list(found) == ["history"]
    follower = Event.objects.filter(pk__gt=changed.pk).order_by("pk")[0]
    assert found["history"] == (
        f"History was changed: line {follower.pk} does not follow line {changed.pk} as it was written. "
        "Somebody changed the database past the console: find out who may, and compare with a backup "
        "before you rely on what the history tells."
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("well")
def test_history_that_was_emptied_is_not_taken_for_one_that_has_not_begun() -> None:
    queue("Q1")
    guards.remove(connection)
    HistoryHead.objects.update(event=None, sha256="")
    Event.objects.all().delete()
    guards.install(connection)

    found = sick()

    assert list(found) == ["history"]
    assert found["history"].startswith("History was changed: there are orders, and not one line tells of them. ")
