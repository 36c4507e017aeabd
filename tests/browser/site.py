"""The console in one person's browser."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests import factories
from tests.browser.devices import DESKTOP

# axe leaves out of its own accord what WCAG 2.2 added.
RULES = {"rules": {"target-size": {"enabled": True}}}


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
        with self.page.expect_navigation(wait_until="commit"):  # else the next address may be asked for before
            self.page.get_by_role("button", name="Log in").click()

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.troubles.append(f"loaded {url}")

    def go(self, path: str) -> Page:
        """Go to a page of the console, such as `/admin/campaigns/order/`."""
        self.page.goto(f"{self.address}{path}")
        return self.page

    def menu(self, name: str) -> None:
        """Follow a link of the menu, which a phone hides behind a button."""
        if self._width() < DESKTOP["width"]:
            self.page.get_by_role("button", name="Menu", exact=True).click()
        self.page.get_by_role("link", name=name).first.click()

    def judge(self) -> None:
        """Fail where axe finds a barrier on the page as it is, or where it is wider than the screen."""
        self.page.wait_for_load_state("networkidle")
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= self._width(), f"{self.page.url} is {width} pixels wide"
        found = self.barriers()
        assert not found, "\n".join([self.page.url, *found])

    def _width(self) -> int:
        size = self.page.viewport_size
        assert size
        return size["width"]

    def barriers(self) -> list[str]:
        """Return what axe finds serious or critical on the page as it is: the rule and the first element of each."""
        found = Axe().run(self.page, options=RULES).response["violations"]
        return [
            f"{each['id']} ({len(each['nodes'])}×): {each['nodes'][0]['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]

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
        # A click between two answers falls on an option that is about to be replaced, and chooses nothing.
        with self.page.expect_response(
            lambda answer: parse_qs(urlsplit(answer.url).query).get("term") == [text]
        ) as last:
            self.page.keyboard.type(text)
        last.value.finished()
        self.page.wait_for_function("django.jQuery.active === 0")
        self.page.locator(".select2-results__option--highlighted", has_text=text).click()
        expect(self.page.locator(".select2-results")).to_have_count(0)
