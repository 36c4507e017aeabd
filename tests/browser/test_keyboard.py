"""What opens and closes is reached and used without a mouse, and has a name, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests import factories
from tests.admin import building
from tests.browser.devices import DESKTOP, PHONE, SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LIST = "/admin/campaigns/order/"
# What has the focus, and what lies over the middle of its first line, as far as that is on the screen, if anything does.
FOCUSED = """() => {
    const part = document.activeElement;
    if (part === document.body) return null;
    const box = part.getClientRects()[0];
    const middle = (start, end, size) => (Math.max(start, 0) + Math.min(end, size)) / 2;
    const top = document.elementFromPoint(middle(box.left, box.right, innerWidth), middle(box.top, box.bottom, innerHeight));
    const isSeen = top && (part.contains(top) || [...(part.labels || [])].some((label) => label.contains(top)));
    return [part.outerHTML.slice(0, 120), isSeen ? "" : (top ? top.outerHTML.slice(0, 120) : "nothing: off the screen")];
}"""


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
    expect(page.locator("#nav-sidebar-apps a").first).to_be_focused()
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
    drawer, opener = page.get_by_role("dialog", name="Filters"), page.get_by_role("button", name="Filters", exact=True)
    expect(page.get_by_role("button", name="Close the filters")).to_be_focused()
    site.judge()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close the filters")).to_be_focused()
    page.get_by_role("button", name="Close the filters").click()
    expect(drawer).to_be_hidden()
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Close the filters")).to_be_focused()
    page.get_by_role("button", name="Apply Filters").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Close the filters")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Apply Filters")).to_be_focused()
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


@SCREENS
def test_nothing_hides_what_the_keyboard_reaches(browser: Browser, live_server: Any, screen: Any) -> None:
    for _ in range(14):
        building.draft(building.author())
    boss = factories.make_user("boss", is_superuser=True)
    listing = factories.make_listing(factories.make_branch(name="The branch of a very long name by the sea"))
    building.published("queue_1")
    site = Site(browser, live_server.url, "boss", viewport=screen)
    for path in (LIST, f"campaigns/listing/{listing.pk}/change/", f"auth/user/{boss.pk}/change/"):
        page = site.go(path if path == LIST else f"/admin/{path}")
        page.wait_for_load_state("networkidle")
        reached: list[tuple[str, str]] = []
        while len(reached) < 150:
            page.keyboard.press("Tab")
            if (found := page.evaluate(FOCUSED)) is None:
                break
            reached.append(found)
        assert 15 < len(reached) < 150
        assert [(path, part, over) for part, over in reached if over] == []
    assert site.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@SCREENS
def test_what_narrows_a_list_is_named_and_taken_away(
    browser: Browser, live_server: Any, screen: Any, scheme: str
) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=screen, color_scheme=scheme)
    page = site.go(f"{LIST}?state__exact=draft&q=ORD&o=1")
    site.judge()
    state = page.get_by_role("link", name="State: Draft")
    state.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}{LIST}?o=1&q=ORD")
    expect(state).to_have_count(0)
    page.get_by_role("link", name="Clear the search", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}{LIST}?o=1")
    expect(page.get_by_role("link", name="take it away")).to_have_count(0)
    assert site.troubles == []


@SCREENS
def test_menus_above_a_list_close_by_escape_and_one_another(browser: Browser, live_server: Any, screen: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=screen)
    page = site.go(LIST)
    views, columns = page.locator("summary", has_text="Views"), page.locator("summary", has_text="Columns")
    opened = page.locator("details.console-drop[open]")
    views.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Save this list as a view…")).to_be_visible()
    expect(page.get_by_role("link", name="Rename or delete views…")).to_have_count(0)
    columns.click()
    expect(opened).to_have_count(1)
    expect(opened.locator("summary")).to_contain_text("Columns")
    site.judge()
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    expect(columns).to_be_focused()
    assert site.troubles == []


def test_the_list_is_two_keys_away(browser: Browser, live_server: Any) -> None:
    site = Site(browser, live_server.url, "thandi", viewport=DESKTOP)
    page = site.go(LIST)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Dates").get_by_role("link").first).to_be_focused()

    page = site.go(LIST)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the list")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#changelist-form') !== null")
    assert site.troubles == []


def test_a_phones_list_is_sorted(browser: Browser, live_server: Any) -> None:
    second = building.draft()
    site = Site(browser, live_server.url, "thandi", viewport=PHONE)
    page = site.go(f"{LIST}?o=1")
    page.locator("summary", has_text="Sort").click()
    site.judge()
    page.get_by_role("link", name="Plan", exact=True).click()
    page.locator("summary", has_text="Sort").click()
    page.get_by_role("link", name="Plan ▲").click()
    expect(page.locator("tr.data-row .field-order_ref").first).to_have_text(second.order_ref)
    site.go(LIST)
    page.set_viewport_size(DESKTOP)
    expect(page.locator("summary", has_text="Sort")).to_be_hidden()
    assert site.troubles == []
