"""Copies, rescues, proposals to pause and conflicts of two people, in a real browser."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from campaigns.models import Command, Order, PauseProposal
from campaigns.services.watching import watch
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@SCREENS
def test_an_order_is_copied_and_one_that_starts_too_late_is_moved(
    browser: Browser, live_server: Any, screen: Any
) -> None:
    late = timezone.now() + timedelta(minutes=10)
    order = building.draft(start_at=late, end_at=late + timedelta(days=7))
    building.author("naledi")
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/change/")
    page.get_by_role("link", name="Move start and end").click()
    expect(page.get_by_text("New start")).to_be_visible()
    site.judge()
    page.get_by_role("button", name="Move start and end").click()
    expect(page.get_by_text("starts at")).to_be_visible()
    order.refresh_from_db()
    assert (order.start_at, order.end_at) == (late + timedelta(days=1), late + timedelta(days=8))

    page.get_by_role("link", name="Duplicate").click()
    page.get_by_role("button", name="Duplicate").click()
    expect(page.get_by_text("Copy of", exact=True)).to_be_visible()
    assert Order.objects.filter(copied_from=order, state="draft").count() == 1
    assert site.troubles == []


@SCREENS
def test_a_double_click_makes_one_draft(browser: Browser, live_server: Any, screen: Any) -> None:
    order = building.draft()
    building.author("naledi")
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/duplicate/")
    page.get_by_role("button", name="Duplicate").dblclick(delay=40)  # without one the browser itself sends once
    expect(page.get_by_text("Copy of", exact=True)).to_be_visible()
    assert Order.objects.filter(copied_from=order).count() == 1
    assert site.troubles == []


@SCREENS
def test_whoever_comes_back_to_a_form_can_send_it_again(browser: Browser, live_server: Any, screen: Any) -> None:
    order = building.draft()
    building.author("naledi")
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/duplicate/")
    for copies in (1, 2):
        page.get_by_role("button", name="Duplicate").click()
        expect(page.get_by_text("Copy of", exact=True)).to_be_visible()
        assert Order.objects.filter(copied_from=order).count() == copies
        page.go_back()
    assert site.troubles == []


@SCREENS
def test_a_template_is_saved_and_a_new_order_begun(browser: Browser, live_server: Any, screen: Any) -> None:
    order = building.draft()
    building.author("naledi")
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/template/")
    page.get_by_label("Name of the template").fill("Spring")
    page.get_by_role("button", name="Save as template").click()
    expect(page.get_by_role("heading", name="Spring")).to_be_visible()
    site.judge()
    page.get_by_role("button", name="New order from template Spring").click()
    expect(page.get_by_text("is made from template “Spring”").first).to_be_visible()
    assert Order.objects.count() == 2
    assert site.troubles == []


@SCREENS
def test_a_pause_is_proposed_and_taken(browser: Browser, live_server: Any, screen: Any) -> None:
    campaign = building.campaign(phase="live")
    campaign.order.listings.update(status="sold")
    watch(timezone.now())
    factories.make_user("thabo", "view_campaign", "view_order", "command_campaign")
    site = Site(browser, live_server.url, "thabo", viewport=screen)
    page = site.go("/admin/campaigns/campaign/pause-proposals/")
    site.judge()
    page.get_by_role("link", name="Pause… campaign queue_1").click()
    expect(page.get_by_label("Reason")).to_have_value(f"Listing {PauseProposal.objects.get().listing} is sold.")
    site.judge()
    page.get_by_role("button", name="Pause campaign").click()
    expect(page.get_by_text("No pause is proposed")).to_be_visible()
    assert Command.objects.get().action == "pause"
    assert site.troubles == []


@SCREENS
def test_the_second_of_two_editors_chooses_field_by_field(browser: Browser, live_server: Any, screen: Any) -> None:
    order = building.draft(agent=None)
    for name in ("naledi", "thabo"):
        building.author(name)
    first, second = (Site(browser, live_server.url, name, viewport=screen) for name in ("naledi", "thabo"))
    for site in (first, second):
        site.go(f"/admin/campaigns/order/{order.pk}/edit/")
    first.page.get_by_label("Budget override").fill("200.00")
    first.page.get_by_role("button", name="Save draft").click()
    expect(first.page.get_by_text("Nothing is published until it is submitted.").first).to_be_visible()

    page = second.page
    page.get_by_label("Budget override").fill("300.00")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("heading", name="What others changed")).to_be_visible()
    second.judge()
    expect(page.get_by_label("Mine: 300.00 ZAR")).to_be_checked()
    page.get_by_label("Theirs: 200.00 ZAR").check()
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("is saved").first).to_be_visible()
    order.refresh_from_db()
    assert f"{order.budget_override}" == "200.00"
    assert first.troubles + second.troubles == []


@SCREENS
def test_a_published_order_is_renewed_and_another_cancelled_and_replaced(
    browser: Browser, live_server: Any, screen: Any
) -> None:
    naledi = building.author("naledi")
    factories.may(naledi, "command_campaign", "view_campaign")
    campaign = building.campaign("queue_1", phase="live")
    order = campaign.order
    site = Site(browser, live_server.url, "naledi", viewport=screen)
    page = site.go(f"/admin/campaigns/order/{order.pk}/change/")
    page.get_by_role("link", name="Renew").click()
    site.judge()
    page.get_by_role("button", name="Renew").click()
    expect(page.get_by_text("Renewal of", exact=True)).to_be_visible()

    site.go(f"/admin/campaigns/order/{order.pk}/change/")
    page.get_by_role("link", name="Cancel and replace").click()
    page.get_by_label("Reason").fill("The wrong plan.")
    site.judge()
    page.get_by_role("button", name="Cancel and replace").click()
    expect(page.get_by_text("Replaces", exact=True)).to_be_visible()
    made = Order.objects.filter(copied_from=order)
    assert sorted(made.values_list("copied_how", "state")) == [("renewal", "draft"), ("replacement", "draft")]
    assert made.filter(approved_by=None, campaigns=None).count() == 2
    assert Command.objects.get().action == "cancel"
    assert site.troubles == []
