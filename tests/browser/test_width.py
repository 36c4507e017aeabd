"""No page is wider than the screen: nobody scrolls sideways to find a button."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser

from tests import factories
from tests.admin import building
from tests.browser.devices import DESKTOP, PHONE
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_forms_with_wide_parts_fit_the_screen(browser: Browser, live_server: Any, viewport: Any) -> None:
    boss = factories.make_user("boss", is_superuser=True)
    group = Group.objects.create(name="A group")
    attempt = building.in_doubt().attempts.get()  # with a hash of 64 letters
    site = Site(browser, live_server.url, "boss", viewport=viewport)
    for path in (f"auth/user/{boss.pk}", f"auth/group/{group.pk}", f"campaigns/attempt/{attempt.pk}"):
        page = site.go(f"/admin/{path}/change/")
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert (path, page.evaluate(overflow)) == (path, 0)
        assert site.barriers() == []
    assert site.troubles == []
