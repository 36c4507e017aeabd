"""Somebody is mentioned in a comment, sees it in the menu, looks at it and is done with it: in a real browser."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, expect

from campaigns.services import alerting
from campaigns.services.commenting import comment
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def people() -> None:
    for name in ("naledi", "thabo"):
        factories.make_user(name, "view_order", "comment_order", "settle_order", email=f"{name}@example.com")


@SCREENS
def test_a_mention_reaches_the_person_whom_it_names(browser: Browser, live_server: Any, screen: Any) -> None:
    people()
    order = building.draft()
    first = Site(browser, live_server.url, "naledi", viewport=screen)
    page = first.go(f"/admin/campaigns/order/{order.pk}/change/")
    page.get_by_label("Comment").fill("@thabo, is <b>this</b> right?\n@nobody knows.")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("Your comment is in the history. Told: thabo.")).to_be_visible()
    expect(page.get_by_text("@nobody can't see this order and is not told.")).to_be_visible()
    expect(page.locator("#timeline li").first).to_contain_text("@thabo, is <b>this</b> right?")
    page.get_by_role("link", name="Edits and approvals").click()
    expect(page.locator("#timeline > div ol > li")).to_have_count(1)
    assert first.troubles == []

    alerting.raise_alerts(timezone.now())
    second = Site(browser, live_server.url, "thabo", viewport=screen)
    page = second.page
    second.menu("Alerts 1")
    page.get_by_role("link", name=f"order {order.order_ref}").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    second.menu("Alerts 1")
    page.get_by_role("button", name="Mark as read: You were mentioned").click()
    expect(page.get_by_text("Nothing asks for you")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("You were mentioned").select_option("In the daily e-mail, at 07:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your choice is saved.")).to_be_visible()
    assert [*User.objects.get(username="thabo").alert_choices.values_list("kind", "channel")] == [
        ("doubt", "admin"),
        ("not_approved", "at_once"),
        ("mentioned", "digest"),
    ]
    assert second.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@SCREENS
def test_the_pages_fit_and_have_no_barriers(browser: Browser, live_server: Any, screen: Any, scheme: str) -> None:
    people()
    order = building.in_doubt()
    author = User.objects.get(username="naledi")
    comment(order.pk, f"@thabo {'long' * 100}\u202e", user=author, now=timezone.now())
    alerting.raise_alerts(timezone.now())
    site = Site(browser, live_server.url, "thabo", viewport=screen, color_scheme=scheme)
    for path in (
        f"/admin/campaigns/order/{order.pk}/change/",
        "/admin/alerts/",
        "/admin/alerts/?show=news",
        "/admin/alerts/settings/",
    ):
        site.go(path)
        site.judge()
    assert site.troubles == []
