"""What opens and closes is reached and used without a mouse, and has a name, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests import factories
from tests.admin import building
from tests.browser.devices import DESKTOP, PHONE
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/campaigns/order/"


@pytest.fixture(autouse=True)
def _people() -> None:
    factories.make_user("thandi", *building.EVERYTHING)
    building.draft()


def test_a_phones_menu_is_opened_walked_into_and_closed_again(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=PHONE)
    page = site.go("/admin/")
    opener = page.get_by_role("button", name="Menu", exact=True)
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.focus()
    page.keyboard.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#nav-sidebar-apps a").first).to_be_focused()
    site.judge()

    page.get_by_role("button", name="Close the menu").focus()
    page.keyboard.press(" ")
    expect(page.locator("#nav-sidebar")).to_be_hidden()
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    page.get_by_role("link", name="Orders", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}{LIST}")
    assert site.troubles == []


def test_a_desktops_menu_is_folded_away_and_back(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=DESKTOP)
    page = site.go("/admin/")
    opener = page.get_by_role("button", name="Menu", exact=True)
    for expanded in ("false", "true"):
        opener.focus()
        page.keyboard.press("Enter")
        expect(opener).to_have_attribute("aria-expanded", expanded)
        expect(page.locator("#nav-sidebar")).to_be_visible(visible=expanded == "true")
    assert site.troubles == []


def test_the_filters_of_a_list_are_opened_and_closed(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=PHONE)
    page = site.go(LIST)
    page.get_by_role("button", name="Filters", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter")).to_be_visible()
    site.judge()
    page.keyboard.press("Escape")
    expect(page.locator("#changelist-filter")).to_be_hidden()
    assert site.troubles == []


def test_the_dark_is_chosen_in_the_persons_own_menu(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=DESKTOP, color_scheme="light")
    page = site.go("/admin/")
    account = page.get_by_role("button", name="thandi")
    account.focus()
    page.keyboard.press("Enter")
    expect(account).to_have_attribute("aria-expanded", "true")
    site.judge()
    page.get_by_role("button", name="Dark", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_class("dark")
    assert site.troubles == []
