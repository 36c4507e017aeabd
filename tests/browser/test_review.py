"""An order is reviewed, sent back, mended and approved, in a real browser; and the pages can be used by everybody."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from campaigns.models import Order
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def order() -> Order:
    """A draft of a flat that is sold and has a picture elsewhere, in a branch with a budget and a threshold."""
    branch = factories.make_branch(name="Sea Point", approval_threshold=Decimal(1000), monthly_budget=Decimal(5000))
    flat = factories.make_listing(branch, title="Flat", status="sold", image_url="https://img.example/1.jpg")
    factories.make_user("thabo", *building.EVERYTHING)
    return building.draft(building.author("naledi"), branch=branch, listings=(flat,), budget_override=Decimal(2928))


@SCREENS
def test_an_order_is_sent_back_mended_and_approved(
    browser: Browser, live_server: Any, order: Order, screen: Any
) -> None:
    author = Site(browser, live_server.url, "naledi", viewport=screen)
    page = author.go(f"/admin/campaigns/order/{order.pk}/submit/")
    expect(page.get_by_role("heading", name="Look twice")).to_be_visible()
    expect(page.get_by_text("is marked “sold”: advertising it may be wasted.")).to_be_visible()
    expect(page.get_by_role("link", name="Picture of Flat")).to_have_attribute("rel", "noopener noreferrer")
    page.get_by_role("button", name="Send 1 listing, 2,928.00 ZAR to approval").click()
    expect(page.get_by_text("A second person must approve it before anything is published.")).to_be_visible()

    second = Site(browser, live_server.url, "thabo", viewport=screen)
    second.menu("My approvals 1")
    expect(second.page.get_by_role("heading", name=order.order_ref)).to_be_visible()
    second.page.get_by_role("link", name="Review…").click()
    second.page.get_by_role("link", name="Reject…").click()
    second.judge()
    second.page.get_by_label("Comment").fill("Too dear.")
    second.page.get_by_role("button", name="Reject").click()
    expect(second.page.get_by_text("its author sees your comment")).to_be_visible()

    author.go(f"/admin/campaigns/order/{order.pk}/change/")
    expect(page.get_by_text("Rejected by thabo, ")).to_contain_text("just now: Too dear.")
    author.go(f"/admin/campaigns/order/{order.pk}/edit/")
    page.get_by_label("Budget override").fill("1800")
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("link", name="Submit").click()
    expect(page.get_by_text("2,928.00 ZAR → 1,800.00 ZAR")).to_be_visible()
    page.get_by_role("button", name="Send 1 listing, 1,800.00 ZAR to approval").click()

    second.go("/admin/campaigns/order/approvals/")
    second.page.get_by_role("link", name="Review…").click()
    expect(second.page.get_by_text("2,928.00 ZAR → 1,800.00 ZAR")).to_be_visible()
    second.page.get_by_role("button", name="Approve and publish 1 listing, 1,800.00 ZAR").click()
    expect(second.page.get_by_text("is approved and queued")).to_be_visible()
    assert Order.objects.get().state == "queued"
    assert author.troubles == []
    assert second.troubles == []


@SCREENS
def test_what_is_wrong_leads_to_its_field(browser: Browser, live_server: Any, order: Order, screen: Any) -> None:
    order.plan.active = False
    order.plan.save()
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/submit/")
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    page.get_by_role("link", name="Mend “Plan”").click()
    expect(page).to_have_url(f"{live_server.url}/admin/campaigns/order/{order.pk}/edit/#id_plan")
    expect(page.get_by_role("combobox", name="Plan")).to_be_in_viewport()
    assert site.troubles == []


def test_a_deed_that_is_not_possible_is_reached_and_explained_by_keyboard(
    browser: Browser, live_server: Any, order: Order
) -> None:
    site = Site(browser, live_server.url, "naledi")
    page = site.go(f"/admin/campaigns/order/{order.pk}/change/")
    page.get_by_text("Why not something else?").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_focused()
    expect(approve).to_be_disabled()
    expect(approve).to_have_accessible_description(
        "Only in the state “awaiting approval”; this order is “draft”. It has not been submitted yet."
    )
    page.keyboard.press("Enter")
    assert Order.objects.get().state == "draft"
    assert site.troubles == []


PAGES = ["{order}/submit/", "{order}/change/", "{waiting}/approve/", "approvals/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@SCREENS
def test_the_pages_fit_and_keep_nobody_out(
    browser: Browser, live_server: Any, order: Order, screen: Any, scheme: str
) -> None:
    waiting = building.awaiting_approval(building.author("naledi"))
    site = Site(browser, live_server.url, "thabo", viewport=screen, color_scheme=scheme)
    for path in PAGES:
        page = site.go(f"/admin/campaigns/order/{path.format(order=order.pk, waiting=waiting.pk)}")
        page.wait_for_load_state("networkidle")
        for closed in page.get_by_text("Why not something else?").all():
            closed.click()
        site.judge()
    assert site.troubles == []
