"""Many rows at once, in a real browser: ticks, the page that asks, and the progress of the batch."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from campaigns.domain.states import OrderState
from campaigns.models import Batch, Command, Order
from campaigns.services import batch_running
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def run(batch: Batch) -> None:
    batch_running.run(batch.pk, stop_after=60)


@SCREENS
def test_ticked_drafts_are_published_and_the_page_follows_the_batch(
    browser: Browser, live_server: Any, screen: dict[str, int]
) -> None:
    one, two, three = (building.draft(building.author("naledi")) for _ in range(3))
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go("/admin/campaigns/order/")
    for order in (one, two):
        page.get_by_role("checkbox", name=f"Select {order}").check()
    expect(page.get_by_role("status").filter(has_text="2 ticked")).to_be_visible()
    assert site.barriers() == []
    page.get_by_label("Do", exact=True).select_option("publish")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("3,000.00 ZAR may be spent.")).to_be_visible()
    assert site.barriers() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    page.get_by_role("button", name="Publish 2 orders").click()
    expect(page.get_by_text("0 of 2 rows")).to_be_visible()
    assert site.barriers() == []
    run(Batch.objects.get())
    expect(page.get_by_text("Ended: 2 done, 0 skipped, 0 failed.").first).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Load this page again")).to_have_count(0)
    site.judge()
    name = page.get_by_role("link", name=str(one)).bounding_box()
    amount = page.get_by_text("1,500.00").last.bounding_box()
    assert name
    assert amount
    # In one line, on a phone as well.
    assert name["y"] < amount["y"] + amount["height"] / 2 < name["y"] + name["height"]
    assert set(Order.objects.filter(state=OrderState.QUEUED)) == {one, two}
    assert Order.objects.get(pk=three.pk).state == "draft"
    assert site.troubles == []


def test_all_of_the_page_are_ticked_and_cleared_with_one_button(browser: Browser, live_server: Any) -> None:
    for _ in range(3):
        building.draft(building.author("naledi"))
    site = Site(browser, live_server.url, "naledi")
    page = site.go("/admin/campaigns/order/")
    page.get_by_role("button", name="Tick all on this page").click()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(3)
    page.get_by_role("button", name="Clear all ticks").click()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    assert site.troubles == []


def test_without_our_scripts_rows_are_ticked_a_reason_is_asked_for_and_the_page_is_loaded_again(
    browser: Browser, live_server: Any
) -> None:
    campaign = building.campaign(phase="live", checked_at=timezone.now())
    factories.make_user("carl", "view_campaign", "command_campaign")
    site = Site(browser, live_server.url, "carl")
    site.page.route("**/static/campaigns/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = site.go("/admin/campaigns/campaign/")
    page.get_by_role("checkbox", name=f"Select {campaign}").check()
    page.get_by_label("Do", exact=True).select_option("pause")
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("button", name="Pause 1 campaign").click()
    expect(page.get_by_text("Say why: it stays in the history")).to_be_visible()
    page.get_by_label("Reason").fill("Sold.")
    page.get_by_role("button", name="Pause 1 campaign").click()
    expect(page.get_by_text("0 of 1 rows")).to_be_visible()
    run(Batch.objects.get())
    page.get_by_role("link", name="Load this page again").click()
    expect(page.get_by_text("Ended: 1 done, 0 skipped, 0 failed.")).to_be_visible()
    assert Command.objects.get().reason == "Sold."


def test_the_ticks_are_still_there_when_the_person_comes_back_to_the_list(browser: Browser, live_server: Any) -> None:
    one, two = building.draft(building.author("naledi")), building.draft(building.author("naledi"))
    site = Site(browser, live_server.url, "naledi")
    page = site.go("/admin/campaigns/order/?state__exact=draft")
    page.get_by_role("checkbox", name=f"Select {one}").check()
    page.get_by_label("Do", exact=True).select_option("cancel")
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_role("checkbox", name=f"Select {one}")).to_be_checked()
    expect(page.get_by_role("checkbox", name=f"Select {two}")).not_to_be_checked()
    expect(page.get_by_label("Do", exact=True)).to_have_value("cancel")
    assert site.troubles == []
