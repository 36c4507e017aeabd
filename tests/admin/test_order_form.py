"""The form of a draft: what people write becomes an order, or is said to be wrong beside its field with nothing lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client

from campaigns.admin import pages as paging
from campaigns.models import Agent, Branch, Listing, Order, Plan
from campaigns.models.words import with_words
from campaigns.services import orders
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

ADD = "/admin/campaigns/order/add/"
NOW = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def client() -> Client:
    return building.client_of(building.author())


@pytest.fixture
def branch() -> Branch:
    return factories.make_branch(time_zone="Africa/Johannesburg")


def written(branch: Branch, **other: Any) -> dict[str, Any]:
    """Return a form that keeps all rules."""
    values = {
        "branch": branch.pk,
        "agent": "",
        "listings": [factories.make_listing(branch).pk],
        "plan": factories.make_plan().pk,
        "budget_override": "",
        "start_at": "2030-03-01T09:00",
        "end_at": "",
        "order_ref": "",
    }
    return values | other


def errors(answer: Any) -> dict[str, list[str]]:
    form = answer.context["form"]
    return {field: list(words) for field, words in form.errors.items()}


def test_a_full_form_becomes_a_draft_with_its_history(client: Client, branch: Branch) -> None:
    agent, listing, plan = factories.make_agent(branch), factories.make_listing(branch), factories.make_plan()
    values = written(branch, agent=agent.pk, listings=[listing.pk], plan=plan.pk, budget_override="2928.5")
    answer = client.post(ADD, values | {"end_at": "2030-03-15T09:00", "order_ref": "SPRING-1"})
    order = Order.objects.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/admin/campaigns/order/{order.pk}/change/"
    assert (order.order_ref, order.state, order.branch, order.agent, order.plan) == (
        "SPRING-1",
        "draft",
        branch,
        agent,
        plan,
    )
    assert list(order.listings.all()) == [listing]
    assert order.budget_override == Decimal("2928.50")
    assert order.start_at == datetime(2030, 3, 1, 7, 0, tzinfo=UTC)
    assert order.end_at == datetime(2030, 3, 15, 7, 0, tzinfo=UTC)
    assert building.kinds(order) == ["order.created"]


def test_whoever_works_for_one_branch_need_not_choose_it(branch: Branch) -> None:
    factories.make_branch()
    clerk = factories.make_user("clerk", *building.ORDER_STAFF, branches=[branch])
    chosen = building.client_of(clerk).get(ADD).context["form"]["branch"].value()
    assert chosen == branch.pk


def test_a_branch_that_is_not_active_or_one_of_several_is_chosen_for_nobody(client: Client) -> None:
    first, second = factories.make_branch(), factories.make_branch(active=False)
    clerk = factories.make_user("clerk", *building.ORDER_STAFF, branches=[second])
    assert building.client_of(clerk).get(ADD).context["form"]["branch"].value() is None
    assert client.get(ADD).context["form"]["branch"].value() == first.pk
    factories.make_branch()
    assert client.get(ADD).context["form"]["branch"].value() is None


def test_an_order_ref_is_made_where_none_is_written(client: Client, branch: Branch) -> None:
    client.post(ADD, written(branch))
    assert Order.objects.get().order_ref.startswith("ORD-20300101-")


def test_a_taken_order_ref_is_said_beside_its_field(client: Client, branch: Branch) -> None:
    client.post(ADD, written(branch, order_ref="SPRING-1"))
    answer = client.post(ADD, written(branch, order_ref="SPRING-1"))
    assert errors(answer) == {
        "order_ref": ["The order_ref SPRING-1 is taken. Choose another, or leave it empty to have one made."]
    }
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("branch", "", "This field is required."),
        ("listings", [], "Choose at least one listing."),
        ("start_at", "soon", "“soon” is not a date and time. Write it such as 2026-03-31 09:00."),
        (
            "start_at",
            "2030-03-01T09:00+02:00",
            "Leave the zone out: the time is read in the branch's own zone. Write it such as 2026-03-31 09:00.",
        ),
        (
            "start_at",
            "2029-12-31T09:00",
            "The start, 31 Dec 2029, 09:00 SAST, is in the past, and Flow takes only a start in the future. "
            "Choose a later start, or leave it empty to begin at once.",
        ),
        ("end_at", "2030-03-01T09:00", "The end must be after the start. Choose a later end."),
        ("budget_override", "2,928", "“2,928” is not an amount. Write digits and a point, such as 2928.00."),
        ("budget_override", "10.005", "10.005 has more than two decimals. Round it to cents."),
        ("budget_override", "-1", "An amount can't be negative. Write 0 or more."),
        ("budget_override", "0", "The budget must be more than 0. Enter an amount."),
        (
            "order_ref",
            "two words",
            "An order_ref starts with a letter or digit and has letters, digits, points, hyphens and underscores only.",
        ),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    client: Client, branch: Branch, field: str, value: Any, words: str
) -> None:
    answer = client.post(ADD, written(branch) | {field: value})
    assert answer.status_code == 200
    assert errors(answer) == {field: [words]}
    assert not Order.objects.exists()


def test_what_was_written_is_still_there_after_an_error(client: Client, branch: Branch) -> None:
    listing = factories.make_listing(branch, title="House with a view")
    answer = client.post(ADD, written(branch, listings=[listing.pk], budget_override="1.234", order_ref="SPRING-1"))
    html = answer.content.decode()
    for kept in (f'value="{branch.pk}" selected', "House with a view", 'value="1.234"', "SPRING-1", "2030-03-01T09:00"):
        assert kept in html


def test_listings_and_agent_of_another_branch_are_refused(client: Client, branch: Branch) -> None:
    agent, listing = factories.make_agent(), factories.make_listing()
    answer = client.post(ADD, written(branch, agent=agent.pk, listings=[listing.pk]))
    assert errors(answer) == {
        "agent": [f"Agent {agent} works at another branch. Choose an agent of {branch}, or none."],
        "listings": [f"Listing {listing} belongs to another branch. Remove it, or choose its own branch."],
    }
    assert not Order.objects.exists()


def test_a_listing_that_is_not_active_is_refused(client: Client, branch: Branch) -> None:
    listing = factories.make_listing(branch, active=False)
    answer = client.post(ADD, written(branch, listings=[listing.pk]))
    assert errors(answer) == {"listings": [f"Listing {listing} is not active. Remove it, or activate it."]}


def test_a_time_that_the_branch_s_clocks_skip_is_explained(client: Client) -> None:
    lisbon = factories.make_branch(time_zone="Europe/Lisbon")
    answer = client.post(ADD, written(lisbon, start_at="2030-03-31T01:30"))
    assert errors(answer) == {
        "start_at": [
            "01:30 on 31 Mar 2030 does not exist in Europe/Lisbon: the clocks go forward past it. "
            "Choose another time, such as 31 Mar 2030, 02:30 WEST."
        ]
    }


def test_a_time_that_comes_twice_is_explained(client: Client) -> None:
    lisbon = factories.make_branch(time_zone="Europe/Lisbon")
    answer = client.post(ADD, written(lisbon, start_at="2030-10-27T01:30"))
    assert errors(answer) == {
        "start_at": [
            "01:30 on 27 Oct 2030 happens twice in Europe/Lisbon: as 27 Oct 2030, 01:30 WEST and again as "
            "27 Oct 2030, 01:30 WET, because the clocks go back. Choose a time at least an hour earlier or later."
        ]
    }


def test_somebody_who_may_not_add_orders_adds_none(branch: Branch) -> None:
    reader = building.client_of(factories.make_user("reader", "view_order", "change_order"))
    assert reader.get(ADD).status_code == 403
    assert reader.post(ADD, written(branch)).status_code == 403
    assert not Order.objects.exists()


def edit(order: Order) -> str:
    return f"/admin/campaigns/order/{order.pk}/edit/"


def rewritten(order: Order, **other: Any) -> dict[str, Any]:
    zone = order.branch.zone
    start, end = (f"{moment.astimezone(zone):%Y-%m-%dT%H:%M:%S}" for moment in (order.start_at, order.end_at) if moment)
    values = {
        "branch": order.branch_id,
        "agent": order.agent_id or "",
        "listings": list(order.listings.values_list("pk", flat=True)),
        "plan": order.plan_id,
        "budget_override": "",
        "start_at": start,
        "end_at": end,
        "version": order.version,
    }
    return values | other


def test_a_draft_is_edited_with_its_history(client: Client) -> None:
    order = building.draft()
    answer = client.post(edit(order), rewritten(order, budget_override="99.00"))
    assert answer.status_code == 302
    order.refresh_from_db()
    assert (order.budget_override, order.version) == (Decimal("99.00"), 2)
    assert building.kinds(order) == ["order.created", "order.edited"]
    assert order.events.get(kind="order.edited").data == {"budget_override": [None, "99.00"]}


def test_the_form_of_a_draft_shows_it_on_the_branch_s_clock(client: Client) -> None:
    start = datetime(2040, 7, 1, 8, 0, tzinfo=UTC)
    lisbon = factories.make_branch(time_zone="Europe/Lisbon")
    order = building.draft(branch=lisbon, start_at=start, end_at=start + timedelta(days=1))
    html = client.get(edit(order)).content.decode()
    assert 'value="2040-07-01T09:00"' in html
    assert "order_ref" not in html.replace("data-", "").split("<form", 2)[-1].split("</form>")[0]


def test_saving_what_was_not_touched_changes_nothing_not_even_a_time_that_comes_twice(client: Client) -> None:
    lisbon = factories.make_branch(time_zone="Europe/Lisbon")
    second = datetime(2040, 10, 28, 1, 30, fold=1, tzinfo=ZoneInfo("Europe/Lisbon")).astimezone(UTC)
    order = building.draft(branch=lisbon, start_at=second, end_at=second + timedelta(days=1))
    form = client.get(edit(order)).context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    assert client.post(edit(order), values).status_code == 302
    order.refresh_from_db()
    assert (order.start_at, order.version) == (second, 1)


def test_of_two_editors_the_second_is_told_and_loses_nothing(client: Client) -> None:
    order = building.draft()
    seen = rewritten(order, budget_override="11.00")
    theirs = building.content(budget_override=Decimal(22))
    orders.edit_order(order.pk, 1, theirs, user=building.author(), now=NOW + timedelta(minutes=1))
    answer = client.post(edit(order), seen)
    assert answer.status_code == 200
    assert errors(answer) == {
        "__all__": [
            f"Order {order} has changed since you opened it; it is now: Draft. Nothing was done. "
            "Look at it again and decide anew."
        ]
    }
    html = " ".join(answer.content.decode().split())
    assert 'value="11.00"' in html
    assert "1 Jan 2030, 11:01 SAST: author edited the order: Plan " in html
    assert "; Budget override the plan&#x27;s default → 22.00 ZAR" in html
    assert f'<a href="{edit(order)}"' in html
    assert "Open it anew" in html
    assert "Save draft" not in html
    assert Order.objects.get().budget_override == Decimal("22.00")


@pytest.mark.parametrize("build", [building.queued, building.awaiting_approval, building.rejected, building.in_doubt])
def test_only_a_draft_is_edited(client: Client, build: Any) -> None:
    order = build()
    answer = client.get(edit(order))
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/admin/campaigns/order/{order.pk}/change/")
    answer = client.post(edit(order), rewritten(order, budget_override="11.00"))
    assert errors(answer) == {"__all__": [f"Order {order} is submitted and can't be edited. Return it to draft first."]}
    assert Order.objects.filter(pk=order.pk, budget_override=None, version=order.version).exists()


def test_somebody_who_may_only_look_edits_nothing() -> None:
    order = building.draft()
    reader = building.client_of(factories.make_user("reader", "view_order"))
    assert reader.get(edit(order)).status_code == 403
    assert reader.post(edit(order), rewritten(order, budget_override="11.00")).status_code == 403
    assert Order.objects.filter(pk=order.pk, budget_override=None, version=1).exists()


def test_an_order_ref_cannot_be_changed_by_the_form(client: Client) -> None:
    order = building.draft()
    client.post(edit(order), rewritten(order, order_ref="OTHER", budget_override="5.00"))
    assert Order.objects.get().order_ref == order.order_ref
    assert Order.objects.get().budget_override == Decimal("5.00")


def facts(client: Client, **asked: Any) -> Any:
    return client.get("/admin/campaigns/order/facts/", asked).json()


def test_the_form_learns_what_the_plan_and_the_branch_mean(client: Client) -> None:
    plan = factories.make_plan(default_budget=Decimal(2928), duration_days=14, max_listings=3)
    lisbon = factories.make_branch(time_zone="Europe/Lisbon")
    asked: dict[str, Any] = {
        "plan": plan.pk,
        "branch": lisbon.pk,
        "start_at": "2030-03-20T09:00",
        "end_at": "2030-04-03T09:00",
    }
    assert facts(client, **asked) == {
        "plan": "Default budget 2,928.00 ZAR; an override is in ZAR, too · 14 days · at most 3 listings",
        "zones": {"start_at": "WET (Europe/Lisbon)", "end_at": "WEST (Europe/Lisbon)"},
        "end": "2030-04-03T09:00",
    }


def test_the_form_learns_nothing_of_what_is_not_there(client: Client) -> None:
    assert facts(client) == {}
    assert facts(client, plan="x", branch="0", start_at="soon") == {}


def test_the_form_learns_nothing_for_those_who_may_not_see_the_catalogue() -> None:
    plan = factories.make_plan()
    stranger = building.client_of(factories.make_user("stranger", "add_order"))
    assert stranger.get("/admin/campaigns/order/facts/", {"plan": plan.pk}).status_code == 403


def offered(client: Client, field: str, **asked: Any) -> list[str]:
    question: dict[str, Any] = {
        "app_label": "campaigns",
        "model_name": "order",
        "field_name": field,
        "term": "",
        "order_form": 1,
    }
    return [row["text"] for row in client.get("/admin/autocomplete/", question | asked).json()["results"]]


@pytest.mark.parametrize(("field", "make"), [("agent", factories.make_agent), ("listings", factories.make_listing)])
def test_agents_and_listings_are_offered_of_the_chosen_branch_alone(
    client: Client, branch: Branch, field: str, make: Any
) -> None:
    mine = make(branch)
    make(branch, active=False)
    make()
    assert offered(client, field, branch=branch.pk) == [str(mine)]
    for nothing in ({}, {"branch": ""}, {"branch": "x"}, {"branch": "9" * 30}):
        assert offered(client, field, **nothing) == []


def test_only_active_branches_and_plans_are_offered(client: Client, branch: Branch) -> None:
    factories.make_branch(active=False)
    plan = factories.make_plan()
    factories.make_plan(active=False)
    assert offered(client, "branch") == [str(branch)]
    assert offered(client, "plan") == [str(plan)]


def test_listings_are_found_by_title_and_external_id(client: Client, branch: Branch) -> None:
    factories.make_listing(branch, title="Flat")
    house: Listing = factories.make_listing(branch, title="House", external_id="L-77")
    assert offered(client, "listings", branch=branch.pk, term="hous") == [str(house)]
    assert offered(client, "listings", branch=branch.pk, term="L-77") == [str(house)]


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("sea point", True),
        ("POI", True),
        ("a 77", True),
        ("A-77", True),
        ("A-7", True),
        ("A_77", True),
        ("é", True),
        ("oint", False),
        ("sea pointe", False),
        ("7-A", False),
        ("éc e", False),
        (".*", False),
        ("(", False),
    ],
)
def test_words_are_found_in_the_chosen_branch_as_in_the_lists(
    client: Client, branch: Branch, term: str, found: bool
) -> None:
    agent = factories.make_agent(branch, name="Élan of Sea Point", external_id="A-77", email="elan@agency.example")
    factories.make_agent(name=agent.name, external_id="A-78")
    assert offered(client, "agent", branch=branch.pk, term=term) == [str(agent)] * found
    assert (agent in with_words(Agent.objects.all(), term)) is found


def test_choices_come_twenty_at_a_time_and_say_whether_there_are_more(client: Client, branch: Branch) -> None:
    agents = [str(factories.make_agent(branch, name=f"Agent {number:02}")) for number in range(41)]
    asked: dict[str, Any] = {
        "app_label": "campaigns",
        "model_name": "order",
        "field_name": "agent",
        "branch": branch.pk,
        "term": "agent",
    }
    pages = [client.get("/admin/autocomplete/", asked | {"page": page}) for page in (1, 2, 3, 4)]
    told = [page.json() for page in pages[:3]]
    assert [row["text"] for page in told for row in page["results"]] == agents
    assert [page["pagination"]["more"] for page in told] == [True, True, False]
    assert pages[3].status_code == 404


def test_choices_end_where_lists_do(client: Client, branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 30)
    for _ in range(41):
        factories.make_listing(branch)
    asked: dict[str, Any] = {"app_label": "campaigns", "model_name": "order", "field_name": "listings"}
    asked["branch"] = branch.pk
    answers = [client.get("/admin/autocomplete/", asked | {"page": page}) for page in (1, 2, 3)]
    shown = [(len(answer.json()["results"]), answer.json()["pagination"]["more"]) for answer in answers[:2]]
    assert shown == [(20, True), (10, False)]
    assert answers[2].status_code == 404


def test_autocompletes_are_closed_to_those_who_may_not_see_the_rows() -> None:
    factories.make_plan()
    stranger = building.client_of(factories.make_user("stranger", "add_order"))
    question = {"app_label": "campaigns", "model_name": "order", "field_name": "plan", "term": ""}
    assert stranger.get("/admin/autocomplete/", question).status_code == 403
    assert Plan.objects.count() == 1
