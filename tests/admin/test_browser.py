"""The whole way of an order through people's hands, in a real browser."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from campaigns.models import Branch, Order
from tests import factories
from tests.admin import building

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def browser(chromium: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, which Django takes for a reason to refuse the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def branch() -> Branch:
    branch = factories.make_branch(name="Sea Point", time_zone="Africa/Johannesburg", approval_threshold=Decimal(1000))
    factories.make_agent(branch, name="Thandi Nkosi")
    for title in ("Flat with a view", "House with a garden"):
        factories.make_listing(branch, title=title)
    factories.make_listing(title="House of another branch")
    factories.make_agent(name="Agent of another branch")
    factories.make_plan(name="Local reach", default_budget=Decimal(2928), duration_days=14)
    return branch


class Site:
    """The console in one person's browser, which must show no script error and load nothing from elsewhere."""

    def __init__(self, browser: Browser, address: str, username: str, **options: Any) -> None:
        self.page: Page = browser.new_context(**options).new_page()
        self.address = address
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda asked: self._note(asked.url))
        self.page.goto(f"{address}/admin/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(factories.PASSWORD)
        self.page.get_by_role("button", name="Log in").click()

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.troubles.append(f"loaded {url}")

    def open(self, name: str) -> list[str]:
        """Open an autocomplete by its label and return what it offers."""
        box = self.page.locator(".select2-selection").and_(self.page.get_by_role("combobox", name=name))
        box.click()
        options = self.page.locator(".select2-results__option:not(.loading-results)")
        expect(options.first).to_be_visible()
        return options.all_inner_texts()

    def choose(self, name: str, text: str) -> None:
        """Choose an option of an autocomplete by typing."""
        self.open(name)
        self.page.keyboard.type(text)
        self.page.locator(".select2-results__option--highlighted", has_text=text).click()


def test_an_order_is_built_submitted_and_approved_by_a_second_person(
    browser: Browser, live_server: Any, branch: Branch
) -> None:
    building.author("naledi")
    site = Site(browser, live_server.url, "naledi")
    page = site.page
    page.get_by_role("link", name="New order").click()

    assert site.open("Agent") == ["Choose a branch first."]
    page.keyboard.press("Escape")
    site.choose("Branch", "Sea Point")
    expect(page.locator("#hint_start_at")).to_have_text("SAST (Africa/Johannesburg)")
    assert [text.split(" (")[0] for text in site.open("Agent")] == ["Thandi Nkosi"]
    page.keyboard.press("Escape")
    site.choose("Agent", "Thandi")
    assert [text.split(" (")[0] for text in site.open("Listings")] == ["Flat with a view", "House with a garden"]
    page.keyboard.press("Escape")
    site.choose("Listings", "Flat")
    site.choose("Listings", "House")
    site.choose("Plan", "Local reach")
    expect(page.locator("#hint_plan")).to_have_text("Default budget 2,928.00 ZAR · 14 days")
    page.get_by_label("Start").fill("2040-03-01T09:00")
    page.get_by_label("Start").blur()
    expect(page.get_by_label("End")).to_have_value("2040-03-15T09:00")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Nothing is published until it is submitted.").first).to_be_visible()

    order = Order.objects.get()
    assert building.names(order.listings.order_by("title")) == building.names(branch.listings.order_by("title"))
    page.get_by_role("link", name="Submit").click()
    expect(page.get_by_text("Publish 2 listings, 2,928.00 ZAR.")).to_be_visible()
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("is submitted. A second person must approve it")).to_be_visible()
    expect(page.get_by_role("link", name="Approve")).to_have_count(0)
    assert Order.objects.get().state == "awaiting_approval"
    assert site.troubles == []

    factories.make_user("thabo", "view_order", "approve_order")
    second = Site(browser, live_server.url, "thabo")
    second.page.get_by_role("link", name="orders waiting for approval").click()
    second.page.get_by_role("link", name=order.order_ref).click()
    second.page.get_by_role("link", name="Approve").click()
    second.page.get_by_role("button", name="Approve").click()
    expect(second.page.get_by_text("is approved and queued")).to_be_visible()
    assert Order.objects.get().state == "queued"
    assert second.troubles == []


def test_another_branch_forgets_the_agent_and_the_listings(browser: Browser, live_server: Any, branch: Branch) -> None:
    building.author("naledi")
    order = building.draft(building.author("naledi"), branch=branch, listings=tuple(branch.listings.all()))
    other = factories.make_branch(name="Camps Bay", time_zone="Europe/Lisbon")
    site = Site(browser, live_server.url, "naledi")
    site.page.goto(f"{live_server.url}/admin/campaigns/order/{order.pk}/edit/")
    expect(site.page.locator(".select2-selection__choice")).to_have_count(2)
    site.choose("Branch", other.name)
    expect(site.page.locator(".select2-selection__choice")).to_have_count(0)
    assert site.page.locator("#id_agent").input_value() == ""
    expect(site.page.locator("#hint_start_at")).to_have_text(re.compile(r"^WES?T \(Europe/Lisbon\)$"))
    assert site.troubles == []


@pytest.mark.parametrize("page", ["", "campaigns/order/", "campaigns/order/add/", "campaigns/order/{order}/change/"])
def test_pages_fit_on_a_phone(browser: Browser, live_server: Any, page: str) -> None:
    order = building.in_doubt(building.author("naledi"))
    site = Site(browser, live_server.url, "naledi", viewport=PHONE)
    site.page.goto(f"{live_server.url}/admin/{page.format(order=order.pk)}")
    site.page.wait_for_load_state("networkidle")
    assert site.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert site.troubles == []
