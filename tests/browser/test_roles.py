"""What people of one branch meet of another's, on a desktop and on a phone, in a real browser."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, expect

from campaigns.models import Order
from tests import factories
from tests.admin import building
from tests.browser.devices import SCREENS
from tests.browser.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@SCREENS
@pytest.mark.parametrize("role", ["Viewer", "Order builder", "Publisher", "Approver", "Branch manager"])
def test_people_of_a_branch_find_their_own_orders_and_nothing_of_another(
    browser: Browser, live_server: Any, screen: Any, role: str
) -> None:
    mine, theirs = factories.make_branch(name="Sea Point"), factories.make_branch(name="Camps Bay")
    own, other = building.draft(branch=mine, agent=None), building.draft(branch=theirs, agent=None)
    factories.make_user("vera", branches=[mine]).groups.add(Group.objects.get(name=role))
    site = Site(browser, live_server.url, "vera", viewport=screen)
    page = site.go("/admin/campaigns/order/")
    expect(page.get_by_role("link", name=own.order_ref)).to_be_visible()
    expect(page.get_by_text(other.order_ref)).to_have_count(0)
    expect(page.get_by_text("Camps Bay")).to_have_count(0)
    site.judge()
    assert site.troubles == []

    for deed in ("change", "submit", "approve", "cancel", "duplicate"):
        page = site.go(f"/admin/campaigns/order/{other.pk}/{deed}/")
        refused = page.get_by_role("heading", name="There is nothing here")
        expect(refused.or_(page.get_by_role("heading", name="You may not do this"))).to_be_visible()
        expect(page.get_by_text(other.order_ref)).to_have_count(0)
    assert Order.objects.get(pk=other.pk).state == "draft"
