"""A listing is sold while campaigns run for it: somebody pauses them, on a desktop and on a phone, in a real browser."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from campaigns.models import Batch, Campaign, Command, Listing, PauseProposal
from campaigns.services import batch_running
from campaigns.services.watching import watch
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGE = "/admin/campaigns/campaign/pause-proposals/"


@pytest.fixture(autouse=True)
def _sold() -> None:
    """Make two listings that are sold, with two campaigns and with one."""
    branch = factories.make_branch(name="Sea Point")
    flat, house = (factories.make_listing(branch, title=title) for title in ("Flat with a view", "House with a garden"))
    for name, listing, budget in (("queue_1", flat, 1000), ("queue_2", flat, 200), ("queue_3", house, 30)):
        building.published(name, branch=branch, listings=(listing,), agent=None, budget_override=Decimal(budget))
    Campaign.objects.update(phase="live")
    Listing.objects.update(status="sold")
    watch(timezone.now())
    factories.make_user("carl", *building.EVERYTHING)


@SCREENS
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_campaigns_of_a_listing_are_ticked_foreseen_and_paused(
    browser: Browser, live_server: Any, screen: dict[str, int], scheme: str
) -> None:
    site = Site(browser, live_server.url, "carl", viewport=screen, color_scheme=scheme)
    page = site.go(PAGE)
    expect(page.get_by_text("1,230.00 ZAR at risk: 3 campaigns for 2 listings.")).to_be_visible()
    flat = page.get_by_role("region", name="Flat with a view")
    expect(flat).to_contain_text("1,200.00 ZAR")
    flat.get_by_role("button", name="Tick these 2").click()
    expect(flat.get_by_role("button", name="Clear these ticks")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="2 ticked")).to_be_visible()
    site.judge()

    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("1,200.00 ZAR is what their orders cost.")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("The listing is inactive, sold or withdrawn.")
    site.judge()
    assert not Command.objects.exists()
    page.get_by_role("button", name="Pause 2 campaigns").click()
    expect(page.get_by_text("0 of 2 rows")).to_be_visible()
    batch_running.run(Batch.objects.get().pk, stop_after=60)

    page = site.go(PAGE)
    expect(page.get_by_role("region", name="House with a garden")).to_be_visible()
    expect(page.get_by_role("region", name="Flat with a view")).to_have_count(0)
    assert [*PauseProposal.objects.order_by("pk").values_list("state", flat=True)] == ["paused", "paused", "open"]
    assert site.troubles == []


@SCREENS
def test_one_is_kept_running_with_a_reason(browser: Browser, live_server: Any, screen: dict[str, int]) -> None:
    site = Site(browser, live_server.url, "carl", viewport=screen)
    page = site.go(PAGE)
    page.get_by_role("link", name="Keep running… campaign queue_3").click()
    assert site.barriers() == []
    page.get_by_label("Reason").fill("The buyer may withdraw.")
    page.get_by_role("button", name="Keep running").click()
    expect(page.get_by_text("Campaign queue_3 runs on; your reason is in its history.")).to_be_visible()
    expect(page.get_by_text("1,200.00 ZAR at risk: 2 campaigns for 1 listing.")).to_be_visible()
    assert PauseProposal.objects.get(campaign__tracking_id="queue_3").reason == "The buyer may withdraw."
    assert site.troubles == []
