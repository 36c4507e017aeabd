"""Branches, agents, listings and plans are written through the service, with history; its refusals are shown on the form."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from campaigns.models import Branch, Event, Listing, OrderTemplate
from tests import factories
from tests.admin import building
from tests.admin.test_order_moves import told

pytestmark = pytest.mark.django_db

RIGHTS = tuple(f"{deed}_{model}" for deed in ("view", "add", "change", "delete") for model in ("branch", "listing"))
LIST = "/admin/campaigns/branch/"


@pytest.fixture
def keeper() -> User:
    return factories.make_user("keeper", *RIGHTS)


@pytest.fixture
def client(keeper: User) -> Client:
    return building.client_of(keeper)


def written(**other: Any) -> dict[str, Any]:
    values = {"external_id": "SP-1", "name": "Sea Point", "time_zone": "Africa/Johannesburg", "active": "on"}
    return values | {"monthly_budget": "", "approval_threshold": ""} | other


def began(client: Client, page: str) -> str:
    """Return what the form says that it began with."""
    form = client.get(page).context["adminform"].form
    return json.dumps(form.get_initial_for_field(form.fields["began"], "began"))


def errors(answer: Any) -> dict[str, list[str]]:
    form = answer.context["adminform"].form
    return {field: list(words) for field, words in form.errors.items()}


def test_a_new_branch_has_a_line_of_history(client: Client, keeper: User) -> None:
    assert client.post(f"{LIST}add/", written()).status_code == 302
    branch, event = Branch.objects.get(), Event.objects.get()
    assert (branch.external_id, branch.name) == ("SP-1", "Sea Point")
    assert (event.kind, event.subject, event.actor) == ("branch.created", "branch:SP-1", keeper)


def test_a_change_is_kept_with_its_old_and_new_value(client: Client) -> None:
    branch = factories.make_branch(external_id="SP-1", name="Sea Point", approval_threshold=None)
    page = f"{LIST}{branch.pk}/change/"
    client.post(page, written(approval_threshold="5000", began=began(client, page)))
    branch.refresh_from_db()
    event = Event.objects.get()
    assert branch.approval_threshold == Decimal("5000.00")
    assert event.kind == "branch.changed"
    assert list(event.data) == ["approval_threshold"]


@pytest.mark.parametrize(
    ("field", "value", "start"),
    [
        ("external_id", "with space", "An id has letters, digits and signs of plain ASCII only, without spaces."),
        ("name", "x" * 300, "Ensure this value has at most 200 characters (it has 300)."),
        ("time_zone", "Mars/Base", "“Mars/Base” is not a time zone."),
        ("approval_threshold", "-1", "Ensure this value is greater than or equal to 0."),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(client: Client, field: str, value: str, start: str) -> None:
    answer = client.post(f"{LIST}add/", written() | {field: value})
    assert list(errors(answer)) == [field]
    assert errors(answer)[field][0].startswith(start)
    assert not Branch.objects.exists()
    assert not Event.objects.exists()


def test_what_only_the_service_refuses_is_shown_beside_its_field_with_the_input_kept(client: Client) -> None:
    order = building.queued()
    branch, events = order.branch, Event.objects.count()
    page = f"{LIST}{branch.pk}/change/"
    other = written(external_id="OTHER", name="A new name", began=began(client, page))
    answer = client.post(page, other)
    assert answer.status_code == 200
    assert list(errors(answer)) == ["external_id"]
    assert errors(answer)["external_id"][0].startswith("Submitted orders name this branch by its id")
    assert 'value="A new name"' in answer.content.decode()
    assert Branch.objects.get(pk=branch.pk).external_id == branch.external_id
    assert Event.objects.count() == events


def test_a_branch_that_nothing_uses_is_deleted_with_a_line_of_history(client: Client) -> None:
    branch = factories.make_branch(external_id="SP-1")
    client.post(f"{LIST}{branch.pk}/delete/", {"post": "yes"})
    assert not Branch.objects.exists()
    assert Event.objects.get().kind == "branch.deleted"


def test_what_nothing_uses_is_asked_about_in_plain_words(client: Client) -> None:
    unused = factories.make_branch(name="Sea Point")
    fields = {"content": {}, "owner": building.author(), "created_at": timezone.now()}
    OrderTemplate.objects.create(name="Spring", branch=unused, **fields)
    shown = client.get(f"{LIST}{unused.pk}/delete/").content.decode().replace("&#x27;", "'")
    words = " ".join(strip_tags(shown).split())
    assert f"Nothing refers to {unused}. Its 1 template of orders goes with it. It can't be brought back" in words
    assert 'name="post" value="yes"' in shown
    assert "Branches: 1" not in words


def test_a_name_that_is_not_saved_stands_nowhere_but_in_its_field(client: Client) -> None:
    branch = factories.make_branch(name="Sea Point", external_id="SP-1")
    html = client.post(f"{LIST}{branch.pk}/change/", written(name="Typed", time_zone="Nowhere")).content.decode()
    assert "Sea Point (SP-1)" in html
    assert "Typed (" not in html


def test_a_branch_that_orders_use_stays(client: Client) -> None:
    order = building.draft()
    branch, page = order.branch, f"{LIST}{order.branch_id}/"
    question = client.get(f"{page}delete/")
    shown = question.content.decode().replace("&#x27;", "'")
    why = (
        f"Branch {branch} has 1 order, 1 listing, 1 agent, so it can't be deleted. "
        "Set it inactive instead: then nobody can choose it any more."
    )
    assert why in shown
    assert "Are you sure" not in shown
    assert 'name="post"' not in shown
    assert order.order_ref not in shown
    answer = client.post(f"{page}delete/", {"post": "yes"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{page}change/")
    assert told(answer) == [
        f"{why} Nothing was changed.",
    ]
    assert not LogEntry.objects.exists()
    assert Branch.objects.filter(pk=branch.pk).exists()
    assert not Event.objects.filter(kind="branch.deleted").exists()


def test_somebody_who_may_only_look_writes_nothing() -> None:
    branch = factories.make_branch(external_id="SP-1")
    reader = building.client_of(factories.make_user("reader", "view_branch"))
    assert reader.get(f"{LIST}{branch.pk}/change/").status_code == 200
    assert reader.post(f"{LIST}{branch.pk}/change/", written(name="Other")).status_code == 403
    assert reader.post(f"{LIST}add/", written(external_id="SP-2")).status_code == 403
    assert reader.post(f"{LIST}{branch.pk}/delete/", {"post": "yes"}).status_code == 403
    assert list(Branch.objects.values_list("external_id", "name")) == [("SP-1", branch.name)]
    assert not Event.objects.exists()


def test_a_listing_with_an_agent_of_another_branch_is_refused() -> None:
    client = building.client_of(User.objects.create_superuser("boss", password="x"))
    branch, agent = factories.make_branch(), factories.make_agent()
    values = {"external_id": "L-1", "branch": branch.pk, "agent": agent.pk, "title": "House", "price": "1"}
    answer = client.post("/admin/campaigns/listing/add/", values | {"url": "https://portal.example/1"})
    assert errors(answer) == {"agent": ["This agent works at another branch. Choose an agent of the listing's branch."]}
    assert not Listing.objects.exists()


def test_success_is_told(client: Client) -> None:
    answer = client.post(f"{LIST}add/", written())
    assert len(told(answer)) == 1
