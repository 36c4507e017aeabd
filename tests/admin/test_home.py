"""The home page counts what needs somebody, and each count leads to exactly those rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.domain.states import Action
from campaigns.models import Hold, Order
from campaigns.services import commands
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

HOME = "/admin/"


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


def cards(client: Client) -> dict[str, Any]:
    return {card["need"]: card for card in client.get(HOME).context["cards"]}


def rows_behind(client: Client, card: dict[str, Any]) -> list[str]:
    page = client.get(card["url"]).context
    if card["need"] == "settling":
        return [str(row["order"]) for row in page["rows"]]
    return building.names(page["cl"].result_list)


def test_each_card_counts_its_rows_and_leads_to_them(client: Client) -> None:
    doubt, rejected, waiting = building.in_doubt(), building.rejected(), building.awaiting_approval()
    stuck = building.queued()
    Order.objects.filter(pk=stuck.pk).update(failures=2, problem="Flow can't be reached.")
    building.queued()
    building.draft()
    building.campaign("queue_calm", phase="live")
    building.campaign("queue_over", phase="completed", problem="old")
    trouble = building.campaign("queue_trouble", phase="live", problem="Flow did not answer.")
    asked = building.campaign("queue_asked", phase="live")
    commands.ask(asked.pk, Action.PAUSE, reason="Sold.", user=User.objects.get(username="boss"), now=timezone.now())
    expected = {
        "settling": doubt,
        "mending": rejected,
        "approval": waiting,
        "patience": stuck,
        "confirmation": asked,
        "attention": trouble,
    }
    found = cards(client)
    assert {need: card["count"] for need, card in found.items()} == dict.fromkeys(expected, 1)
    assert {need: rows_behind(client, card) for need, card in found.items()} == {
        need: [str(row)] for need, row in expected.items()
    }


@pytest.mark.parametrize(("minutes", "count"), [(29, 0), (31, 1)])
def test_a_campaign_that_flow_does_not_know_needs_somebody_after_half_an_hour(
    client: Client, minutes: int, count: int
) -> None:
    campaign = building.campaign()
    campaign.problem, campaign.missing_since = "Flow does not know it.", timezone.now() - timedelta(minutes=minutes)
    campaign.save()

    assert cards(client)["attention"]["count"] == count


def test_only_what_is_wrong_is_an_alarm(client: Client) -> None:
    building.awaiting_approval()
    assert 'class="console-card console-alarm"' not in client.get(HOME).content.decode()
    building.in_doubt()
    assert client.get(HOME).content.decode().count('class="console-card console-alarm"') == 1


def test_a_fresh_site_shows_the_first_steps(client: Client) -> None:
    html = client.get(HOME).content.decode()
    assert "First steps" in html
    assert "/admin/campaigns/branch/add/" in html
    factories.make_branch()
    assert "First steps" not in client.get(HOME).content.decode()


def test_flow_s_request_to_wait_is_told_while_it_lasts(client: Client) -> None:
    factories.make_branch()
    Hold.objects.update_or_create(pk=Hold.SINGLETON, defaults={"until": timezone.now() - timedelta(minutes=1)})
    assert "Flow asked us to wait" not in client.get(HOME).content.decode()
    Hold.objects.update(until=timezone.now() + timedelta(minutes=5))
    assert "Flow asked us to wait until" in client.get(HOME).content.decode()


def test_the_home_page_takes_as_many_queries_however_many_rows_there_are(client: Client) -> None:
    counts = []
    for rows in (5, 45):
        for _ in range(rows):
            building.rejected()
        with CaptureQueriesContext(connection) as captured:
            client.get(HOME)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_people_see_no_counts_of_what_they_may_not_see() -> None:
    building.in_doubt()
    answer = building.client_of(factories.make_user("newcomer")).get(HOME)
    assert answer.context["cards"] == []
    assert "Ask an administrator for the permission." in answer.content.decode()
    reader = building.client_of(factories.make_user("reader", "view_campaign"))
    assert list(cards(reader)) == ["confirmation", "attention"]


def test_the_menu_shows_what_the_person_may_see(client: Client) -> None:
    reader = building.client_of(factories.make_user("reader", "view_order"))
    titles = [item["title"] for group in reader.get(HOME).context["sidebar_navigation"] for item in group["items"]]
    assert titles == ["Home", "Orders", "In doubt", "My batches"]
