"""The home page and the calendar in a real browser: for the eye, for the keyboard, on a phone and in the dark."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from campaigns.models import Campaign
from tests import factories
from tests.admin import building
from tests.browser.devices import DESKTOP, PHONE
from tests.browser.devices import SCREENS as WIDTHS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CALENDAR = "/admin/campaigns/campaign/calendar/"


@pytest.fixture(autouse=True)
def _rows() -> None:
    """Make an order of some needs, and two campaigns that overlap."""
    branch = factories.make_branch(name="Sea Point", time_zone="Africa/Johannesburg", monthly_budget=2_000)
    listing = factories.make_listing(branch, title="Flat with a view over the bay and a balcony")
    soon: dict[str, Any] = {
        "start_at": None,
        "end_at": None,
    }  # so that their money is this month's on its last day, too
    building.in_doubt(branch=branch, listings=(listing,), agent=None, **soon)
    building.awaiting_approval()
    for name, start, days in (("queue_first", -3, 14), ("queue_second", 5, 20)):
        building.published(name, branch=branch, listings=(listing,), agent=None, **soon)
        begin = timezone.now() + timedelta(days=start)
        Campaign.objects.filter(tracking_id=name).update(
            phase="live", starts_at=begin, ends_at=begin + timedelta(days=days)
        )
    factories.make_user("thandi", *building.EVERYTHING)


SCREENS: list[dict[str, Any]] = [
    {"viewport": size, "color_scheme": scheme} for size in (DESKTOP, PHONE) for scheme in ("light", "dark")
]


@pytest.mark.parametrize("path", ["/admin/", CALENDAR, f"{CALENDAR}?by=listing&weeks=4"])
@pytest.mark.parametrize("screen", SCREENS, ids=["desktop", "desktop dark", "phone", "phone dark"])
def test_pages_have_no_barrier_and_fit(browser: Browser, live_server: Any, path: str, screen: dict[str, Any]) -> None:
    site = Site(browser, live_server.url, "thandi", **screen)
    page = site.go(path)
    page.wait_for_load_state("networkidle")
    assert site.barriers() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    assert page.locator("main [style], #content [style]").count() == 0
    assert site.troubles == []


@WIDTHS
def test_a_card_leads_to_its_rows(browser: Browser, live_server: Any, screen: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=screen)
    page = site.page
    page.get_by_role("link", name=re.compile(r"1 branch with over 80 % of the budget of \w+ \d+ committed")).click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator("#result_list")).to_contain_text("4,500.00 ZAR")
    assert site.troubles == []


def test_the_calendar_is_read_and_walked_through_with_the_keyboard(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=DESKTOP)
    page = site.page
    page.get_by_role("link", name="Calendar").click()
    first_ref, second_ref = (Campaign.objects.get(tracking_id=f"queue_{name}").order for name in ("first", "second"))
    expect(page.get_by_role("cell", name=f"Overlaps with {second_ref} (Flat with a view")).to_be_visible()
    first = page.get_by_role("heading", level=1).last.inner_text()
    for name in ("Later", "Earlier", "By listing", "4 weeks"):
        page.get_by_role("link", name=name).focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert "by=listing" in page.url
    assert page.get_by_role("heading", level=1).last.inner_text()[:6] == first[:6]
    page.get_by_label("Branch", exact=True).select_option("Sea Point")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("cell", name=f"Overlaps with {first_ref} (Flat with a view")).to_be_visible()
    page.get_by_role("row", name="queue_first").get_by_role("link", name=str(first_ref)).click()
    expect(page.get_by_text("queue_first").first).to_be_visible()
    assert site.troubles == []


def test_on_a_phone_the_list_comes_before_the_bars(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=PHONE)
    page = site.go(CALENDAR)
    tops = [page.locator(part).bounding_box() for part in (".calendar-list", ".calendar-bars")]
    assert tops[0] is not None
    assert tops[1] is not None
    assert tops[0]["y"] < tops[1]["y"]
    assert page.locator(".calendar-bars").evaluate("bars => bars.scrollWidth > bars.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_calendar_is_walked_through_on_a_phone(browser: Browser, live_server: Any, scheme: str) -> None:
    first, second = (Campaign.objects.get(tracking_id=f"queue_{name}").order for name in ("first", "second"))
    site = Site(browser, live_server.url, "thandi", viewport=PHONE, color_scheme=scheme)
    page = site.go(CALENDAR)
    row = page.get_by_role("row", name="queue_first")
    expect(row).to_contain_text(f"Overlaps with {second} (Flat with a view")
    page.get_by_role("link", name="By listing").click()
    page.get_by_role("link", name="4 weeks").click()
    expect(page.get_by_role("link", name="4 weeks")).to_have_attribute("aria-current", "true")
    assert site.barriers() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("link", name="Later").click()
    page.get_by_role("link", name="This week").click()
    row.get_by_role("link", name=str(second)).click()
    page.wait_for_url(f"**/order/{second.pk}/change/")
    page.go_back()
    row.get_by_role("link", name=str(first)).click()
    page.wait_for_url("**/campaign/*/change/")
    expect(page.get_by_text("queue_first").filter(visible=True).first).to_be_visible()
    assert site.barriers() == []
    assert site.troubles == []


def test_a_bar_keeps_the_colour_of_its_phase_where_it_overlaps(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=DESKTOP)
    page = site.go(CALENDAR)
    phase, overlap = (
        page.locator(part).first.bounding_box() for part in (".calendar-track .calendar-bar", ".calendar-shared")
    )
    assert phase is not None
    assert overlap is not None
    assert overlap["y"] - phase["y"] >= phase["height"] / 2
    assert overlap["height"] < phase["height"] / 2


def test_a_week_of_the_chart_that_comes_leads_to_its_orders(browser: Browser, live_server: Any) -> None:
    start = timezone.now() + timedelta(weeks=2)
    order = building.queued(start_at=start, end_at=None, budget_override=Decimal(777))
    site = Site(browser, live_server.url, "thandi", viewport=PHONE)
    row = site.page.get_by_role("row").filter(has_text="777.00 ZAR").filter(has=site.page.get_by_role("link"))
    row.get_by_role("link").click()
    expect(site.page.locator("#result_list tbody tr")).to_have_count(1)
    expect(site.page.get_by_role("link", name=str(order), exact=True)).to_be_visible()
    expect(site.page.get_by_text("1 order matches")).to_be_visible()
    expect(site.page.get_by_role("link", name="Week committed: ")).to_be_visible()
    assert site.barriers() == []
    assert site.troubles == []
