"""All money is shown with its currency and with separators: in lists, on pages, before an import and between two editors."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from campaigns.admin import look
from campaigns.models import Listing, Plan
from tests import factories
from tests.admin import building
from tests.admin.test_edit_conflict import as_shown, compared

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


def text(answer: Any) -> str:
    return " ".join(strip_tags(answer.content.decode()).split())


def changes(client: Client, kind: str, *lines: str) -> list[str]:
    """Upload a file; return what its preview says of each row."""
    file = SimpleUploadedFile("rows.csv", "\n".join(lines).encode())
    preview = client.post(f"/admin/campaigns/{kind}/import/", {"file": file}, follow=True)
    return [str(row[3]) for row in preview.context["table"]["rows"]]


def test_the_list_of_listings_shows_prices_in_the_site_s_currency(boss: Client) -> None:
    factories.make_listing(price=Decimal("2928000.5"))
    assert "2,928,000.50 ZAR" in text(boss.get("/admin/campaigns/listing/"))


def test_the_list_is_sorted_by_price_as_a_number(boss: Client) -> None:
    for price in ("900", "10000", "2000"):
        factories.make_listing(price=Decimal(price), title=price)
    found = boss.get("/admin/campaigns/listing/?columns=title,price&o=1").context["cl"].result_list
    assert [row.title for row in found] == ["900", "2000", "10000"]


def test_the_list_of_branches_shows_threshold_and_budget_with_the_currency(boss: Client) -> None:
    factories.make_branch(approval_threshold=Decimal(5000), monthly_budget=Decimal(120000))
    factories.make_branch()
    html = text(boss.get("/admin/campaigns/branch/"))
    assert "5,000.00 ZAR 120,000.00 ZAR" in html


@pytest.mark.parametrize(
    ("kind", "make", "shown"),
    [
        ("listing", lambda: factories.make_listing(price=Decimal(2928000)), "2,928,000.00 ZAR"),
        ("branch", lambda: factories.make_branch(monthly_budget=Decimal(2928)), "2,928.00 ZAR"),
        ("plan", lambda: factories.make_plan(default_budget=Decimal(2928), currency="USD"), "2,928.00 USD"),
    ],
)
def test_who_may_only_look_sees_amounts_with_their_currency(kind: str, make: Any, shown: str) -> None:
    row = make()
    client = building.client_of(factories.make_user("reader", f"view_{kind}"))
    assert shown in text(client.get(f"/admin/campaigns/{kind}/{row.pk}/change/"))


def test_who_may_edit_types_a_plain_number_beside_its_currency(boss: Client) -> None:
    listing = factories.make_listing(price=Decimal(2928000))
    answer = boss.get(f"/admin/campaigns/listing/{listing.pk}/change/")
    assert "Price (ZAR)" in text(answer)
    assert 'value="2928000.00"' in answer.content.decode()


def test_the_review_shows_what_each_listing_is_offered_for() -> None:
    branch = factories.make_branch()
    order = building.draft(branch=branch, listings=(factories.make_listing(branch, price=Decimal(2928000)),))
    answer = building.client_of(building.author()).get(f"/admin/campaigns/order/{order.pk}/submit/")
    assert "2,928,000.00 ZAR" in text(answer)


def test_an_import_shows_prices_before_and_after(boss: Client) -> None:
    branch = factories.make_branch(external_id="B1")
    factories.make_listing(branch, external_id="L1", title="Flat", price=Decimal(1000), url="https://a.example/1")
    rows = changes(
        boss,
        "listing",
        "external_id,branch,agent,title,price,url",
        "L1,B1,,Flat,2500000,https://a.example/1",
        "L2,B1,,House,3000000,https://a.example/2",
    )
    assert "<strong>price</strong>: <del>1,000.00 ZAR</del> → <ins>2,500,000.00 ZAR</ins>" in rows[0]
    assert "<strong>price</strong>: 3,000,000.00 ZAR" in rows[1]


def test_an_import_of_plans_shows_each_amount_in_its_own_currency(boss: Client) -> None:
    factories.make_plan(ref="P1", name="Small", default_budget=Decimal(100), duration_days=14, currency="USD")
    header = "ref,name,default_budget,duration_days"
    kept = changes(boss, "plan", header, "P1,Small,2000,14")
    moved = changes(boss, "plan", f"{header},currency", "P1,Small,2000,14,EUR", "P2,Large,9000,14,NAD")
    assert "<del>100.00 USD</del> → <ins>2,000.00 USD</ins>" in kept[0]
    assert "<del>100.00 USD</del> → <ins>2,000.00 EUR</ins>" in moved[0]
    assert "<strong>default_budget</strong>: 9,000.00 NAD" in moved[1]


def test_an_import_of_orders_shows_budgets_in_the_plan_s_currency(boss: Client) -> None:
    branch = factories.make_branch(external_id="B1")
    factories.make_listing(branch, external_id="L1")
    factories.make_plan(ref="P1", currency="USD")
    rows = changes(boss, "order", "order_ref,plan,branch,listings,budget_override", "NEW-1,P1,B1,L1,2928")
    assert "<strong>budget_override</strong>: 2,928.00 USD" in rows[0]


def test_an_import_of_orders_names_branches_and_listings_and_tells_times_on_the_branch_s_clock(boss: Client) -> None:
    branch = factories.make_branch(name="Sea Point", external_id="B1", time_zone="Africa/Johannesburg")
    listing = factories.make_listing(branch, title="Flat", external_id="L1")
    plan = factories.make_plan(name="Reach", ref="P1")
    start = datetime(2090, 12, 10, 7, tzinfo=UTC)
    factories.make_agent(branch, name="Naledi", external_id="A1")
    kept = building.draft(branch=branch, agent=None, listings=(listing,), plan=plan, start_at=start, end_at=None)
    rows = changes(
        boss,
        "order",
        "order_ref,plan,branch,listings,agent,start",
        "NEW-1,P1,B1,L1,A1,2090-12-10 09:00",
        f"{kept.order_ref},P1,B1,L1,,2090-12-11 10:30",
    )
    names = {"plan": "Reach (P1)", "branch": "Sea Point (B1)", "agent": "Naledi (A1)", "listings": "Flat (L1)"}
    for column, name in names.items():
        assert f"<strong>{column}</strong>: {name}</li>" in rows[0]
    assert "<strong>start</strong>: 10 Dec 2090, 09:00 SAST</li>" in rows[0]
    assert "<del>10 Dec 2090, 09:00 SAST</del> → <ins>11 Dec 2090, 10:30 SAST</ins>" in rows[1]


def test_an_import_of_listings_names_branches_and_agents(boss: Client) -> None:
    branch = factories.make_branch(name="Sea Point", external_id="B1")
    factories.make_agent(branch, name="Naledi", external_id="A1")
    header = "external_id,branch,agent,title,price,url"
    (row,) = changes(boss, "listing", header, "L2,B1,A1,House,3000000,https://a.example/2")
    assert "<strong>branch</strong>: Sea Point (B1)</li>" in row
    assert "<strong>agent</strong>: Naledi (A1)</li>" in row


def test_two_editors_of_a_plan_see_each_amount_in_the_currency_it_had(boss: Client) -> None:
    plan = factories.make_plan(default_budget=Decimal(100), currency="ZAR")
    page = f"/admin/campaigns/plan/{plan.pk}/change/"
    written = as_shown(boss.get(page)) | {"name": "Other"}
    Plan.objects.update(default_budget=Decimal(2000), currency="USD")
    answer = boss.post(page, written)
    rows = compared(answer)
    assert (rows["default_budget"].before, rows["default_budget"].theirs) == ("100.00 ZAR", "2,000.00 USD")


@pytest.mark.parametrize("nonsense", [{}, [], "1e999999999", "NaN", "free", True])
def test_what_is_no_amount_is_shown_as_it_is(nonsense: Any) -> None:
    assert look.amount(nonsense) == str(nonsense)


def test_a_template_names_currency_and_listings(boss: Client) -> None:
    branch = factories.make_branch()
    listings = tuple(factories.make_listing(branch, title=f"Flat {number}") for number in range(4))
    plan = factories.make_plan(currency="EUR", default_budget=Decimal(2928))
    for amount in (Decimal(6000), None):
        order = building.draft(branch=branch, agent=None, listings=listings, plan=plan, budget_override=amount)
        asked = {"version": order.version, "name": f"With {amount}"}
        boss.post(f"/admin/campaigns/order/{order.pk}/template/", asked)
    shown = text(boss.get("/admin/campaigns/order/templates/"))
    named = "; ".join(str(listing) for listing in sorted(listings, key=lambda each: each.external_id)[:3])
    assert shown.count(f"4: {named}; and 1 more") == 2
    assert "Budget override6,000.00 EUR" in shown
    assert "Budget overrideNone: the plan&#x27;s default, 2,928.00 EUR" in shown
    Plan.objects.filter(pk=plan.pk).update(ref="gone")
    Listing.objects.filter(pk=listings[0].pk).update(external_id="gone")
    shown = text(boss.get("/admin/campaigns/order/templates/"))
    assert "Budget override6,000.00, in the plan&#x27;s currency" in shown
    assert f"4: {listings[0].external_id}, not there any more; " in shown


def test_the_templates_take_as_many_queries_for_many_as_for_one(boss: Client) -> None:
    taken = []
    for number in (1, 9):
        for each in range(number):
            order = building.draft()
            name = {"version": order.version, "name": f"{number} {each}"}
            boss.post(f"/admin/campaigns/order/{order.pk}/template/", name)
        with CaptureQueriesContext(connection) as captured:
            boss.get("/admin/campaigns/order/templates/")
        taken.append(len(captured))
    assert taken[0] == taken[1]


def test_an_order_s_form_names_the_currency_of_its_budget(boss: Client) -> None:
    order = building.draft(plan=factories.make_plan(name="Reach", currency="EUR"))
    edit = boss.get(f"/admin/campaigns/order/{order.pk}/edit/").context["form"]
    assert edit["budget_override"].help_text.startswith("In the plan's currency, which is EUR for Reach. Empty: ")
    add = boss.get("/admin/campaigns/order/add/").context["form"]
    assert add["budget_override"].help_text.startswith("In the plan's currency. Empty: ")
    sent = boss.post("/admin/campaigns/order/add/", {"plan": order.plan_id}).context["form"]
    assert sent["budget_override"].help_text.startswith("In the plan's currency, which is EUR for Reach. Empty: ")
    nonsense = boss.post("/admin/campaigns/order/add/", {"plan": "x"}).context["form"]
    assert nonsense["budget_override"].help_text.startswith("In the plan's currency. Empty: ")


@pytest.mark.parametrize(
    ("ids", "shared"), [(["queue_1"], "for this campaign alone"), (["queue_1", "queue_2"], "for 2 campaigns together")]
)
def test_a_campaign_s_page_tells_what_its_order_costs_and_for_how_many(
    boss: Client, ids: list[str], shared: str
) -> None:
    campaign = building.published(*ids).campaigns.earliest("pk")
    shown = text(boss.get(f"/admin/campaigns/campaign/{campaign.pk}/change/"))
    assert f"1,500.00 ZAR is what its order costs, {shared}" in shown


def test_numbers_of_rows_are_shown_with_separators(boss: Client) -> None:
    factories.make_branch(external_id="B1")
    lines = [f"A{number},B1,Agent {number},a{number}@a.example" for number in range(1100)]
    file = SimpleUploadedFile("agents.csv", "\n".join(["external_id,branch,name,email", *lines]).encode())
    preview = boss.post("/admin/campaigns/agent/import/", {"file": file}, follow=True)
    shown = text(preview)
    assert "Of 1,100 rows, 1,100 would be written" in shown
    assert "Import 1,100 rows" in shown
    assert "All rows 1,100" in shown
