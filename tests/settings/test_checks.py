"""Each system check by its id: what it catches, what it lets pass, and the remedy that it names."""

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from campaigns import checks
from flowsite.env import Problem, is_local


@pytest.fixture(autouse=True)
def _a_console_for_trying_it_out(settings: Settings) -> None:
    settings.DEBUG, settings.SETTINGS_PROBLEMS = True, []
    flow_is(settings, "http://127.0.0.1:8100")


def flow_is(settings: Settings, address: str) -> None:
    settings.FLOW_BASE_URL, settings.FLOW_IS_LOCAL = address, is_local(address)
    settings.FLOW_IS_SANDBOX = address == "http://127.0.0.1:8100"


def found() -> dict[str, str]:
    """Return the hint of each error by its id."""
    return {str(error.id): str(error.hint) for error in checks.check_settings()}


def messages() -> list[str]:
    return [f"{error.id} {error.msg}" for error in checks.check_settings()]


def test_the_defaults_pass() -> None:
    assert messages() == []


def test_e001_tells_each_setting_that_could_not_be_read(settings: Settings) -> None:
    settings.SETTINGS_PROBLEMS = [Problem("ONE", "set it to 1."), Problem("TWO", "set it to 2.")]
    assert messages() == ["campaigns.E001 ONE can't be used.", "campaigns.E001 TWO can't be used."]
    assert [error.hint for error in checks.check_settings()] == ["ONE: set it to 1.", "TWO: set it to 2."]


@pytest.mark.parametrize(
    "address",
    [
        *("", "flow", "api.flowliving.com", "ftp://api.flowliving.com", "https://", "https:///v1", "http://[::1"),
        *(
            "https://api.flowliving.com:port",
            "https://api.flowliving.com:99999",
            "https://me:hunter2@api.flowliving.com",
        ),
        *("https://api.flowliving.com/?a=b", "https://api.flowliving.com#top"),
    ],
)
def test_e002_wants_an_address_of_flow(settings: Settings, address: str) -> None:
    settings.FLOW_ORGANISATION_ID = settings.FLOW_API_KEY = "ours"
    flow_is(settings, address)
    assert messages() == ["campaigns.E002 FLOW_BASE_URL is not an address."]
    assert "Set FLOW_BASE_URL to an address such as https://api.flowliving.com" in found()["campaigns.E002"]
    assert "hunter2" not in str(checks.check_settings())


@pytest.mark.parametrize("address", ["https://api.flowliving.com", "https://host/path", "http://127.0.0.1:9/x"])
def test_an_address_with_a_path_or_a_port_passes(settings: Settings, address: str) -> None:
    settings.FLOW_ORGANISATION_ID = settings.FLOW_API_KEY = "ours"
    flow_is(settings, address)
    assert messages() == []


@pytest.mark.parametrize("name", ["FLOW_ORGANISATION_ID", "FLOW_API_KEY"])
def test_e003_wants_credentials_and_not_the_sandboxs_for_the_real_flow(settings: Settings, name: str) -> None:
    sandbox = getattr(settings, name.replace("FLOW", "SANDBOX"))
    settings.FLOW_ORGANISATION_ID = settings.FLOW_API_KEY = "ours"
    flow_is(settings, "https://api.flowliving.com")
    for value in ("", sandbox):
        setattr(settings, name, value)
        assert messages() == [f"campaigns.E003 {name} is missing."]
        assert found()["campaigns.E003"] == f"Set {name}: Flow's account manager gives it to you."
    flow_is(settings, "http://127.0.0.1:8100")
    assert messages() == []
    setattr(settings, name, "")
    assert messages() == [f"campaigns.E003 {name} is missing."]


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("FLOW_CONNECT_TIMEOUT", 30, "FLOW_DEADLINE"),
        ("FLOW_READ_TIMEOUT", 30, "FLOW_DEADLINE"),
        ("FLOW_DEADLINE", 90, "the soft time limit"),
        ("CELERY_TASK_SOFT_TIME_LIMIT", 105, "the hard time limit"),
        ("PUBLISH_LEASE", 105, "the hard time limit"),
        ("PUBLISH_LEASE", 3600, "the broker's visibility timeout"),
    ],
)
def test_e004_wants_each_deadline_within_the_next(settings: Settings, name: str, value: float, other: str) -> None:
    settings.FLOW_CONNECT_TIMEOUT, settings.FLOW_READ_TIMEOUT, settings.FLOW_DEADLINE = 5, 20, 30
    settings.CELERY_TASK_SOFT_TIME_LIMIT, settings.CELERY_TASK_TIME_LIMIT = 90, 105
    assert messages() == []
    setattr(settings, name, value)
    (message,) = messages()
    assert message.startswith("campaigns.E004 ")
    assert "must be shorter than" in message
    assert other in message
    assert "Lower the first or raise the second." in found()["campaigns.E004"]


def test_e005_wants_phases_that_there_are(settings: Settings) -> None:
    settings.FLOW_STATUS_PHASES = {"running": "live", "ended": "finished"}
    assert messages() == ["campaigns.E005 FLOW_STATUS_PHASES has an unknown phase, “finished”."]
    assert found()["campaigns.E005"].startswith(
        "In FLOW_STATUS_PHASES write ended= and one of queued, in_progress, live,"
    )


@pytest.mark.parametrize("name", ["FLOW_STATUS_PAUSE", "FLOW_STATUS_RESUME", "FLOW_STATUS_CANCEL"])
def test_e006_wants_a_word_for_each_command(settings: Settings, name: str) -> None:
    setattr(settings, name, "")
    assert messages() == [f"campaigns.E006 {name} is empty."]
    assert found()["campaigns.E006"] == f"Set {name} to Flow's word, or remove the line for the default."


@pytest.mark.parametrize(
    ("scheme", "address"),
    [("sqs", "sqs://"), ("", "redis"), ("", ""), ("redis", "redis://host:port/0"), ("http", "http://host")],
)
def test_e007_wants_a_broker_that_is_supported(settings: Settings, scheme: str, address: str) -> None:
    settings.BROKER_SCHEME, settings.CELERY_BROKER_URL = scheme, address
    assert messages() == ["campaigns.E007 CELERY_BROKER_URL names no broker that is supported."]
    assert "redis://host:6379/0 or amqp://user:password@host:5672//" in found()["campaigns.E007"]


@pytest.mark.parametrize("address", ["redis://host:6379/0", "rediss://:p@host/1", "amqp://u:p@host:5672//"])
def test_brokers_that_are_supported_pass(settings: Settings, address: str) -> None:
    settings.BROKER_SCHEME, settings.CELERY_BROKER_URL = address.split("://")[0], address
    assert messages() == []


def test_e020_is_told_by_the_checks_of_deployment_alone(settings: Settings) -> None:
    assert "campaigns.E020" not in found()
    assert "campaigns.E020" in {error.id for error in checks.check_production()}
    settings.DEBUG = False
    assert "campaigns.E020" not in found()
    assert checks.check_production() == []


def test_e021_and_e022_stop_production_on_the_sandbox_with_the_default_key(settings: Settings) -> None:
    settings.DEBUG, settings.SECRET_KEY = False, settings.DEFAULT_SECRET_KEY
    assert [message.split()[0] for message in messages()] == ["campaigns.E021", "campaigns.E022"]
    settings.SECRET_KEY = "ours"
    assert [message.split()[0] for message in messages()] == ["campaigns.E022"]


@pytest.mark.parametrize(
    ("address", "dangerous"),
    [
        ("http://api.flowliving.com", True),
        ("https://api.flowliving.com", False),
        ("HTTPS://api.flowliving.com", False),
        ("http://127.0.0.1:9000", False),
    ],
)
def test_e023_keeps_the_api_key_from_being_sent_in_clear(settings: Settings, address: str, dangerous: bool) -> None:
    settings.DEBUG, settings.SECRET_KEY = False, "ours"
    settings.FLOW_ORGANISATION_ID = settings.FLOW_API_KEY = "ours"
    flow_is(settings, address)
    assert ("campaigns.E023" in found()) is dangerous


@pytest.mark.django_db
def test_e024_finds_logins_of_the_demo_where_money_can_be_spent(settings: Settings) -> None:
    flow_is(settings, "https://api.flowliving.com")
    User.objects.create_user("olivia", password="demo")
    User.objects.create_user("peter", password="a password of his own")
    User.objects.create_user("vera", password="demo", is_active=False)

    assert [f"{error.id} {error.msg}" for error in checks.check_demo_logins()] == [
        "campaigns.E024 “olivia” can log in with the demo's password."
    ]


@pytest.mark.django_db
def test_e024_lets_the_demo_play_with_a_stand_in() -> None:
    User.objects.create_user("olivia", password="demo")

    assert checks.check_demo_logins() == []
