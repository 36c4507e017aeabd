"""Which listings of an order are advertised already."""

from collections.abc import Callable
from typing import Any

import pytest

from campaigns import selectors
from campaigns.models import Campaign, Order
from campaigns.services import orders
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


def found(order: Order, **who: Any) -> list[str]:
    user = factories.make_user("reader", "view_order", **who)
    return [row.order.order_ref for row in selectors.listings_elsewhere(order, user)]


def pair(build: Callable[..., Order]) -> tuple[Order, Order]:
    """Return a draft and another order with the same listing."""
    branch = factories.make_branch()
    listings = (factories.make_listing(branch),)
    return building.draft(branch=branch, listings=listings), build(branch=branch, listings=listings)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (building.draft, False),
        (building.queued, True),
        (building.rejected, False),
        (building.in_doubt, True),
        (lambda **fields: building.published("queue_1", **fields), True),
    ],
    ids=["draft", "queued", "rejected", "in doubt", "published"],
)
def test_another_order_counts_while_it_is_on_its_way_or_runs(build: Callable[..., Order], told: bool) -> None:
    order, other = pair(build)
    assert found(order) == ([other.order_ref] if told else [])


def test_a_published_order_counts_until_its_last_campaign_is_over() -> None:
    order, other = pair(lambda **fields: building.published("queue_1", "queue_2", **fields))
    user = factories.make_user("reader", "view_order")
    Campaign.objects.filter(tracking_id="queue_1").update(phase="completed")
    assert [row.order for row in selectors.listings_elsewhere(order, user)] == [other]
    Campaign.objects.filter(tracking_id="queue_2").update(phase="cancelled")
    assert not selectors.listings_elsewhere(order, user).exists()


def test_a_cancelled_order_does_not_count() -> None:
    order, other = pair(building.queued)
    orders.cancel(other.pk, other.version, reason="Sold.", user=building.author(), now=other.created_at)
    assert found(order) == []


def test_another_listing_of_the_branch_does_not_count() -> None:
    branch = factories.make_branch()
    order = building.draft(branch=branch)
    building.queued(branch=branch)
    assert found(order) == []


def test_an_order_of_a_branch_that_the_person_does_not_work_for_is_not_told_of() -> None:
    order, other = pair(building.queued)
    listing, elsewhere = other.listings.get(), factories.make_branch()
    type(listing).objects.filter(pk=listing.pk).update(branch=elsewhere)
    theirs = building.draft(branch=elsewhere, listings=(type(listing).objects.get(pk=listing.pk),))
    assert found(theirs, branches=[elsewhere]) == []
    assert order.branch != elsewhere
