"""No page keeps anybody out: axe finds nothing serious or critical, on a desktop and a phone, by day and by night."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from playwright.sync_api import Browser

from campaigns.models import Order
from tests import factories
from tests.admin import building
from tests.admin.other_branch import OF_NO_BRANCH, make_other_branch, pages_of_a_row, pages_of_no_row
from tests.browser.devices import DESKTOP, PHONE
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def every_page() -> list[str]:
    """Return the address of every page of the admin, those of a row with a row of its kind."""
    factories.make_user("boss", is_superuser=True)
    rows = {**make_other_branch().rows, **{model: [make()] for model, make in OF_NO_BRANCH.items()}}
    assert set(rows) >= set(admin.site._registry)
    pages = ["/admin/", *pages_of_no_row(), *pages_of_a_row({model: found[:1] for model, found in rows.items()})]
    orders = [f"/admin/campaigns/order/{order.pk}/change/" for order in rows[Order]]
    boss = building.client_of(User.objects.get(username="boss"))
    return [page for page in dict.fromkeys([*pages, *orders]) if _is_a_page(boss.get(page))]


def _is_a_page(answer: Any) -> bool:
    """Say whether people look at it: not where only a POST does something, nor at data for scripts and files to save."""
    is_html = answer.headers.get("Content-Type", "").startswith("text/html")
    return answer.status_code == 200 and b"<html" in building.sent(answer) and is_html


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "how",
    [
        {"viewport": DESKTOP, "color_scheme": "light"},
        {"viewport": DESKTOP, "color_scheme": "dark"},
        {"viewport": PHONE, "color_scheme": "light"},
    ],
    ids=["desktop by day", "desktop by night", "phone"],
)
def test_axe_finds_no_barrier_on_any_page(browser: Browser, live_server: Any, how: dict[str, Any]) -> None:
    pages = every_page()
    site = Site(browser, live_server.url, "boss", **how)
    found: dict[str, list[str]] = {}
    for page in pages:
        site.go(page)
        if barriers := site.barriers():
            found[page] = barriers
    lines = [f"{page}: {barrier}" for page, each in found.items() for barrier in each]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)
    assert site.troubles == []
