"""`python -m tests.screenshots`: make the pictures in docs/images anew, of the demo; what `make screenshots` calls."""

import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, sync_playwright

from tests import servers
from tests.__main__ import say
from tests.browser.devices import DESKTOP, PHONE, SWITCHES
from tests.run.real import Console

PICTURES = Path(__file__).parents[1] / "docs" / "images"
PASSWORD = "demo"  # as `demo_data` tells everybody
ORDERS, CAMPAIGNS = "/admin/campaigns/order/", "/admin/campaigns/campaign/"
READY = 120.0


def main() -> int:
    """Start everything as `make run` does, and take each picture."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        console = Console(Path(folder))
        with console.start() as command:
            command.wait_for("Ctrl-C ends all of it.", deadline=READY)
            browser = playwright.chromium.launch(executable_path=servers.chromium(), args=SWITCHES)
            olivia = browser.new_context(viewport=DESKTOP).new_page()
            log_in(olivia, console.url, "olivia")
            wait_until_published(olivia, console.url, "DEMO-004")
            take_desktop(olivia, console.url)
            peter = browser.new_context(viewport=PHONE, color_scheme="dark").new_page()
            log_in(peter, console.url, "peter")
            take_phone(peter, console.url)
            browser.close()
    return 0


def log_in(page: Page, url: str, username: str) -> None:
    """Sign in as one of the demo's people."""
    page.goto(f"{url}/admin/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def open_order(page: Page, url: str, order_ref: str) -> None:
    """Go to an order's page."""
    page.goto(f"{url}{ORDERS}?{urlencode({'q': order_ref})}")
    page.get_by_role("link", name=order_ref, exact=True).click()


def wait_until_published(page: Page, url: str, order_ref: str) -> None:
    """Load an order's page until the sandbox has taken the order and its campaign is live."""
    for _ in range(90):
        open_order(page, url, order_ref)
        if page.get_by_role("cell").filter(has_text="Live").count():
            return
        page.wait_for_timeout(1000)
    raise TimeoutError(f"{order_ref} has no live campaign after 90 s")


def take_desktop(page: Page, url: str) -> None:
    """Take the pictures of a builder's day."""
    take(page, "order")
    page.goto(f"{url}/admin/")
    take(page, "home")
    page.goto(f"{url}{CAMPAIGNS}calendar/")
    take(page, "calendar")
    page.goto(f"{url}{ORDERS}")
    take(page, "orders")
    open_order(page, url, "DEMO-001")
    page.get_by_role("link", name="Submit").click()
    take(page, "review", whole=True)
    page.goto(f"{url}{ORDERS}")
    page.get_by_label("Do", exact=True).select_option(label="Duplicate")
    page.get_by_label("with", exact=True).select_option("all")
    page.get_by_role("button", name="See what will happen").click()
    take(page, "batch")


def take_phone(page: Page, url: str) -> None:
    """Take the picture of an approval on a phone, by night."""
    open_order(page, url, "DEMO-003")
    page.get_by_role("link", name="Approve").click()
    take(page, "approve-on-a-phone", whole=True)


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Take one picture, once the page has all its parts."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)
    say(f"docs/images/{name}.png")


if __name__ == "__main__":
    sys.exit(main())
