"""Above a list stands what narrows it, each part with the way to take it away, and on a phone what it can be sorted by."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns.models import Order
from campaigns.selectors import ORDER_NEEDS
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

ORDERS = "/admin/campaigns/order/"
RIGHTS = ("view_order", "view_branch", "view_plan", "view_event")


@pytest.fixture
def client() -> Client:
    return building.client_of(factories.make_user("reader", *RIGHTS))


def found(client: Client, page: str, **query: Any) -> Any:
    answer = client.get(f"{page}?{urlencode(query, doseq=True)}")
    assert answer.status_code == 200
    return answer.context["cl"]


def chips(client: Client, page: str, **query: Any) -> dict[str, str]:
    return {chip.name: chip.value for chip in found(client, page, **query).chips}


def test_each_filter_is_named_in_words(client: Client) -> None:
    order = building.draft()
    query = {
        "needs": "approval",
        "state__exact": "draft",
        "branch__id__exact": order.branch_id,
        "plan__id__exact": "",
        "week": "2030-03-04",
        "created_at__year": 2030,
        "created_at__month": 3,
        "q": "ORD",
    }
    assert list(chips(client, ORDERS, **query).items()) == [
        ("Search", "“ORD”"),
        ("Attention needed", ORDER_NEEDS["approval"].title),
        ("State", "Draft"),
        ("Branch", str(order.branch)),
        ("Week committed", "2030-03-04"),
        ("Created at", "March 2030"),
    ]


def test_a_filter_is_taken_away_and_all_else_stays(client: Client) -> None:
    query = {
        "state__exact": "draft",
        "created_at__year": 2030,
        "q": "ORD",
        "columns": "order_ref,state_badge",
        "o": "-0",
    }
    links = {chip.name: chip.url for chip in found(client, ORDERS, **query).chips}
    for chip, name in (("State", "state__exact"), ("Created at", "created_at__year"), ("Search", "q")):
        rest = {each: [str(value)] for each, value in query.items() if each != name}
        assert parse_qs(links[chip][1:]) == rest


def test_all_of_them_are_cleared_and_columns_and_order_stay(client: Client) -> None:
    clear = found(client, ORDERS, state__exact="draft", q="ORD", columns="order_ref", o="-0").clear
    assert (clear.label, clear.url) == ("Clear the search and the filters", "?columns=order_ref&o=-0")


def test_a_list_that_nothing_narrows_says_nothing(client: Client) -> None:
    building.draft()
    changelist = found(client, ORDERS, state__exact="", needs="", o="1")
    assert changelist.chips == []
    assert not changelist.has_active_filters
    assert "console-narrowed" not in client.get(ORDERS).content.decode()


@pytest.mark.parametrize("value", ["7000000", "x", str(2**70)])
def test_a_row_that_the_person_may_not_see_is_not_named(client: Client, value: str) -> None:
    assert chips(client, ORDERS, branch__id__exact=value) in ({"Branch": "one that you may not see"}, {})


def test_a_branch_of_others_is_not_named() -> None:
    other = factories.make_branch(name="Zanzibar")
    mine = building.client_of(factories.make_user("mine", *RIGHTS, branches=[factories.make_branch()]))
    assert chips(mine, ORDERS, branch__id__exact=other.pk) == {"Branch": "one that you may not see"}


def test_what_only_an_address_asks_for_is_named_as_well(client: Client) -> None:
    order = building.draft()
    moment = datetime(2030, 3, 4, 7, 30, tzinfo=UTC)
    Order.objects.update(created_at=moment)
    asked = {"created_at__exact": moment.isoformat(), "created_by__exact": order.created_by_id}
    assert building.names(found(client, ORDERS, **asked).result_list) == [order.order_ref]
    assert chips(client, ORDERS, **asked) == {"Created at": "4 Mar 2030, 09:30 SAST", "Created by": "author"}
    assert chips(client, "/admin/campaigns/event/", order__id__exact=order.pk) == {"Order": order.order_ref}


def test_a_person_is_named_where_the_rows_name_them_or_who_asks_may_see_people(client: Client) -> None:
    other = factories.make_user("zoe")
    boss = building.client_of(User.objects.create_superuser("boss", password="x"))
    assert chips(client, ORDERS, created_by__exact=other.pk) == {"Created by": "one that you may not see"}
    assert chips(boss, ORDERS, created_by__exact=other.pk) == {"Created by": "zoe"}


def test_a_person_is_not_named_beside_the_one_whose_rows_are_there(client: Client) -> None:
    order, other = building.draft(), factories.make_user("zoe")
    both = [order.created_by_id, other.pk]
    assert building.names(found(client, ORDERS, created_by__exact=both).result_list) == [order.order_ref]
    assert chips(client, ORDERS, created_by__exact=both) == {"Created by": "one that you may not see"}


def test_yes_and_no_are_words(client: Client) -> None:
    assert chips(client, "/admin/campaigns/branch/", active__exact=0) == {"Active": "No"}


def test_the_words_of_others_are_plain_text_in_it(client: Client) -> None:
    html = client.get(ORDERS, {"q": "<b>"}).content.decode()
    assert "<bdi>“&lt;b&gt;”</bdi>" in html


def test_the_orders_of_the_list_are_links(client: Client) -> None:
    building.draft()
    sorts = found(client, ORDERS, state__exact="draft", o="-3.0").sorts
    assert [(sort.name, sort.arrow) for sort in sorts] == [
        ("order ref", "▲"),
        ("branch", ""),
        ("plan", ""),
        ("state", "▼"),
    ]
    assert [sort.url for sort in sorts] == [
        "?o=-0&state__exact=draft",
        "?o=1&state__exact=draft",
        "?o=2&state__exact=draft",
        "?o=3&state__exact=draft",
    ]


def test_the_lists_are_called_as_in_the_menu(client: Client) -> None:
    boss = building.client_of(User.objects.create_superuser("boss", password="x"))
    for page, title in (
        ("campaigns/event", "History"),
        ("django_celery_beat/periodictask", "Schedule"),
        ("campaigns/order", "Orders"),
    ):
        html = " ".join(boss.get(f"/admin/{page}/").content.decode().split())
        assert f" {title} | Campaign console</title>" in html
        heading = html[html.index("<h1") : html.index("</h1>")]
        assert title in heading
