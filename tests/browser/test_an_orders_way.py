"""The whole way of an order through people's hands, in a real browser."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from campaigns.domain.states import Action
from campaigns.models import Branch, Campaign, Order, Plan
from campaigns.services import commands
from tests import factories
from tests.admin import building
from tests.browser.devices import PHONE, SCREENS
from tests.browser.site import Site
from tests.services.conftest import flow
from tests.services.flow_server import Flow

__all__ = ["flow"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def branch() -> Branch:
    branch = factories.make_branch(name="Sea Point", time_zone="Africa/Johannesburg", approval_threshold=Decimal(1000))
    factories.make_agent(branch, name="Thandi Nkosi")
    for title in ("Flat with a view", "House with a garden"):
        factories.make_listing(branch, title=title)
    factories.make_listing(title="House of another branch")
    factories.make_agent(name="Agent of another branch")
    factories.make_plan(name="Local reach", default_budget=Decimal(2928), duration_days=14)
    return branch


@SCREENS
def test_an_order_is_built_submitted_and_approved_by_a_second_person(
    browser: Browser, live_server: Any, branch: Branch, screen: Any
) -> None:
    building.author("naledi")
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.page
    page.get_by_role("link", name="New order").click()
    site.judge()

    assert site.open("Agent") == ["Choose a branch first."]
    page.keyboard.press("Escape")
    site.choose("Branch", "Sea Point")
    expect(page.locator("#hint_start_at")).to_have_text("SAST (Africa/Johannesburg)")
    assert [text.split(" (")[0] for text in site.open("Agent")] == ["Thandi Nkosi"]
    page.keyboard.press("Escape")
    site.choose("Agent", "Thandi")
    assert [text.split(" (")[0] for text in site.open("Listings")] == ["Flat with a view", "House with a garden"]
    page.keyboard.press("Escape")
    site.choose("Listings", "Flat")
    site.choose("Listings", "House")
    site.choose("Plan", "Local reach")
    expect(page.locator("#hint_plan")).to_have_text("Default budget 2,928.00 ZAR; an override is in ZAR, too · 14 days")
    page.get_by_label("Start").fill("2040-03-01T09:00")
    page.get_by_label("Start").blur()
    expect(page.get_by_label("End")).to_have_value("2040-03-15T09:00")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Nothing is published until it is submitted.").first).to_be_visible()

    order = Order.objects.get()
    assert building.names(order.listings.order_by("title")) == building.names(branch.listings.order_by("title"))
    page.get_by_role("link", name="Submit").click()
    expect(page.get_by_text("Sea Point's threshold is 1,000.00 ZAR.")).to_be_visible()
    page.get_by_role("button", name="Send 2 listings, 2,928.00 ZAR to approval").click()
    expect(page.get_by_text("is submitted. A second person must approve it")).to_be_visible()
    expect(page.get_by_role("link", name="Approve")).to_have_count(0)
    assert Order.objects.get().state == "awaiting_approval"
    assert site.troubles == []

    factories.make_user("thabo", "view_order", "approve_order")
    second = Site(browser, live_server.url, "thabo", viewport=screen)
    second.page.get_by_role("link", name="order waiting for your approval").click()
    second.page.get_by_role("link", name=order.order_ref, exact=True).click()
    second.page.get_by_role("link", name="Approve").click()
    second.page.get_by_role("button", name="Approve and publish 2 listings, 2,928.00 ZAR").click()
    expect(second.page.get_by_text("is approved and queued")).to_be_visible()
    assert Order.objects.get().state == "queued"
    assert second.troubles == []


def test_another_branch_forgets_the_agent_and_the_listings(browser: Browser, live_server: Any, branch: Branch) -> None:
    building.author("naledi")
    order = building.draft(building.author("naledi"), branch=branch, listings=tuple(branch.listings.all()))
    other = factories.make_branch(name="Camps Bay", time_zone="Europe/Lisbon")
    site = Site(browser, live_server.url, "naledi")
    site.page.goto(f"{live_server.url}/admin/campaigns/order/{order.pk}/edit/")
    expect(site.page.locator(".select2-selection__choice")).to_have_count(2)
    site.choose("Branch", other.name)
    expect(site.page.locator(".select2-selection__choice")).to_have_count(0)
    assert site.page.locator("#id_agent").input_value() == ""
    expect(site.page.locator("#hint_start_at")).to_have_text(re.compile(r"^WES?T \(Europe/Lisbon\)$"))
    assert site.troubles == []


@pytest.fixture
def planned(branch: Branch) -> Order:
    """A draft whose end is the start plus its plan's days."""
    start = datetime(2040, 3, 1, 7, 0, tzinfo=UTC)
    made = {"branch": branch, "listings": tuple(branch.listings.all()), "plan": Plan.objects.get(name="Local reach")}
    return building.draft(building.author("naledi"), start_at=start, end_at=start + timedelta(days=14), **made)


def move_start(page: Page, start: str) -> None:
    """Write another start when the form has told what it knows."""
    expect(page.locator("#hint_start_at")).to_have_text("SAST (Africa/Johannesburg)")
    with page.expect_response("**/facts/**"):
        page.get_by_label("Start").fill(start)
        page.get_by_label("Start").blur()


def test_the_end_that_the_plan_gave_still_follows_the_start_of_a_saved_order(
    browser: Browser, live_server: Any, planned: Order
) -> None:
    site = Site(browser, live_server.url, "naledi")
    page = site.page
    page.goto(f"{live_server.url}/admin/campaigns/order/{planned.pk}/edit/")
    move_start(page, "2040-03-05T09:00")
    expect(page.get_by_label("End")).to_have_value("2040-03-19T09:00")

    page.get_by_label("Budget override").fill("1.234")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("more than two decimals")).to_be_visible()
    move_start(page, "2040-03-06T09:00")
    expect(page.get_by_label("End")).to_have_value("2040-03-20T09:00")

    factories.make_plan(name="Long reach", duration_days=30)
    site.choose("Plan", "Long reach")
    expect(page.get_by_label("End")).to_have_value("2040-04-05T09:00")
    assert site.troubles == []


@pytest.mark.parametrize("own", ["2040-03-10T09:00", ""], ids=["another end", "none"])
def test_an_end_that_somebody_chose_stays_when_a_saved_order_is_opened(
    browser: Browser, live_server: Any, planned: Order, own: str
) -> None:
    end = datetime.fromisoformat(f"{own}+02:00") if own else None
    Order.objects.filter(pk=planned.pk).update(end_at=end)
    site = Site(browser, live_server.url, "naledi")
    page = site.page
    page.goto(f"{live_server.url}/admin/campaigns/order/{planned.pk}/edit/")
    expect(page.locator("#hint_start_at")).to_have_text("SAST (Africa/Johannesburg)")
    expect(page.get_by_label("End")).to_have_value(own)
    if own:
        move_start(page, "2040-03-05T09:00")
        expect(page.locator("#hint_end_at")).to_have_text("SAST (Africa/Johannesburg)")
        expect(page.get_by_label("End")).to_have_value(own)
    assert site.troubles == []


PAGES = [
    "",
    "campaigns/order/",
    "campaigns/order/add/",
    "campaigns/order/in-doubt/",
    "campaigns/order/{order}/change/",
    "campaigns/order/{order}/settle/",
]


@pytest.mark.parametrize("page", PAGES)
def test_pages_fit_on_a_phone(browser: Browser, live_server: Any, page: str) -> None:
    order = building.in_doubt(building.author("naledi"))
    factories.may(User.objects.get(username="naledi"), "settle_order")
    site = Site(browser, live_server.url, "naledi", viewport=PHONE)
    site.page.goto(f"{live_server.url}/admin/{page.format(order=order.pk)}")
    site.page.wait_for_load_state("networkidle")
    assert site.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert site.troubles == []


@pytest.mark.parametrize("name", ["order", "campaign", "attempt", "command"])
def test_no_column_of_a_list_is_cut_off_on_a_small_screen(browser: Browser, live_server: Any, name: str) -> None:
    boss = User.objects.create_superuser("boss", password=factories.PASSWORD)
    branch = factories.make_branch(name="Sea Point", external_id="5f0c9a1b2c3d4e5f60718293")
    plan = factories.make_plan(name="Local reach", ref="6f0c9a1b2c3d4e5f60718294")
    order = building.published(
        "queue_dbb07aa0b1c2d3e4f5061728",
        branch=branch,
        plan=plan,
        agent=None,
        listings=(factories.make_listing(branch),),
    )
    commands.ask(order.campaigns.get().pk, Action.PAUSE, reason="The flat is sold.", user=boss, now=timezone.now())
    site = Site(browser, live_server.url, "boss", viewport={"width": 1280, "height": 900})
    site.page.goto(f"{live_server.url}/admin/campaigns/{name}/")
    site.page.wait_for_load_state("networkidle")
    widths = site.page.locator("#result_list").evaluate("list => [list.scrollWidth, list.parentElement.clientWidth]")
    assert widths[0] <= widths[1]


@SCREENS
def test_two_people_find_an_order_in_doubt_at_flow_and_settle_it(
    browser: Browser, live_server: Any, flow: Flow, screen: Any
) -> None:
    order = building.in_doubt(branch=factories.make_branch(name="Sea Point"))
    flow.statuses |= {"queue_a": "in_progress", "queue_b": "queued"}
    for name in ("naledi", "thabo"):
        factories.make_user(name, "view_order", "settle_order", "view_campaign")

    first = Site(browser, live_server.url, "naledi", viewport=screen, permissions=["clipboard-read", "clipboard-write"])
    page = first.page
    page.get_by_role("link", name="order in doubt: settle").click()
    expect(page.get_by_text("1,500.00 ZAR may have been spent.")).to_be_visible()
    page.get_by_role("link", name="Settle…").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == order.order_ref
    page.get_by_role("radio", name="It is live at Flow").check()
    page.get_by_label("Tracking ids").fill("queue_a queue_b\nqueue_typo\n")
    page.get_by_label("Evidence").fill("Both are in Flow's list.")
    page.get_by_role("button", name="Give my answer").click()
    expect(page.get_by_text("“queue_a queue_b” has spaces in it. Paste the tracking id alone.")).to_be_visible()
    expect(page.get_by_text("Flow does not know the tracking id queue_typo.")).to_be_visible()
    expect(page.get_by_text("Nothing was settled. See below what to mend.")).to_be_in_viewport()
    expect(page.get_by_label("Tracking ids")).to_have_value("queue_a queue_b\nqueue_typo\n")
    expect(page.get_by_label("Evidence")).to_have_value("Both are in Flow's list.")
    assert building.kinds(order)[-1] == "order.in_doubt"
    page.get_by_label("Tracking ids").fill("queue_a\nqueue_b\n")
    page.get_by_role("button", name="Give my answer").click()
    expect(page.get_by_text("A second person must say the same before anything happens.").first).to_be_visible()
    assert Order.objects.get().state == "unknown"
    assert first.troubles == []

    second = Site(browser, live_server.url, "thabo", viewport=screen)
    page = second.page
    second.menu("In doubt 1")
    expect(page.get_by_text("naledi said “Live: queue_a, queue_b”")).to_be_visible()
    page.get_by_role("link", name="Settle…").click()
    expect(page.get_by_role("radio", name="It is live at Flow")).to_be_checked()
    expect(page.get_by_label("Tracking ids")).to_have_value("queue_a\nqueue_b")
    page.get_by_role("button", name="Settle the doubt").click()
    expect(page.get_by_text("is settled: thabo says that the order is live at Flow.").first).to_be_visible()
    assert Order.objects.get().state == "published"
    assert [*Campaign.objects.order_by("tracking_id").values_list("tracking_id", flat=True)] == ["queue_a", "queue_b"]
    second.menu("In doubt")
    expect(page.get_by_text("No order is in doubt")).to_be_visible()
    assert second.troubles == []
