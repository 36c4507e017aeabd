"""Before many orders are published at once, the page says what should make somebody look twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.admin.bulk_warnings import ELSEWHERE
from campaigns.models import Batch, Branch, Order
from tests import factories
from tests.admin import building
from tests.admin.test_bulk import ask, words

pytestmark = pytest.mark.django_db
START = datetime(2040, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def client() -> Client:
    return building.client_of(building.author())


@pytest.fixture
def branch() -> Branch:
    return factories.make_branch(name="Sea Point")


def draft(branch: Branch, **fields: Any) -> Order:
    usual: dict[str, Any] = {"branch": branch, "start_at": START, "end_at": None, "budget_override": Decimal(400)}
    return building.draft(**usual | fields)


def publish(client: Client, *orders: Order) -> list[str]:
    """Return the warnings on the page that asks whether to publish these orders."""
    answer = ask(client, "publish", *orders)
    assert not Batch.objects.exists()
    warnings: list[str] = answer.context["warnings"]
    return warnings


def test_orders_that_harm_nobody_give_no_warning_and_the_button_tells_their_money(
    client: Client, branch: Branch
) -> None:
    answer = ask(client, "publish", draft(branch), draft(branch, budget_override=Decimal("99.50")))
    assert answer.context["warnings"] == []
    assert answer.context["doing"] == "Publish 2 orders, 499.50 ZAR"
    assert "Look twice" not in words(answer)


def test_two_of_them_for_the_same_listing_are_told_on_top_and_in_their_rows(client: Client, branch: Branch) -> None:
    listing = factories.make_listing(branch)
    first, second, other = (
        draft(branch, listings=(each,)) for each in (listing, listing, factories.make_listing(branch))
    )
    assert publish(client, first, second, other) == [f"2 × {ELSEWHERE}."]
    text = words(ask(client, "publish", first, second, other))
    assert text.count(f"Look twice: {ELSEWHERE}.") == 2


@pytest.mark.parametrize("make", [building.queued, building.in_doubt, building.awaiting_approval])
def test_a_listing_that_another_order_on_its_way_has_is_told(client: Client, branch: Branch, make: Any) -> None:
    listing = factories.make_listing(branch)
    made = draft(branch, listings=(listing,))
    if make is building.awaiting_approval:
        Branch.objects.filter(pk=branch.pk).update(approval_threshold=1)
        make = building.queued
    make(branch=Branch.objects.get(pk=branch.pk), listings=(listing,))
    assert publish(client, made)[-1] == f"1 × {ELSEWHERE}."


def test_drafts_and_cancelled_orders_elsewhere_advertise_nothing(client: Client, branch: Branch) -> None:
    listing = factories.make_listing(branch)
    draft(branch, listings=(listing,))
    building.rejected(branch=branch, listings=(listing,))
    assert publish(client, draft(branch, listings=(listing,))) == []


def test_a_listing_that_is_sold_is_told(client: Client, branch: Branch) -> None:
    sold = factories.make_listing(branch, status="Sold")
    assert publish(client, draft(branch, listings=(sold,))) == ["1 × with a listing that is sold or withdrawn."]


def test_a_start_within_the_hour_is_told(client: Client, branch: Branch) -> None:
    soon = draft(branch, start_at=timezone.now() + timedelta(minutes=59))
    later = draft(branch, start_at=timezone.now() + timedelta(minutes=61))
    assert publish(client, soon, later) == ["1 × to start within the hour, by when it must be approved and sent."]


def test_a_month_that_holds_each_but_not_all_of_them_is_told_with_how_much_is_too_much(client: Client) -> None:
    branch = factories.make_branch(name="Sea Point", monthly_budget=1000)
    building.queued(branch=branch, start_at=START, end_at=None, budget_override=Decimal(300))
    both = [draft(branch), draft(branch)]
    assert publish(client, both[0]) == []
    assert publish(client, *both) == [
        "Sea Point's budget of March 2040 does not cover 800.00 ZAR more: 100.00 ZAR too much."
    ]


def test_another_month_and_another_branch_are_counted_for_themselves(client: Client) -> None:
    first, second = (factories.make_branch(monthly_budget=500) for _ in range(2))
    april = START + timedelta(days=31)
    assert publish(client, draft(first), draft(first, start_at=april), draft(second)) == []


def test_other_deeds_spend_nothing_and_warn_of_nothing(client: Client, branch: Branch) -> None:
    listing = factories.make_listing(branch)
    twins = [draft(branch, listings=(listing,)) for _ in range(2)]
    answer = ask(client, "cancel", *twins)
    assert answer.context["warnings"] == []
    assert answer.context["doing"] == "Cancel 2 orders"
