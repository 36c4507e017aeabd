"""A list without rows says what will appear in it and offers the first step; one that was narrowed to nothing, the way out."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from campaigns.admin.base import ModelAdmin
from campaigns.models import Branch
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

ORDERS = "/admin/campaigns/order/"


def boss() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


def empty(client: Client, page: str) -> Any:
    return client.get(page).context["cl"].empty


def steps(client: Client, page: str) -> list[tuple[str, str]]:
    return [(step.label, step.url) for step in empty(client, page).steps]


def with_right(*permissions: str) -> Client:
    return building.client_of(factories.make_user("reader", *permissions))


def test_an_empty_list_says_what_will_appear_and_offers_the_first_steps() -> None:
    answer = boss().get(ORDERS)
    html = answer.content.decode()
    assert "No orders yet" in html
    assert "An order says what to advertise" in html
    assert 'href="/admin/campaigns/order/add/"' in html.split("No orders yet")[1]
    assert "No results found" not in html
    assert [step.label for step in answer.context["cl"].empty.steps] == ["Add order", "Import orders…"]


@pytest.mark.parametrize("rooms", [*admin.site._registry.values()], ids=lambda rooms: rooms.opts.model_name)
def test_every_list_has_words_of_its_own(rooms: ModelAdmin[Any]) -> None:
    assert rooms.appears != ModelAdmin.appears


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("branch", ("Add branch", "/admin/campaigns/branch/add/")),
        ("agent", ("Add agent", "/admin/campaigns/agent/add/")),
        ("listing", ("Add listing", "/admin/campaigns/listing/add/")),
        ("plan", ("Add plan", "/admin/campaigns/plan/add/")),
        ("campaign", ("Go to the orders", ORDERS)),
        ("attempt", ("Go to the orders", ORDERS)),
        ("command", ("Go to the campaigns", "/admin/campaigns/campaign/")),
        ("batch", ("Go to the orders", ORDERS)),
    ],
)
def test_each_list_leads_to_where_its_first_row_comes_from(model: str, first: tuple[str, str]) -> None:
    assert steps(boss(), reverse(f"admin:campaigns_{model}_changelist"))[0] == first


@pytest.mark.parametrize("model", ["order", "listing", "campaign", "command"])
def test_nobody_is_offered_a_step_that_they_may_not_take(model: str) -> None:
    client = with_right(f"view_{model}")
    page = reverse(f"admin:campaigns_{model}_changelist")
    assert steps(client, page) == []
    assert f"No {model}s yet" in client.get(page).content.decode()


def test_a_search_without_a_hit_says_so_and_offers_to_clear_it() -> None:
    factories.make_branch()
    client, page = boss(), "/admin/campaigns/branch/?q=%3Cb%3Enowhere&o=1"
    html = client.get(page).content.decode()
    assert "No branches match" in html
    assert "Nothing here fits the search “&lt;b&gt;nowhere”." in html
    assert steps(client, page) == [("Clear the search", "?o=1")]


def test_filters_that_leave_nothing_say_so_and_the_way_out_keeps_the_columns() -> None:
    building.draft()
    found = empty(boss(), f"{ORDERS}?state__exact=rejected&q=ORD&columns=order_ref,costs")
    assert found.words == "Nothing here fits the search “ORD” and the filters."
    assert [(step.label, step.url) for step in found.steps] == [
        ("Clear the search and the filters", "?columns=order_ref%2Ccosts")
    ]


def test_a_search_in_a_list_without_any_rows_is_not_to_blame() -> None:
    assert empty(boss(), f"{ORDERS}?q=ORD").title == "No orders yet"


def test_another_branch_s_rows_do_not_count() -> None:
    building.draft()
    nobody = factories.make_user("outsider", "view_order", branches=[Branch.objects.create(external_id="x", name="X")])
    assert empty(building.client_of(nobody), ORDERS).title == "No orders yet"


def test_a_list_with_rows_shows_them_alone() -> None:
    building.draft()
    answer = boss().get(ORDERS)
    assert not hasattr(answer.context["cl"], "empty")
    assert "console-empty" not in answer.content.decode()
