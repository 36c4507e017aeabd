"""An empty list leads to its first row, and a search without a hit back to all rows, by mouse on any screen."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests import factories
from tests.browser.devices import DESKTOP, PHONE
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_list_says_what_is_missing_and_leads_on(browser: Browser, live_server: Any, viewport: Any) -> None:
    factories.make_user("boss", is_superuser=True)
    site = Site(browser, live_server.url, "boss", viewport=viewport)
    page = site.go("/admin/campaigns/branch/")
    expect(page.get_by_role("heading", name="No branches yet")).to_be_visible()
    assert site.barriers() == []
    page.get_by_role("link", name="Add branch").last.click()
    expect(page).to_have_url(f"{live_server.url}/admin/campaigns/branch/add/")

    factories.make_branch(name="Sea Point")
    site.go("/admin/campaigns/branch/?q=nowhere")
    expect(page.get_by_text("Nothing here fits the search “nowhere”.")).to_be_visible()
    assert site.barriers() == []
    page.get_by_role("link", name="Clear the search").click()
    expect(page.get_by_role("link", name="Sea Point")).to_be_visible()
    assert site.troubles == []


def test_a_search_that_no_address_can_hold_is_told_and_not_sent(browser: Browser, live_server: Any) -> None:
    factories.make_user("boss", is_superuser=True)
    site = Site(browser, live_server.url, "boss")
    page = site.go("/admin/campaigns/order/")
    search = page.locator("#searchbar")
    search.fill("a" * 10_000)
    search.press("Enter")
    assert search.evaluate("field => field.validity.patternMismatch")
    expect(page).to_have_url(f"{live_server.url}/admin/campaigns/order/")
    search.fill("a" * 200)
    search.press("Enter")
    expect(page.get_by_text("0 orders match")).to_be_visible()
    assert site.troubles == []
