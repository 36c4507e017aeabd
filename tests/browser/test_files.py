"""Import, export, saved views and columns in a real browser."""

import csv
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect

from campaigns.models import Branch, Listing, SavedView
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LISTINGS = "/admin/campaigns/listing/"


@pytest.fixture
def branch() -> Branch:
    return factories.make_branch(name="Sea Point", external_id="B1")


@pytest.fixture
def naledi(branch: Branch) -> User:
    deeds = ("add_listing", "change_listing", "export_lists", "add_order", "change_order")
    return factories.make_user("naledi", "view_listing", "view_order", "view_branch", *deeds, branches=[branch])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "from-portal.csv"
    rows = [
        "external_id,branch,agent,title,price,url",
        "L1,B1,,House with a garden,2750000,https://portal.example/1",
        "L2,B1,,Flat with a view,much,https://portal.example/2",
        "L3,B1,,New flat,900000,https://portal.example/3",
    ]
    path.write_text("\n".join(rows))
    return path


@SCREENS
@pytest.mark.usefixtures("naledi")
def test_somebody_imports_the_good_rows_mends_the_others_and_imports_them(
    browser: Browser, live_server: Any, branch: Branch, file: Path, tmp_path: Path, screen: Any
) -> None:
    factories.make_listing(branch, external_id="L1", title="House", price="2500000")
    site = Site(browser, live_server.url, "naledi", viewport=screen, accept_downloads=True)
    page = site.go(LISTINGS)
    page.get_by_role("link", name="Import…").click()
    page.get_by_label("CSV or XLSX file").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()

    expect(page.get_by_text("2,500,000.00 ZAR → 2,750,000.00 ZAR")).to_be_visible()
    expect(page.get_by_text("“much” is not an amount.")).to_be_visible()
    page.get_by_role("link", name="Wrong 1").click()
    expect(page.get_by_text("2,500,000.00 ZAR → 2,750,000.00 ZAR")).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the wrong rows").click()
    mended = tmp_path / "mended.csv"
    mended.write_text(Path(download.value.path()).read_text().replace('"much"', '"1200000"'))
    page.get_by_role("button", name="Import the 2 good rows").click()
    expect(page.get_by_text("1 new, 1 changed, 1 wrong row left out.")).to_be_visible()

    page.get_by_role("link", name="Import…").click()
    page.get_by_label("CSV or XLSX file").set_input_files(mended)
    page.get_by_role("button", name="Upload and look").click()
    page.get_by_role("button", name="Import 1 row").click()
    expect(page.get_by_text("1 new, 0 changed.")).to_be_visible()
    assert sorted(Listing.objects.values_list("external_id", flat=True)) == ["L1", "L2", "L3"]
    assert site.troubles == []


@SCREENS
@pytest.mark.usefixtures("naledi")
def test_somebody_chooses_columns_saves_a_view_and_exports_it(
    browser: Browser, live_server: Any, branch: Branch, screen: Any
) -> None:
    draft, queued = building.draft(branch=branch), building.queued(branch=branch)
    site = Site(browser, live_server.url, "naledi", viewport=screen, accept_downloads=True)
    page = site.go("/admin/campaigns/order/?state__exact=draft")
    page.locator("summary", has_text="Columns").click()
    for name in ("Plan", "Problem", "Amount"):
        page.get_by_role("checkbox", name=name).uncheck()
    page.get_by_role("checkbox", name="Created by").check()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator(".field-created_by")).to_be_visible()
    expect(page.locator(".field-costs")).to_have_count(0)

    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="Save this list as a view…").click()
    page.get_by_label("Name").fill("My drafts")
    page.get_by_role("button", name="Save view").click()
    expect(page.locator("summary", has_text="View: My drafts")).to_be_visible()

    site.go("/admin/campaigns/order/")
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="My drafts").click()
    expect(page.get_by_role("link", name=draft.order_ref)).to_be_visible()
    expect(page.get_by_role("link", name=queued.order_ref)).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    header, *rows = csv.reader(Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines())
    assert header == ["order ref", "branch", "state", "start", "start, zone", "created by"]
    assert [row[0] for row in rows] == [draft.order_ref]
    assert site.troubles == []


@SCREENS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_and_have_no_barriers(
    browser: Browser, live_server: Any, branch: Branch, naledi: User, file: Path, screen: Any, scheme: Any
) -> None:
    building.draft(branch=branch)
    SavedView.objects.create(list_name="order", name="Mine", owner=naledi, saved_at="2030-01-01T00:00Z")
    site = Site(browser, live_server.url, "naledi", viewport=screen, color_scheme=scheme)
    page = site.page

    site.go("/admin/campaigns/order/views/")
    site.judge()
    site.go("/admin/campaigns/order/views/save/")
    site.judge()
    site.go(f"{LISTINGS}import/")
    site.judge()
    page.get_by_label("CSV or XLSX file").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()
    site.judge()
    for tool in ("Views", "Columns"):
        site.go("/admin/campaigns/order/?state__exact=draft")
        page.locator("summary", has_text=tool[:4]).first.click()
        site.judge()
    assert site.troubles == []
