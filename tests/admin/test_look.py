"""What tells the sandbox from money, and how states, times and amounts are written."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory

from campaigns.admin import look
from campaigns.domain.states import CommandState, OrderState, Outcome, Phase
from tests.admin import building

NOW = datetime(2030, 7, 1, 12, 0, tzinfo=UTC)


def page(settings: Any, *, sandbox: bool) -> str:
    settings.FLOW_IS_SANDBOX = sandbox
    settings.FLOW_BASE_URL = "http://127.0.0.1:8100" if sandbox else "https://api.flowliving.com"
    boss = User.objects.create_superuser("boss", password="x")
    return building.client_of(boss).get("/admin/").content.decode()


@pytest.mark.django_db
def test_the_sandbox_is_called_a_sandbox(settings: Any) -> None:
    html = page(settings, sandbox=True)
    assert "SANDBOX · no real money" in html
    assert "<title>[sandbox]" in " ".join(html.split())
    assert "REAL MONEY" not in html


@pytest.mark.django_db
def test_real_money_is_called_real_money_with_its_host(settings: Any) -> None:
    html = page(settings, sandbox=False)
    assert "REAL MONEY · api.flowliving.com" in html
    assert "SANDBOX" not in html


@pytest.mark.django_db
def test_the_sign_in_page_says_it_too(settings: Any, client: Any) -> None:
    settings.FLOW_IS_SANDBOX = True
    assert "SANDBOX · no real money" in client.get("/admin/login/").content.decode()


def test_the_sandbox_and_money_have_other_colours(settings: Any, rf: RequestFactory) -> None:
    settings.FLOW_IS_SANDBOX = True
    sandbox = look.primary(rf.get("/"))
    settings.FLOW_IS_SANDBOX = False
    money = look.primary(rf.get("/"))
    assert sandbox.keys() == money.keys()
    assert not set(sandbox.values()) & set(money.values())


@pytest.mark.parametrize(
    ("states", "looks"),
    [(OrderState, look.STATES), (Phase, look.PHASES), (Outcome, look.OUTCOMES), (CommandState, look.COMMANDS)],
)
def test_every_state_has_text_an_icon_of_its_own_and_a_colour(states: Any, looks: dict[str, tuple[str, str]]) -> None:
    assert set(looks) == set(states)
    assert len({icon for _, icon in looks.values()}) == len(looks)


@pytest.mark.parametrize(
    ("looks", "red"),
    [
        (look.STATES, {"rejected", "unknown"}),
        (look.PHASES, {"failed"}),
        (look.OUTCOMES, {"rejected", "unknown"}),
        (look.COMMANDS, {"failed"}),
    ],
)
def test_red_is_for_failures_and_doubt_alone(looks: dict[str, tuple[str, str]], red: set[str]) -> None:
    assert {str(state) for state, (colour, _) in looks.items() if colour == "danger"} == red


def test_a_badge_has_words_beside_its_icon() -> None:
    html = look.badge("unknown", look.STATES)
    assert "In doubt" in html
    assert 'aria-hidden="true">help<' in html


def test_a_time_is_shown_with_its_zone() -> None:
    assert look.when(NOW, ZoneInfo("Europe/Lisbon")) == "1 Jul 2030, 13:00 WEST"
    assert look.when(NOW, look.UTC) == "1 Jul 2030, 12:00 UTC"
    assert look.when(NOW) == "1 Jul 2030, 14:00 SAST"
    assert look.when(None) == "–"


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=40), "40 days ago"),
    ],
)
def test_how_long_ago_is_said_in_words(passed: timedelta, words: str) -> None:
    assert look.ago(NOW - passed, NOW) == words


def test_a_long_text_is_cut_and_can_be_read_whole() -> None:
    assert look.short("short") == "short"
    assert look.short("") == look.NOTHING_IN_CELL
    assert look.short("<b>" + "x" * 20, 10) == ('<span title="&lt;b&gt;xxxxxxxxxxxxxxxxxxxx">&lt;b&gt;xxxxxx…</span>')


@pytest.mark.django_db
def test_django_s_own_pages_show_the_zone_too() -> None:
    boss = User.objects.create_superuser("boss", password="x")
    event = building.draft().events.get()
    html = building.client_of(boss).get(f"/admin/campaigns/event/{event.pk}/change/").content.decode()
    assert f"{event.at.astimezone(ZoneInfo('Africa/Johannesburg')):%H:%M} SAST" in html


def test_a_short_text_turns_nothing_around() -> None:
    assert look.short("Too\u202e dear\x07.") == "Too dear."
    assert look.short("\u202e") == look.NOTHING_IN_CELL
