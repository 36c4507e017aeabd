"""The page of one line of history tells its details in words, not as they are stored."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.admin import look
from campaigns.domain.states import ActorKind
from campaigns.models import Agent, Event, Listing, Order
from campaigns.services import catalogue, orders
from campaigns.services.content import Content
from campaigns.services.history import record
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


def page(event: Event) -> str:
    user = User.objects.create_superuser("boss", password="x")
    answer = building.client_of(user).get(f"/admin/campaigns/event/{event.pk}/change/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def told(name: str, words: str) -> str:
    return f'<dt class="font-semibold text-important">{name}</dt><dd>{words}</dd>'


def line(kind: str, data: dict[str, Any], **about: Any) -> Event:
    return record(kind, "Words.", now=timezone.now(), by=ActorKind.SCHEDULER, data=data, **about)


def test_a_change_is_told_as_old_and_new_on_the_clock_and_in_the_currency_of_its_order() -> None:
    order = building.draft(branch=factories.make_branch(time_zone="Europe/Lisbon"), agent=None)
    dates = [None, "2040-07-01T08:00:00+00:00"]
    html = page(line("order.edited", {"start_at": dates, "budget_override": [None, "100.00"]}, order=order))

    assert told("Start", "none → 1 Jul 2040, 09:00 WEST") in html
    assert told("Budget override", f"the plan&#x27;s default → 100.00 {order.amount_currency}") in html


def test_facts_are_told_one_by_one_and_two_tracking_ids_are_no_change() -> None:
    order = building.draft()
    html = page(line("order.published", {"http_status": 202, "tracking_ids": ["queue_1", "<b>2</b>"]}, order=order))

    assert told("Http status", "202") in html
    assert told("Tracking ids", "queue_1, &lt;b&gt;2&lt;/b&gt;") in html


def test_a_line_without_details_says_so() -> None:
    assert '<span class="console-nothing">–</span>' in page(line("order.cancelled", {}, order=building.draft()))


def test_what_is_not_kept_as_expected_is_shown_as_it_is() -> None:
    html = page(line("branch.changed", {"monthly_budget": ["x", {"deep": 1}], "name": "Cape", "empty": []}))

    assert told("Monthly budget", "x → {&#x27;deep&#x27;: 1}") in html
    assert told("Name", "Cape") in html
    assert told("Empty", "none") in html


def test_an_edit_is_told_in_the_list_and_on_the_page_as_in_the_timeline() -> None:
    order, author = building.draft(budget_override=Decimal(8000)), building.author()
    flat = factories.make_listing(order.branch, title="Flat")
    content = replace(Content.of(order), budget_override=Decimal(6000), listings=(*order.listings.all(), flat))
    orders.edit_order(order.pk, order.version, content, user=author, now=timezone.now())
    event = order.events.get(kind="order.edited")
    reader = factories.make_user("lister", "view_event", "view_listing")
    html = building.client_of(reader).get("/admin/campaigns/event/").content.decode()
    words = "author edited the order: Listings 1 → 2; added: Flat; Budget override 8,000.00 ZAR → 6,000.00 ZAR"
    assert look.short(words) in html
    assert words in page(event)
    assert "budget_override" not in html


def test_the_list_asks_the_database_no_more_for_more_edits(django_assert_max_num_queries: Any) -> None:
    client = building.client_of(factories.make_user("lister", "view_event", "view_listing", "view_order"))

    def edit_one() -> None:
        order = building.draft()
        content = replace(Content.of(order), budget_override=Decimal(6000), agent=None, listings=order_listings(order))
        orders.edit_order(order.pk, order.version, content, user=building.author(), now=timezone.now())

    edit_one()
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/campaigns/event/")
    for _ in range(4):
        edit_one()
    with django_assert_max_num_queries(len(few)):
        client.get("/admin/campaigns/event/")


def order_listings(order: Order) -> tuple[Listing, ...]:
    return (factories.make_listing(order.branch),)


def test_lines_of_what_had_an_id_before_are_no_pages_for_another_branch() -> None:
    theirs, mine = factories.make_branch(), factories.make_branch()
    boss = User.objects.create_superuser("boss", password="x")
    eve = factories.make_user("eve", "view_event", "add_agent", branches=[mine])
    agent = Agent(branch=theirs, external_id="AG-7", name="Zed", email="zed.private@agency.example")
    catalogue.save(agent, user=boss, now=timezone.now())
    catalogue.delete(agent, user=boss, now=timezone.now())
    old = Event.objects.get(subject="agent:AG-7", kind="agent.created")

    again = Agent(branch=mine, external_id="AG-7", name="Ann", email="ann@agency.example")
    catalogue.save(again, user=eve, now=timezone.now())

    client = building.client_of(eve)
    listed = client.get("/admin/campaigns/event/?subject__exact=agent:AG-7").content.decode()
    assert ("eve added agent Ann (AG-7)." in listed, "Zed" in listed) == (True, False)
    assert client.get(f"/admin/campaigns/event/{old.pk}/change/").status_code == 404
