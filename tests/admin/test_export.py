"""Exporting lists: their rows, columns and order, within what the person may see, as files that are safe to open."""

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from openpyxl import load_workbook

from campaigns.domain.states import Action
from campaigns.models import Event, Listing
from campaigns.services import commands, exporting
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

LISTS = ["order", "campaign", "listing", "agent", "branch", "plan", "command"]
START = datetime(2040, 3, 1, 9, tzinfo=ZoneInfo("Africa/Johannesburg"))


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password="x")


def export(client: Client, name: str, query: str = "", file_format: str = "csv") -> Any:
    return client.post(f"/admin/campaigns/{name}/export/", {"format": file_format, "query": query})


def rows(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def sheet(answer: Any) -> Any:
    return load_workbook(io.BytesIO(building.sent(answer))).worksheets[0]


def test_orders_are_exported_as_the_list_shows_them(boss: User) -> None:
    branch = factories.make_branch(name="Sea Point", time_zone="Africa/Johannesburg")
    plan = factories.make_plan(name="Local reach", currency="USD")
    order = building.draft(branch=branch, plan=plan, start_at=START, end_at=START + timedelta(days=1))
    building.queued()

    answer = export(building.client_of(boss), "order", "state__exact=draft")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    header = ["order ref", "branch", "plan", "state", "amount", "amount, currency", "start", "start, zone", "problem"]
    row = [
        order.order_ref,
        "Sea Point",
        "Local reach",
        "Draft",
        "1500.00",
        "USD",
        "2040-03-01T09:00:00+02:00",
        "SAST",
        "",
    ]
    assert rows(answer) == [header, row]
    event = Event.objects.latest("pk")
    assert (event.kind, event.actor) == ("list.exported", boss)
    assert event.text == "boss exported the list of orders as CSV: 1 rows."
    expected = {"list": "orders", "format": "csv", "filters": "state__exact=draft", "columns": header, "rows": 1}
    assert event.data == expected


def test_columns_search_and_order_of_the_list_count(boss: User) -> None:
    branch = factories.make_branch()
    for name in ("Alpha", "Beta", "Gamma"):
        factories.make_listing(branch, title=name, address=f"{name} Road")
    answer = export(building.client_of(boss), "listing", "q=road&columns=title,address&o=-0&p=9")
    assert rows(answer) == [
        ["title", "address"],
        ["Gamma", "Gamma Road"],
        ["Beta", "Beta Road"],
        ["Alpha", "Alpha Road"],
    ]


def test_a_workbook_has_numbers_and_times_and_no_formula(boss: User) -> None:
    branch = factories.make_branch(time_zone="Africa/Johannesburg")
    building.draft(branch=branch, start_at=START, end_at=START + timedelta(days=1))
    factories.make_listing(branch, title="=HYPERLINK(1)", price=Decimal("2500000.50"))
    client = building.client_of(boss)

    orders = sheet(export(client, "order", "columns=order_ref,costs,starts", "xlsx"))
    assert [cell.value for cell in orders[2]][1:] == [1500, "ZAR", datetime(2040, 3, 1, 9), "SAST"]  # noqa: DTZ001
    listings = sheet(export(client, "listing", "q=HYPERLINK&columns=title,price", "xlsx"))
    assert [(cell.value, cell.data_type) for cell in listings[2]] == [
        ("=HYPERLINK(1)", "s"),
        (2500000.5, "n"),
        ("ZAR", "s"),
    ]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_every_list_can_be_exported_with_plain_texts(boss: User, name: str, file_format: str) -> None:
    campaign = building.campaign("queue_1")
    commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=boss, now=timezone.now())
    factories.make_listing(agent=None)
    answer = export(building.client_of(boss), name, "", file_format)
    found = (
        rows(answer) if file_format == "csv" else [[cell.value for cell in row] for row in sheet(answer).iter_rows()]
    )
    assert len(found) >= 2
    assert not any("<" in str(cell) or "check_circle" in str(cell) for row in found for cell in row)
    assert all(found[0])


def test_formulas_in_a_csv_file_are_made_harmless(boss: User) -> None:
    factories.make_listing(title="=1+1", external_id="-1")
    answer = export(building.client_of(boss), "listing", "columns=title,external_id")
    assert rows(answer)[1] == ["'=1+1", "'-1"]


@pytest.mark.parametrize("name", ["order", "campaign"])
def test_nobody_exports_rows_of_other_branches(name: str) -> None:
    mine, theirs = factories.make_branch(name="Mine"), factories.make_branch(name="Theirs")
    for number, branch in enumerate((mine, theirs)):
        building.published(f"queue_{number}", branch=branch)
    user = factories.make_user("naledi", "export_lists", "view_order", "view_campaign", branches=[mine])
    client = building.client_of(user)
    assert [row for row in rows(export(client, name))[1:] if "Mine" in row] == rows(export(client, name))[1:]
    assert len(rows(export(client, name))) == 2
    assert len(rows(export(client, name, f"branch__id__exact={theirs.pk}"))) == 1


@pytest.mark.parametrize("lookup", ["orders", "orders__exact", "orders__in", "orders__id__exact"])
def test_the_file_of_plans_does_not_tell_which_orders_of_other_branches_have_them(lookup: str) -> None:
    theirs = building.draft()
    user = factories.make_user("naledi", "export_lists", "view_plan", branches=[factories.make_branch()])
    query = f"{lookup}={theirs.pk}"
    address = "/admin/campaigns/plan/"
    assert building.client_of(user).get(f"{address}?{query}").status_code == 400
    answer = building.client_of(user).post(f"{address}export/", {"format": "csv", "query": query}, follow=True)
    assert "Nothing was exported." in answer.content.decode()
    assert not Event.objects.filter(kind__endswith="exported").exists()


def test_whoever_may_not_export_gets_no_file_and_no_button() -> None:
    client = building.client_of(factories.make_user("reader", "view_order"))
    building.draft()
    count = Event.objects.count()
    assert export(client, "order").status_code == 403
    assert "Export CSV" not in client.get("/admin/campaigns/order/").content.decode()
    assert Event.objects.count() == count


def test_whoever_may_not_see_the_list_gets_no_file() -> None:
    client = building.client_of(factories.make_user("seller", "export_lists", "view_order"))
    assert export(client, "plan").status_code == 403
    assert not Event.objects.exists()


def test_a_link_exports_nothing(boss: User) -> None:
    assert building.client_of(boss).get("/admin/campaigns/order/export/?format=csv").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(boss)
    assert export(strict, "order").status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize("query", ["nonsense=1", "created_by__password__startswith=p"])
def test_filters_that_the_list_does_not_take_export_nothing(boss: User, query: str) -> None:
    answer = building.client_of(boss).post(
        "/admin/campaigns/order/export/", {"format": "csv", "query": query}, follow=True
    )
    assert "Nothing was exported." in answer.content.decode()
    assert not Event.objects.exists()


def test_an_unknown_format_is_refused(boss: User) -> None:
    assert export(building.client_of(boss), "order", "", "pdf").status_code == 403
    assert not Event.objects.exists()


def test_a_workbook_that_would_be_too_large_is_refused_with_the_way_out(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST_XLSX_ROWS", 1)
    for _ in range(2):
        factories.make_listing()
    client = building.client_of(boss)
    answer = client.post("/admin/campaigns/listing/export/", {"format": "xlsx", "query": ""}, follow=True)
    assert "Filter the list, or export it as CSV." in answer.content.decode()
    assert not Event.objects.exists()
    assert len(rows(export(client, "listing"))) == 1 + Listing.objects.count()


def test_a_file_of_branches_has_a_column_for_each_month_of_what_is_committed(boss: User) -> None:
    branch = factories.make_branch()
    building.queued(branch=branch, start_at=None, end_at=None)
    titles, row = sheet(export(building.client_of(boss), "branch", "", "xlsx")).iter_rows(values_only=True)
    committed = [dict(zip(titles, row, strict=True))[f"committed {month} month"] for month in ("this", "next")]
    assert committed == ["1,500.00 ZAR", "–"]
