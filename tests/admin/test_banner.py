"""The red banner: on every page of the admin while the scheduler or all workers are silent, and never else."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import strip_tags

from campaigns.admin import look, vitals
from campaigns.domain.heartbeats import Part
from campaigns.models import Hold
from campaigns.services.heartbeats import beat
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

HOME, ORDERS = "/admin/", "/admin/campaigns/order/"
MEANING = "Orders stay queued and nothing is lost; statuses are not fresh. Nothing has to be submitted again."
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
TOLD_SCHEDULER = "The scheduler has given no sign of life since"
TOLD_WORKERS = "No worker has given a sign of life since"


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


def banners(client: Client, path: str = HOME) -> list[str]:
    """Return the texts of the banners on a page, without the icon's name."""
    answer = client.get(path)
    assert answer.status_code == 200
    found = re.findall(r'role="alert">(.*?</div>)', answer.content.decode(), re.DOTALL)
    texts = [unescape(" ".join(strip_tags(html.replace("</p>", " ")).split())) for html in found]
    return [text.removeprefix("heart_broken ") for text in texts]


def heard(now: datetime | None = None, **minutes: float) -> None:
    """Let parts give their sign of life so many minutes ago."""
    for part, ago in minutes.items():
        beat(Part(part), "one@here" if part == "worker" else "", (now or timezone.now()) - timedelta(minutes=ago))


def test_no_banner_while_the_scheduler_and_a_worker_are_heard(client: Client) -> None:
    heard(beat=0.5, worker=2)
    beat(Part.WORKER, "deaf@there", timezone.now() - timedelta(hours=1))
    assert banners(client) == []


def test_silent_workers_are_told_with_what_it_means_and_what_to_do(client: Client) -> None:
    heard(beat=0, worker=65)
    (banner,) = banners(client)
    since, rest = banner.split(" (", 1)
    assert re.fullmatch(rf"{TOLD_WORKERS} \d+ \w+ \d{{4}}, \d\d:\d\d SAST", since)
    assert rest == (
        f"1 h 5 min). {MEANING} Ask whoever runs the console to start a worker, or to restart one that runs and "
        "hears nothing. The command flow_doctor says what is wrong."
    )


def test_a_silent_scheduler_is_told_though_workers_work() -> None:
    heard(NOON, beat=2, worker=0)
    told = vitals.read(NOON)
    assert told.late == [f"{TOLD_SCHEDULER} 1 Jan 2030, 13:58 SAST (2 min)."]
    assert told.meaning == (
        "Orders and commands may have to wait, and nothing is lost; statuses are not fresh. "
        "Nothing has to be submitted again."
    )
    assert told.remedy == (
        "Ask whoever runs the console to start the scheduler, or to see in its log why it is silent. "
        "The command flow_doctor says what is wrong."
    )


def test_with_both_silent_the_scheduler_comes_first() -> None:
    heard(NOON, beat=90, worker=91)
    told = vitals.read(NOON)
    assert told.late == [
        f"{TOLD_SCHEDULER} 1 Jan 2030, 12:30 SAST (1 h 30 min).",
        f"{TOLD_WORKERS} 1 Jan 2030, 12:29 SAST (1 h 31 min).",
    ]
    assert told.meaning == MEANING
    assert told.remedy == (
        "Ask whoever runs the console to start the scheduler, or to see in its log why it is silent, "
        "then to start a worker, or to restart one that runs and hears nothing. "
        "The command flow_doctor says what is wrong."
    )


def test_who_was_never_heard_is_told(client: Client) -> None:
    (banner,) = banners(client)
    assert banner.startswith(
        f"The scheduler has never given a sign of life. No worker has ever given a sign of life. {MEANING} Ask whoever"
    )


def test_a_clock_that_was_set_back_is_told() -> None:
    heard(NOON, beat=-60, worker=0)
    assert vitals.read(NOON).late == [f"{TOLD_SCHEDULER} a time to come, 1 Jan 2030, 15:00 SAST: a clock was set back."]


@pytest.mark.parametrize(
    "path",
    [
        ORDERS,
        f"{ORDERS}add/",
        f"{ORDERS}?_popup=1",
        "/admin/campaigns/order/{order}/change/",
        "/admin/campaigns/order/{order}/edit/",
        "/admin/campaigns/order/{order}/submit/",
        "/admin/campaigns/event/",
        "/admin/auth/user/",
        "/admin/django_celery_beat/periodictask/",
        "/admin/password_change/",
    ],
)
def test_every_page_has_the_banner_once(client: Client, path: str) -> None:
    order = building.draft(User.objects.get(username="boss"))
    assert len(banners(client, path.format(order=order.pk))) == 1
    heard(beat=0, worker=0)
    assert banners(client, path.format(order=order.pk)) == []


def test_people_of_few_rights_see_it_too() -> None:
    assert len(banners(building.client_of(factories.make_user("newcomer")))) == 1


def test_who_is_not_logged_in_or_no_staff_is_told_nothing() -> None:
    stranger = building.client_of(User.objects.create_user("stranger"))
    for browser in (Client(), stranger):
        answer = browser.get(HOME, follow=True)
        assert "Log in" in answer.content.decode()
        assert "sign of life" not in answer.content.decode()


@pytest.mark.parametrize("path", [HOME, ORDERS, f"{ORDERS}add/"])
def test_every_page_says_until_when_flow_asked_us_to_wait(client: Client, path: str) -> None:
    until = timezone.now() + timedelta(hours=1)
    words = f"Flow asked us to wait until {look.when(until)}. Nothing is lost: the work goes on then."
    hold = Hold.objects.create(pk=Hold.SINGLETON, until=until)
    assert client.get(path).content.decode().count(words) == 1
    hold.until = timezone.now() - timedelta(seconds=1)
    hold.save()
    assert "Flow asked us to wait" not in client.get(path).content.decode()


@pytest.mark.parametrize("path", [HOME, ORDERS])
def test_banner_and_home_page_take_one_query_together(client: Client, path: str) -> None:
    client.get(path)
    for _ in ("while all are silent", "while all are well"):
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        assert len([query for query in queries if "heartbeat" in query["sql"]]) == 1
        heard(beat=0, worker=0)


def test_logging_in_takes_no_query_for_it() -> None:
    with CaptureQueriesContext(connection) as queries:
        Client().get("/admin/login/")
    assert [query for query in queries if "heartbeat" in query["sql"]] == []


def test_the_home_page_says_when_each_part_was_last_heard() -> None:
    heard(NOON, beat=0.2, worker=1, publish=90)
    assert vitals.read(NOON).parts == [
        ("Scheduler", "1 Jan 2030, 13:59 SAST (just now)"),
        ("Workers", "1 Jan 2030, 13:59 SAST (1 min ago)"),
        ("Last publish", "1 Jan 2030, 12:30 SAST (1 h ago)"),
        ("Last sync", "never"),
    ]


def test_the_home_page_shows_the_signs_of_life_to_everybody() -> None:
    html = building.client_of(factories.make_user("newcomer")).get(HOME).content.decode()
    assert "Signs of life" in html
    assert all(name in html for name in ("Scheduler", "Workers", "Last publish", "Last sync"))
