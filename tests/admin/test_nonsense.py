"""Ids and numbers that no page of ours sends are answered in words or by nothing found, never by a failure."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from campaigns.models import Agent, Listing, Order
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

NONSENSE = ["abc", "-1", "²", "9" * 30, "9" * 5000]
BY_NAME = ["abc", "minus", "superscript", "too large", "much too large"]
NOT_IN_THE_LIST = ["Choose one from the list."]

nonsense = pytest.mark.parametrize("text", NONSENSE, ids=BY_NAME)


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


@nonsense
@pytest.mark.parametrize("field", ["branch", "agent", "listings", "plan"])
def test_the_form_of_an_order_says_so_beside_the_field_and_keeps_the_rest(
    client: Client, field: str, text: str
) -> None:
    branch = factories.make_branch()
    values: dict[str, Any] = {
        "branch": branch.pk,
        "listings": [factories.make_listing(branch, title="House with a view").pk],
        "plan": factories.make_plan().pk,
        "budget_override": "12.34",
    }
    answer = client.post("/admin/campaigns/order/add/", values | {field: text})
    assert answer.status_code == 200
    assert answer.context["form"].errors == {field: NOT_IN_THE_LIST}
    html = answer.content.decode()
    assert NOT_IN_THE_LIST[0] in html
    assert 'value="12.34"' in html
    assert ("House with a view" in html) == (field != "listings")
    assert not Order.objects.exists()


def test_one_listing_of_several_that_is_none_is_said_and_the_others_stay(client: Client) -> None:
    listing = factories.make_listing(title="House with a view")
    answer = client.post("/admin/campaigns/order/add/", {"listings": [listing.pk, "abc"]})
    assert answer.context["form"].errors["listings"] == NOT_IN_THE_LIST
    assert "House with a view" in answer.content.decode()


@nonsense
@pytest.mark.parametrize(("model", "field"), [("agent", "branch"), ("listing", "branch"), ("listing", "agent")])
def test_the_forms_of_the_catalogue_say_so_beside_the_field(client: Client, model: str, field: str, text: str) -> None:
    page = f"/admin/campaigns/{model}/add/"
    answer = client.post(page, {field: text, "external_id": "A-77"})
    assert answer.context["adminform"].form.errors[field] == NOT_IN_THE_LIST
    assert 'value="A-77"' in answer.content.decode()
    assert client.get(page, {field: text}).status_code == 200
    assert not Agent.objects.exists()
    assert not Listing.objects.exists()


@nonsense
def test_the_form_of_a_group_says_so(client: Client, text: str) -> None:
    answer = client.post("/admin/auth/group/add/", {"name": "Sellers", "permissions": text})
    assert answer.context["adminform"].form.errors == {"permissions": NOT_IN_THE_LIST}
    assert not Group.objects.filter(name="Sellers").exists()


@nonsense
@pytest.mark.parametrize("page", ["change", "edit", "history", "submit", "settle", "dry_run"])
def test_an_order_that_is_none_is_not_found(client: Client, page: str, text: str) -> None:
    building.draft()
    assert client.get(f"/admin/campaigns/order/{text}/{page}/", follow=True).status_code == 404


@nonsense
@pytest.mark.parametrize("page", ["change", "pause", "check"])
def test_a_campaign_that_is_none_is_not_found(client: Client, page: str, text: str) -> None:
    assert client.get(f"/admin/campaigns/campaign/{text}/{page}/", follow=True).status_code == 404


@nonsense
@pytest.mark.parametrize("model", ["branch", "agent", "listing", "plan", "attempt", "command", "event"])
def test_any_other_row_that_is_none_is_not_found(client: Client, model: str, text: str) -> None:
    assert client.get(f"/admin/campaigns/{model}/{text}/change/").status_code == 404


@nonsense
@pytest.mark.parametrize(
    "question",
    ["branch__id__exact", "plan__id__exact", "branch__id__in", "id__in", "state__exact", "needs", "e", "p", "o"],
)
def test_the_list_of_orders_bears_any_filter(client: Client, question: str, text: str) -> None:
    building.draft()
    answer = client.get("/admin/campaigns/order/", {question: text}, follow=True)
    assert answer.status_code == 200
    assert answer.context["cl"].list_display


@nonsense
def test_the_autocompletes_offer_nothing(client: Client, text: str) -> None:
    listing = factories.make_listing()
    asked = {"app_label": "campaigns", "model_name": "order", "field_name": "listings"}
    assert client.get("/admin/autocomplete/", asked | {"branch": text}).json()["results"] == []
    offered = client.get("/admin/autocomplete/", asked | {"branch": str(listing.branch_id)}).json()["results"]
    assert [row["id"] for row in offered] == [str(listing.pk)]


@nonsense
def test_the_autocompletes_have_no_such_page(client: Client, text: str) -> None:
    factories.make_plan()
    asked = {"app_label": "campaigns", "model_name": "order", "field_name": "plan", "page": text}
    assert client.get("/admin/autocomplete/", asked).status_code == 404


@pytest.mark.parametrize(
    ("month", "words"), [("3", "March"), ("13", "13"), ("0", "0"), ("-1", "-1"), ("9" * 18, "9" * 18)]
)
def test_the_list_bears_a_month_of_no_year(client: Client, month: str, words: str) -> None:
    answer = client.get("/admin/campaigns/event/", {"at__month": month})
    assert [(chip.name, chip.value) for chip in answer.context["cl"].chips] == [("At", words)]


@nonsense
def test_the_form_learns_nothing(client: Client, text: str) -> None:
    assert client.get("/admin/campaigns/order/facts/", {"branch": text, "plan": text, "start_at": text}).json() == {}
