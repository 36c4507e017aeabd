"""No page is wider than the screen: nobody scrolls sideways to find a button."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, expect

from campaigns.domain.states import ActorKind
from campaigns.services.history import record
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


def test_one_endless_word_does_not_push_the_columns_of_a_list_off_the_screen(
    browser: Browser, live_server: Any
) -> None:
    factories.make_user("boss", is_superuser=True)
    branch = factories.make_branch(name="B" * 150, external_id="e" * 100)
    factories.make_listing(branch, title="L" * 200)
    with transaction.atomic():
        record("listing.changed", "W" * 100, now=timezone.now(), by=ActorKind.SCHEDULER, subject=f"listing:{'s' * 100}")
    site = Site(browser, live_server.url, "boss", viewport=DESKTOP)
    for path in ("listing", "event"):
        page = site.go(f"/admin/campaigns/{path}/")
        table = page.locator("#result_list")
        width = table.evaluate("(table) => [table.scrollWidth, table.closest('.overflow-x-auto').clientWidth]")
        assert width[0] <= width[1], (path, width)
        assert site.barriers() == []
    expect(page.get_by_text("W" * 20).first).to_be_visible()
