"""An order's page for whoever may do little or nothing now: history, comments, and why not, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from campaigns.models import Command, Order
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MONEY = (
    "Submit",
    "Approve",
    "Cancel order",
    "Return to draft",
    "Publish",
    "Pause campaign",
    "Resume campaign",
    "Cancel campaign",
)


@SCREENS
def test_a_comment_with_a_mention_comes_first_in_the_timeline_and_can_be_singled_out(
    browser: Browser, live_server: Any, screen: dict[str, int]
) -> None:
    for name in ("naledi", "thabo"):
        factories.make_user(name, "view_order", "comment_order")
    order = building.in_doubt()
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/change/")
    page.get_by_label("Comment").fill("@thabo, please ask Flow about it.")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("Your comment is in the history. Told: thabo.")).to_be_visible()
    first = page.locator("#timeline > div ol > li").first
    expect(first).to_contain_text("naledi")
    expect(first).to_contain_text("@thabo, please ask Flow about it.")
    expect(page.locator("#timeline")).to_contain_text("Automatic")
    site.judge()
    page.locator("#timeline").get_by_role("link", name="Comments").click()
    expect(page.locator("#timeline > div ol > li")).to_have_count(1)
    site.judge()
    assert site.troubles == []


@SCREENS
def test_an_approval_that_is_not_theirs_is_explained_beside_a_button_without_effect(
    browser: Browser, live_server: Any, screen: dict[str, int]
) -> None:
    order = building.awaiting_approval(building.author("naledi"))
    factories.make_user("thabo", "approve_order", branches=[order.branch])
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/change/")
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_disabled()
    expect(approve).to_have_accessible_description(
        "“Approve” takes the right to approve orders, which you do not have; the roles Approver, Branch manager and "
        "Administrator have it. Who can: thabo. Ask one of them."
    )
    approve.click(force=True)
    site.judge()
    assert Order.objects.get().state == "awaiting_approval"
    assert site.troubles == []


@SCREENS
def test_a_viewer_sees_the_money_and_no_way_to_spend_it(
    browser: Browser, live_server: Any, screen: dict[str, int]
) -> None:
    campaign = building.campaign(phase="live")
    draft = building.draft()
    factories.make_user("vera", "view_order", "view_campaign", *building.CATALOGUE)
    site = Site(browser, live_server.url, "vera", viewport=screen)
    pages = {
        "/admin/": "Needs attention",
        "/admin/campaigns/order/": "1,500.00 ZAR",
        f"/admin/campaigns/order/{draft.pk}/change/": "1,500.00 ZAR",
        "/admin/campaigns/campaign/": str(campaign),
        f"/admin/campaigns/campaign/{campaign.pk}/change/": str(campaign),
        "/admin/campaigns/campaign/pause-proposals/": "No pause is proposed",
    }
    for path, text in pages.items():
        page = site.go(path)
        expect(page.get_by_text(text).filter(visible=True).first).to_be_visible()
        expect(page.get_by_role("checkbox")).to_have_count(0)
        for name in MONEY:
            expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
            expect(page.get_by_role("button", name=name, disabled=False)).to_have_count(0)
        site.judge()
    assert site.troubles == []
    assert site.page.request.get(f"{live_server.url}/admin/campaigns/campaign/{campaign.pk}/pause/").status == 403
    assert site.page.request.get(f"{live_server.url}/admin/campaigns/order/{draft.pk}/submit/").status == 403
    assert Order.objects.get(pk=draft.pk).state == "draft"
    assert not Command.objects.exists()
