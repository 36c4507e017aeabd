"""`flow_doctor`: each part that is broken is named with its remedy, within seconds, and no secret is told."""

import json
import time

import pytest
from pytest_django import Settings

from tests.commands.console import Console
from tests.commands.inside import run
from tests.commands.secrets import API_KEY, PASSWORD
from tests.flow.nasty_server import says
from tests.sandbox_process import Sandbox
from tests.services.flow_server import Flow

WITHIN = 30.0  # seconds, of which it needs about five
NOT_LOOKED_AT = "Not looked at. Mend the settings first."


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
    done = shop.run("flow_doctor")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"well  settings: Flow is {sandbox.url} (a stand-in on this machine, no real money).",
        "well  database: SQLite answers, and its tables are up to date.",
        "well  broker: The broker (filesystem) answers.",
        "well  token: Flow gave an access token.",
    ]
    assert sandbox.ledger() == {"publishes": [], "commands": []}


def test_servers_that_do_not_answer_are_each_named_with_the_remedy(shop: Console, sandbox: Sandbox) -> None:
    sandbox.stop()
    nobody = f"somebody:{PASSWORD}@127.0.0.1:1"

    found = parts(shop, DATABASE_URL=f"postgres://{nobody}/orders", CELERY_BROKER_URL=f"redis://{nobody}/0")

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


def test_what_is_there_but_not_right_is_named_with_the_remedy(shop: Console, unwritable_broker: str) -> None:
    wrong_key = f"{API_KEY}-of-last-year"
    empty = f"sqlite:///{shop.database.with_name('empty.sqlite3')}"

    found = parts(shop, DATABASE_URL=empty, FLOW_API_KEY=wrong_key, BROKER_DIR=unwritable_broker)

    ok, words = found["database"]
    assert not ok
    assert words.endswith(" migrations are missing. Run `python manage.py migrate`.")
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
    assert found == dict.fromkeys(("database", "broker", "token"), (False, NOT_LOOKED_AT))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "sentence"), [(500, "HTTP 500"), (429, "HTTP 429"), (404, "HTTP 404")], ids=lambda value: str(value)
)
def test_a_token_that_flow_does_not_give_is_told(flow: Flow, settings: Settings, status: int, sentence: str) -> None:
    settings.DEBUG = True  # the tests' settings are none for production
    flow.on_token(says(status, {"error": "no"}))

    done = run("flow_doctor")

    assert done.returncode == 1
    (sick,) = done.stderr.splitlines()
    assert sick.startswith("SICK  token: ")
    assert sentence in sick
    assert flow.publishes == []
