"""Importing files whose rows are right: what is added, changed, left alone, and told in the history."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Agent, Branch, Event, Listing, Plan
from campaigns.services.catalogue import ImportResult, Kind
from campaigns.services.errors import NotAllowed
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user
from tests.services.catalogue_files import NOW, import_lines, said

pytestmark = pytest.mark.django_db


def test_branches_with_required_columns_alone_get_the_defaults() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name", "64491ba8e9d1335b06252be4,Sandton")

    assert result == ImportResult(created=1)
    branch = Branch.objects.get()
    assert (branch.external_id, branch.name) == ("64491ba8e9d1335b06252be4", "Sandton")
    assert (branch.time_zone, branch.monthly_budget, branch.active) == ("Africa/Johannesburg", None, True)


def test_all_columns_of_a_branch_arrive() -> None:
    import_lines(
        Kind.BRANCHES,
        "active,approval_threshold,monthly_budget,time_zone,name,external_id",
        "no,5000,120000.5,Europe/London,London,B1",
    )

    branch = Branch.objects.get()
    assert (branch.time_zone, branch.active) == ("Europe/London", False)
    assert (branch.monthly_budget, branch.approval_threshold) == (Decimal("120000.50"), Decimal("5000.00"))


def test_agents_plans_and_listings_arrive_with_what_they_refer_to() -> None:
    branch = make_branch(external_id="B1")
    import_lines(Kind.AGENTS, "external_id,branch,name,email", "12585873,B1,Thandi Mokoena,thandi@agency.example")
    import_lines(
        Kind.PLANS,
        "ref,name,default_budget,duration_days,currency,max_listings",
        "facebookv2,Facebook,1500,14,USD,5",
    )
    import_lines(
        Kind.LISTINGS,
        "external_id,branch,agent,title,price,url",
        "L1,B1,12585873,House,2500000,https://portal.example/1",
        "L2,B1,,Flat,900000.99,https://portal.example/2",
    )

    agent, plan = Agent.objects.get(), Plan.objects.get()
    assert (agent.branch, agent.email) == (branch, "thandi@agency.example")
    assert (plan.default_budget, plan.duration_days, plan.currency, plan.max_listings) == (Decimal(1500), 14, "USD", 5)
    assert list(Listing.objects.order_by("pk").values_list("external_id", "agent", "price")) == [
        ("L1", agent.pk, Decimal("2500000.00")),
        ("L2", None, Decimal("900000.99")),
    ]


def test_the_same_file_twice_changes_nothing() -> None:
    make_branch(external_id="B1")
    lines = (
        "external_id,branch,name,email,active",
        "A1,B1,Thandi,t@agency.example,no",
        "A2,B1,Pieter,p@agency.example,",
    )
    assert import_lines(Kind.AGENTS, *lines) == ImportResult(created=2)
    before = list(Event.objects.values())

    assert import_lines(Kind.AGENTS, *lines) == ImportResult(unchanged=2)
    assert list(Event.objects.values()) == before


def test_a_row_whose_id_is_there_changes_that_entry_and_no_other() -> None:
    branch = make_branch(external_id="B1")
    agent = make_agent(branch, external_id="A1", name="Thandi", email="t@agency.example")
    make_agent(branch, external_id="A2", name="Pieter", email="p@agency.example")

    result = import_lines(
        Kind.AGENTS,
        "external_id,branch,name,email",
        "A1,B1,Thandiwe,t@agency.example",
        "A2,B1,Pieter,p@agency.example",
        "A3,B1,Aisha,a@agency.example",
    )

    assert result == ImportResult(created=1, changed=1, unchanged=1)
    assert Agent.objects.get(pk=agent.pk).name == "Thandiwe"
    assert list(Agent.objects.order_by("external_id").values_list("name", flat=True)) == ["Thandiwe", "Pieter", "Aisha"]


def test_an_optional_column_that_is_left_out_leaves_the_values_as_they_are() -> None:
    make_plan(
        ref="P1", name="Old", default_budget="100", duration_days=7, objective="Leads", max_listings=3, active=False
    )

    import_lines(Kind.PLANS, "ref,name,default_budget,duration_days", "P1,New,100,7")

    plan = Plan.objects.get()
    assert (plan.name, plan.objective, plan.max_listings, plan.active) == ("New", "Leads", 3, False)


def test_an_empty_cell_in_an_optional_column_sets_the_default_or_nothing() -> None:
    make_plan(
        ref="P1", name="Plan", default_budget="100", duration_days=7, currency="USD", objective="Leads", max_listings=3
    )
    Plan.objects.update(active=False)

    import_lines(
        Kind.PLANS, "ref,name,default_budget,duration_days,currency,objective,max_listings,active", "P1,Plan,100,7,,,,"
    )

    plan = Plan.objects.get()
    assert (plan.currency, plan.objective, plan.max_listings, plan.active) == ("ZAR", "", None, True)


def test_a_dry_run_tells_what_would_change_and_writes_nothing() -> None:
    make_branch(external_id="B1", name="Sandton")

    result = import_lines(Kind.BRANCHES, "external_id,name", "B1,Rosebank", "B2,Menlyn", dry_run=True)

    assert result == ImportResult(created=1, changed=1)
    assert list(Branch.objects.values_list("name", flat=True)) == ["Sandton"]
    assert not Event.objects.exists()


def test_each_change_has_its_line_of_history_with_old_and_new_values() -> None:
    olivia = make_user("olivia", "add_plan", "change_plan")
    make_plan(ref="P1", name="Facebook", default_budget="1500", duration_days=14)

    import_lines(Kind.PLANS, "ref,name,default_budget,duration_days", "P1,Facebook,1750,14", "P2,New,1,1", user=olivia)

    changed, created = Event.objects.order_by("pk")
    assert (changed.kind, changed.subject, changed.at, changed.actor) == ("plan.changed", "plan:P1", NOW, olivia)
    assert changed.data == {"default_budget": ["1500.00", "1750.00"]}
    assert changed.text == "The import of from-portal.csv changed default_budget of plan Facebook (P1)."
    assert (created.kind, created.subject, created.actor_kind) == ("plan.created", "plan:P2", "person")
    assert created.data["name"] == [None, "New"]


def test_a_branch_or_agent_stands_in_the_history_by_its_external_id() -> None:
    old, new = make_branch(external_id="B1"), make_branch(external_id="B2")
    make_listing(old, external_id="L1", title="House", price="10.00", url="https://portal.example/1")
    make_agent(new, external_id="A1")

    header = "external_id,branch,agent,title,price,url"
    result = import_lines(Kind.LISTINGS, header, "L1,B2,A1,House,10,https://portal.example/1")

    assert said(result) == []
    event = Event.objects.get()
    assert event.data == {"branch": ["B1", "B2"], "agent": [None, "A1"]}
    assert (event.actor_kind, event.actor) == ("scheduler", None)


@pytest.mark.parametrize("permission", ["add_branch", "change_branch"])
def test_a_person_needs_both_permissions(permission: str) -> None:
    vera = make_user("vera", permission)

    with pytest.raises(NotAllowed, match=r"vera may not (add|change) branches"):
        import_lines(Kind.BRANCHES, "external_id,name", "B1,Sandton", user=vera)

    assert not Branch.objects.exists()


def test_an_agent_may_move_to_another_branch_and_its_listings_say_so_when_they_are_next_imported() -> None:
    old, new = make_branch(external_id="B1"), make_branch(external_id="B2")
    agent = make_agent(old, external_id="A1", name="Thandi", email="t@agency.example")
    make_listing(old, external_id="L1", agent=agent, title="House", price="10", url="https://portal.example/1")

    moved = import_lines(Kind.AGENTS, "external_id,branch,name,email", "A1,B2,Thandi,t@agency.example")
    listing = import_lines(
        Kind.LISTINGS, "external_id,branch,agent,title,price,url", "L1,B1,A1,House,10,https://portal.example/1"
    )

    assert moved.changed == 1
    assert Agent.objects.get().branch == new
    message = "This agent works at another branch. Choose an agent of the listing's branch."
    assert said(listing) == [(2, "agent", message)]


def test_ten_thousand_rows_take_a_handful_of_queries_a_thousand() -> None:
    make_branch(external_id="B1")
    header = "external_id,branch,agent,title,price,url,address,status,image_url,active"
    rows = [f"L{n},B1,,House {n},{n}.50,https://portal.example/{n},Road {n},for sale,,yes" for n in range(10_000)]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert import_lines(Kind.LISTINGS, header, *rows) == ImportResult(created=10_000)
    assert len(queries) < 300  # SQLite takes about 100 rows in one statement
    assert (Listing.objects.count(), Event.objects.count()) == (10_000, 10_000)

    with CaptureQueriesContext(connection) as queries:
        assert import_lines(Kind.LISTINGS, header, *rows) == ImportResult(unchanged=10_000)
    assert len(queries) < 30
