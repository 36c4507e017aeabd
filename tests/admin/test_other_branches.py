"""Nobody sees, finds or changes anything of a branch that they do not work for, whichever address they try."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client

from campaigns.models import Branch, Campaign, Listing, Order, Plan
from tests import factories
from tests.admin import building
from tests.admin.other_branch import (
    MARK,
    OF_NO_BRANCH,
    SOMEBODYS,
    OtherBranch,
    addresses,
    autocompletes,
    make_other_branch,
    pages_of_a_row,
    pages_of_no_row,
    questions,
)

pytestmark = pytest.mark.django_db
ROLES = ("Viewer", "Order builder", "Publisher", "Approver", "Branch manager")


@pytest.fixture
def other() -> OtherBranch:
    return make_other_branch()


@pytest.fixture
def own() -> Branch:
    """The branch that the person works for, with an order of its own."""
    branch = factories.make_branch(name="Sea Point")
    building.queued(factories.make_user("colleague", *building.EVERYTHING), branch=branch)
    return branch


@pytest.fixture(params=ROLES)
def person(request: pytest.FixtureRequest, own: Branch) -> User:
    user = factories.make_user("naledi", branches=[own])
    user.groups.add(Group.objects.get(name=request.param))
    return user


def everything() -> dict[str, list[Any]]:
    """Return every row that a page of the admin is about."""
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in admin.site._registry}


def answers(order_or_campaign: Any) -> dict[str, Any]:
    """Return what every form of a deed asks for, so that nothing but the branch can be the reason to refuse."""
    version = getattr(order_or_campaign, "version", getattr(order_or_campaign, "command_number", 1))
    words = dict.fromkeys(("reason", "comment", "evidence", "text", "name"), "Because.")
    return {**words, "version": version, "resolution": "abandon", "post": "yes"}


def not_refused(found: dict[str, int]) -> dict[str, int]:
    """Return the pages that answered otherwise. Somebody's file to import leads to the upload, like one kept too long."""
    return {
        page: code
        for page, code in found.items()
        if code not in ({302} if "/import/" in page else set()) | {403, 404, 405}
    }


def test_every_kind_of_row_is_tried_here(other: OtherBranch) -> None:
    assert set(other.rows) | set(OF_NO_BRANCH) == set(admin.site._registry) | set(SOMEBODYS.values())
    assert [name for name, model, arguments in addresses() if arguments and model is None] == []


def test_no_page_of_a_row_of_another_branch_is_there(person: User, other: OtherBranch) -> None:
    client, pages = building.client_of(person), pages_of_a_row(other.rows)
    assert len(pages) > 100
    found = {page: client.get(page).status_code for page in pages}
    assert not_refused(found) == {}


def test_nothing_sent_to_a_row_of_another_branch_does_anything(person: User, other: OtherBranch) -> None:
    client, before = building.client_of(person), everything()
    found = {
        page: client.post(page, answers(row)).status_code
        for model, rows in other.rows.items()
        for row in rows
        for page in pages_of_a_row({model: [row]})
    }
    assert not_refused(found) == {}
    assert everything() == before


def test_no_list_and_no_form_shows_anything_of_another_branch(person: User, other: OtherBranch) -> None:
    client = building.client_of(person)
    shown = [
        f"{page}?{question}"
        for page in pages_of_no_row()
        for question in questions(other)
        if MARK in building.sent(client.get(f"{page}?{question}", follow=True)).decode(errors="replace")
    ]
    assert shown == []


def test_no_autocomplete_offers_anything_of_another_branch(person: User, other: OtherBranch) -> None:
    client = building.client_of(person)
    assert [page for page in autocompletes(other) if MARK in client.get(page).content.decode()] == []


def test_no_order_is_made_of_rows_of_another_branch(person: User, other: OtherBranch, own: Branch) -> None:
    client, before = building.client_of(person), everything()
    listing, plan = other.row(Listing), factories.make_plan()
    for branch in (other.branch, own):
        answer = client.post(
            "/admin/campaigns/order/add/", {"branch": branch.pk, "listings": [listing.pk], "plan": plan.pk}
        )
        assert MARK not in answer.content.decode()
    after = everything()
    del before["campaigns.Plan"], after["campaigns.Plan"]
    assert after == before


@pytest.mark.parametrize("model", OF_NO_BRANCH, ids=str)
def test_rows_of_no_branch_are_changed_by_administrators_alone(person: User, model: type[Model]) -> None:
    row = OF_NO_BRANCH[model]()
    client, before = building.client_of(person), everything()
    refused = {403, 404, 405} | ({302} if model is Plan else set())  # what is sent to a plan's history leads there
    assert {client.post(page, answers(row)).status_code for page in pages_of_a_row({model: [row]})} <= refused
    assert everything() == before


def test_an_administrator_sees_every_branch(other: OtherBranch) -> None:
    user = factories.make_user("admina", branches=[])
    user.groups.add(Group.objects.get(name="Administrator"))
    client = building.client_of(user)
    models: tuple[type[Model], ...] = (Branch, Order, Campaign)
    for model in models:
        page = f"/admin/campaigns/{model._meta.model_name}/{other.row(model).pk}/change/"
        assert client.get(page).status_code == 200


def test_somebody_of_no_branch_sees_nothing_and_is_told_why(other: OtherBranch, client: Client) -> None:
    user = factories.make_user("newcomer", branches=[])
    user.groups.add(Group.objects.get(name="Publisher"))
    client.force_login(user)
    home = client.get("/admin/").content.decode()
    assert (
        "You do not work for any branch yet, so there is nothing to see. Ask an administrator to add you to one."
        in home
    )
    assert MARK not in client.get("/admin/campaigns/order/").content.decode()


def test_somebody_of_no_branch_is_told_why_there_is_no_form_of_an_order(client: Client) -> None:
    factories.make_branch()
    user = factories.make_user("newcomer", branches=[])
    user.groups.add(Group.objects.get(name="Publisher"))
    client.force_login(user)
    html = client.get("/admin/campaigns/order/add/").content.decode()
    assert "You do not work for any branch yet, and an order belongs to one." in html
    assert 'id="order-form"' not in html


def test_where_there_is_no_branch_at_all_the_form_of_an_order_says_so(client: Client) -> None:
    client.force_login(factories.make_user("boss", is_superuser=True))
    html = client.get("/admin/campaigns/order/add/").content.decode()
    assert "There is no branch yet, and an order belongs to one. Add or import the branches first." in html
