"""Two people edit the same draft or entry of the catalogue: nothing is overwritten silently, and nothing typed is lost."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from campaigns.admin.conflicts import Compared
from campaigns.models import Branch, Event, Listing, Order
from campaigns.services import catalogue, orders
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
NOW = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def naledi() -> User:
    return factories.make_user("naledi", *building.ORDER_STAFF, "change_listing", "change_branch")


@pytest.fixture
def thabo() -> Client:
    return building.client_of(
        factories.make_user("thabo", *building.ORDER_STAFF, "view_event", "change_listing", "change_branch")
    )


def as_shown(answer: Any) -> dict[str, Any]:
    """Return what a browser sends when somebody saves the form as it is."""
    form = answer.context["adminform"].form if "adminform" in answer.context else answer.context["form"]
    values = {name: form[name].value() for name in form.fields}
    values = {name: "on" if value is True else value for name, value in values.items() if value is not False}
    began = values["began"]
    values["began"] = json.dumps(began) if isinstance(began, dict) else began
    return {name: "" if value is None else value for name, value in values.items()}


def edit(order: Order) -> str:
    return f"/admin/campaigns/order/{order.pk}/edit/"


def compared(answer: Any) -> dict[str, Compared]:
    return {row.field: row for row in answer.context["conflict"]}


@pytest.fixture
def order() -> Order:
    return building.draft(agent=None, budget_override=Decimal("100.00"))


def naledi_edits(order: Order, naledi: User, **changes: Any) -> None:
    form = {"client": building.client_of(naledi)}
    answer = form["client"].get(edit(order))
    assert form["client"].post(edit(order), as_shown(answer) | changes).status_code == 302


def test_the_second_sees_who_changed_what_and_nothing_is_saved(order: Order, naledi: User, thabo: Client) -> None:
    written = as_shown(thabo.get(edit(order))) | {"budget_override": "300.00"}
    naledi_edits(order, naledi, budget_override="200.00")

    answer = thabo.post(edit(order), written)

    row = compared(answer)["budget_override"]
    assert (row.before, row.theirs, row.mine, row.touched) == ("100.00 ZAR", "200.00 ZAR", "300.00 ZAR", True)
    assert row.who == "naledi, 1 Jan 2030, 11:00 SAST"
    assert list(compared(answer)) == ["budget_override"]
    assert answer.context["form"].non_field_errors() == [
        "Others have changed this since you opened it: Budget override. Nothing of yours is saved yet: compare, and save again."
    ]
    assert as_shown(answer)["budget_override"] == "300.00"
    order.refresh_from_db()
    assert (order.budget_override, order.version) == (Decimal("200.00"), 2)


@pytest.mark.parametrize(("take", "saved"), [("mine", "300.00"), ("theirs", "200.00")])
def test_saving_again_takes_what_was_chosen(order: Order, naledi: User, thabo: Client, take: str, saved: str) -> None:
    agent = factories.make_agent(order.branch)
    written = as_shown(thabo.get(edit(order))) | {"budget_override": "300.00", "agent": agent.pk}
    naledi_edits(order, naledi, budget_override="200.00")
    again = as_shown(thabo.post(edit(order), written))

    answer = thabo.post(edit(order), again | {"take_budget_override": take})

    assert answer.status_code == 302
    order.refresh_from_db()
    assert (order.budget_override, order.agent) == (Decimal(saved), agent)


def test_what_the_second_left_alone_keeps_the_first_one_s_value(order: Order, naledi: User, thabo: Client) -> None:
    listing, agent = factories.make_listing(order.branch), factories.make_agent(order.branch)
    written = as_shown(thabo.get(edit(order))) | {"agent": agent.pk}
    naledi_edits(order, naledi, listings=[listing.pk], start_at="")

    answer = thabo.post(edit(order), written)

    rows = compared(answer)
    assert set(rows) == {"listings", "start_at"}
    assert (rows["listings"].theirs, rows["listings"].touched) == (listing.title, False)
    assert rows["start_at"].theirs == "none"
    assert thabo.post(edit(order), as_shown(answer)).status_code == 302
    order.refresh_from_db()
    assert (list(order.listings.all()), order.start_at, order.agent) == ([listing], None, agent)


def test_a_third_save_in_between_is_shown_too(order: Order, naledi: User, thabo: Client) -> None:
    written = as_shown(thabo.get(edit(order))) | {"budget_override": "300.00"}
    naledi_edits(order, naledi, budget_override="200.00")
    again = as_shown(thabo.post(edit(order), written))
    naledi_edits(order, naledi, budget_override="250.00")

    answer = thabo.post(edit(order), again | {"take_budget_override": "mine"})

    row = compared(answer)["budget_override"]
    assert (row.before, row.theirs, row.mine) == ("200.00 ZAR", "250.00 ZAR", "300.00 ZAR")
    order.refresh_from_db()
    assert order.budget_override == Decimal("250.00")


def test_an_order_that_was_submitted_meanwhile_is_not_saved_and_what_was_typed_is_kept(
    order: Order, naledi: User, thabo: Client
) -> None:
    written = as_shown(thabo.get(edit(order))) | {"budget_override": "300.00"}
    orders.submit(order.pk, order.version, user=naledi, now=NOW)
    answer = thabo.post(edit(order), written)
    assert answer.context["conflict"] is None
    assert "300.00" in answer.content.decode()
    order.refresh_from_db()
    assert (order.state, order.budget_override) == ("queued", Decimal("100.00"))


@pytest.mark.parametrize(
    "began", ["", "7", "{}", "nonsense", '{"listings": 7, "plan": ["x"], "start_at": 7, "budget_override": {}}']
)
def test_a_form_that_lies_about_what_it_began_with_overwrites_nothing(
    order: Order, naledi: User, thabo: Client, began: str
) -> None:
    secret = factories.make_listing(title="Secret")
    written = as_shown(thabo.get(edit(order))) | {"budget_override": "300.00", "began": began}
    naledi_edits(order, naledi, budget_override="200.00")
    answer = thabo.post(edit(order), written)
    assert answer.status_code == 200
    assert secret.title not in answer.content.decode()
    order.refresh_from_db()
    assert order.budget_override == Decimal("200.00")


def test_names_of_another_branch_are_not_told_to_who_asks_for_them_by_id(order: Order, naledi: User) -> None:
    secret = factories.make_listing(title="Secret")
    user = factories.make_user("here", *building.ORDER_STAFF, branches=[order.branch])
    client = building.client_of(user)
    written = as_shown(client.get(edit(order)))
    began = json.loads(written["began"]) | {"listings": [secret.external_id]}
    naledi_edits(order, naledi, budget_override="200.00")
    answer = client.post(edit(order), written | {"began": json.dumps(began)})
    assert compared(answer)["listings"].before == secret.external_id
    assert "Secret" not in answer.content.decode()


def page_of(listing: Listing) -> str:
    return f"/admin/campaigns/listing/{listing.pk}/change/"


@pytest.fixture
def listing() -> Listing:
    return factories.make_listing(title="Flat", status="for sale", price="100.00")


def naledi_saves(listing: Listing, naledi: User, **changes: Any) -> None:
    entry = Listing.objects.get(pk=listing.pk)
    for name, value in changes.items():
        setattr(entry, name, value)
    catalogue.save(entry, user=naledi, now=NOW)


def test_the_second_to_save_a_listing_sees_what_the_first_changed(
    listing: Listing, naledi: User, thabo: Client
) -> None:
    written = as_shown(thabo.get(page_of(listing))) | {"title": "House", "status": "sold"}
    naledi_saves(listing, naledi, title="Villa", active=False)
    lines = Event.objects.count()

    answer = thabo.post(page_of(listing), written)

    rows = compared(answer)
    assert set(rows) == {"title", "active"}
    title, active = rows["title"], rows["active"]
    assert (title.before, title.theirs, title.mine, title.touched) == ("Flat", "Villa", "House", True)
    assert title.who == "naledi, 1 Jan 2030, 11:00 SAST"
    assert (active.before, active.theirs, active.touched) == ("yes", "no", False)
    html = answer.content.decode()
    assert 'value="House"' in html
    assert html.index("Others have changed this since you opened it") < html.index("What others changed")
    assert "Please correct" not in html
    assert f"House ({listing.external_id})" not in html, "what is not saved is not its name"
    listing.refresh_from_db()
    assert (listing.title, listing.status, listing.active) == ("Villa", "for sale", False)
    assert Event.objects.count() == lines


@pytest.mark.parametrize(("take", "title"), [("mine", "House"), ("theirs", "Villa")])
def test_saving_the_listing_again_takes_what_was_chosen(
    listing: Listing, naledi: User, thabo: Client, take: str, title: str
) -> None:
    written = as_shown(thabo.get(page_of(listing))) | {"title": "House", "status": "sold"}
    naledi_saves(listing, naledi, title="Villa", active=False)
    again = as_shown(thabo.post(page_of(listing), written))

    answer = thabo.post(page_of(listing), again | {"take_title": take})

    assert answer.status_code == 302
    listing.refresh_from_db()
    assert (listing.title, listing.status, listing.active) == (title, "sold", False)


def test_an_import_in_between_is_named(listing: Listing, thabo: Client) -> None:
    written = as_shown(thabo.get(page_of(listing))) | {"title": "House"}
    Listing.objects.filter(pk=listing.pk).update(price="90.00")
    answer = thabo.post(page_of(listing), written)
    row = compared(answer)["price"]
    assert (row.before, row.theirs, row.mine, row.who) == ("100.00 ZAR", "90.00 ZAR", "100.00 ZAR", "somebody")
    listing.refresh_from_db()
    assert (listing.title, listing.price) == ("Flat", Decimal("90.00"))


def test_nobody_in_between_means_no_question(listing: Listing, thabo: Client) -> None:
    written = as_shown(thabo.get(page_of(listing))) | {"title": "House"}
    assert thabo.post(page_of(listing), written).status_code == 302
    listing.refresh_from_db()
    assert listing.title == "House"


def test_a_branch_is_guarded_as_well(naledi: User, thabo: Client) -> None:
    branch = factories.make_branch(name="Sea Point")
    page = f"/admin/campaigns/branch/{branch.pk}/change/"
    written = as_shown(thabo.get(page)) | {"name": "Sea Point II"}
    entry = Branch.objects.get()
    entry.approval_threshold = Decimal(500)
    catalogue.save(entry, user=naledi, now=NOW)

    answer = thabo.post(page, written)

    assert compared(answer)["approval_threshold"].theirs == "500.00 ZAR"
    assert thabo.post(page, as_shown(answer)).status_code == 302
    branch.refresh_from_db()
    assert (branch.name, branch.approval_threshold) == ("Sea Point II", Decimal("500.00"))


@pytest.mark.parametrize("began", [None, "", "7", "null", "{}", "nonsense"])
def test_a_form_of_the_catalogue_that_does_not_say_what_it_began_with_saves_nothing_and_keeps_what_was_typed(
    listing: Listing, naledi: User, thabo: Client, began: str | None
) -> None:
    written = as_shown(thabo.get(page_of(listing))) | {"title": "House"}
    del written["began"]
    naledi_saves(listing, naledi, status="sold")
    lines = Event.objects.count()

    answer = thabo.post(page_of(listing), written if began is None else written | {"began": began})

    assert 'value="House"' in answer.content.decode()
    listing.refresh_from_db()
    assert (listing.title, listing.status, Event.objects.count()) == ("Flat", "sold", lines)


def test_such_a_form_is_compared_with_what_is_there_and_can_be_saved_again(
    listing: Listing, naledi: User, thabo: Client
) -> None:
    written = as_shown(thabo.get(page_of(listing))) | {"title": "House"}
    del written["began"]
    naledi_saves(listing, naledi, status="sold")

    answer = thabo.post(page_of(listing), written)

    rows = compared(answer)
    assert set(rows) == {"title", "status"}
    assert (rows["title"].before, rows["title"].theirs, rows["title"].mine) == ("not known", "Flat", "House")
    assert answer.context["adminform"].form.non_field_errors() == [
        "The form came without what the entry was when you opened it. Nothing of yours is saved yet: compare it with what "
        "is there now, and save again."
    ]
    assert thabo.post(page_of(listing), as_shown(answer) | {"take_status": "theirs"}).status_code == 302
    listing.refresh_from_db()
    assert (listing.title, listing.status) == ("House", "sold")


@pytest.mark.parametrize("kind", ["branch", "agent", "plan"])
def test_every_form_of_the_catalogue_is_guarded(kind: str) -> None:
    makers: dict[str, Callable[[], Any]] = {
        "branch": factories.make_branch,
        "agent": factories.make_agent,
        "plan": factories.make_plan,
    }
    entry = makers[kind]()
    client = building.client_of(factories.make_user("keeper", f"change_{kind}", "view_branch"))
    page = f"/admin/campaigns/{kind}/{entry.pk}/change/"
    written = as_shown(client.get(page)) | {"name": "Another name"}
    del written["began"]
    answer = client.post(page, written)
    assert compared(answer)["name"].mine == "Another name"
    assert type(entry).objects.get(pk=entry.pk).name == entry.name


def test_the_price_of_a_plan_is_compared_in_its_own_currency() -> None:
    plan = factories.make_plan(currency="EUR", default_budget=Decimal(1000))
    client = building.client_of(factories.make_user("keeper", "change_plan"))
    page = f"/admin/campaigns/plan/{plan.pk}/change/"
    written = as_shown(client.get(page)) | {"default_budget": "3000"}
    plan.default_budget = Decimal("2928")
    catalogue.save(plan, user=User.objects.create_superuser("boss"), now=NOW)
    row = compared(client.post(page, written))["default_budget"]
    assert (row.before, row.theirs, row.mine) == ("1,000.00 EUR", "2,928.00 EUR", "3,000.00 EUR")
