"""What a branch has committed in a month, and what remains of its budget."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from campaigns import selectors
from campaigns.models import Branch, Order
from campaigns.services import orders
from campaigns.services import publishing as publishing_service
from tests.admin import building
from tests.factories import make_branch, make_plan
from tests.services.building import queued

pytestmark = pytest.mark.django_db

JANUARY, FEBRUARY = datetime(2030, 1, 15, tzinfo=UTC), datetime(2030, 2, 15, tzinfo=UTC)


@pytest.fixture
def branch() -> Branch:
    return make_branch(monthly_budget=Decimal(5000), time_zone="Asia/Tokyo")


def committed(branch: Branch, moment: datetime = JANUARY) -> dict[str, Decimal]:
    return selectors.monthly_budget(branch, moment).committed


def ordered(author: User, branch: Branch, amount: int, **fields: Any) -> Order:
    return queued(author, branch=branch, budget_override=Decimal(amount), **fields)


def test_an_order_without_a_start_counts_in_the_month_of_its_submission(author: User, branch: Branch) -> None:
    ordered(author, branch, 100)
    assert committed(branch) == {"ZAR": Decimal(100)}
    assert committed(branch, FEBRUARY) == {}


def test_an_order_counts_in_the_month_of_its_start_on_the_branch_s_clock(author: User, branch: Branch) -> None:
    ordered(author, branch, 100, start_at=datetime(2030, 1, 31, 14, 59, tzinfo=UTC))
    ordered(author, branch, 20, start_at=datetime(2030, 1, 31, 15, 0, tzinfo=UTC))
    assert committed(branch) == {"ZAR": Decimal(100)}
    assert committed(branch, FEBRUARY) == {"ZAR": Decimal(20)}


def publishing(**fields: Any) -> Order:
    order = building.queued(**fields)
    publishing_service._claim(order, order.created_at)
    return order


def cancelled(**fields: Any) -> Order:
    order = building.queued(**fields)
    return orders.cancel(order.pk, order.version, reason="Sold.", user=building.author(), now=order.created_at)


@pytest.mark.parametrize(
    ("build", "state", "counts"),
    [
        (building.draft, "draft", False),
        (building.queued, "queued", True),
        (publishing, "publishing", True),
        (lambda **fields: building.published("queue_1", **fields), "published", True),
        (building.rejected, "rejected", False),
        (building.in_doubt, "unknown", True),
        (cancelled, "cancelled", False),
    ],
    ids=["draft", "queued", "publishing", "published", "rejected", "in doubt", "cancelled"],
)
def test_money_is_committed_from_submission_on_unless_the_order_comes_to_nothing(
    branch: Branch, build: Callable[..., Order], state: str, counts: bool
) -> None:
    order = build(branch=branch, start_at=None, end_at=None)
    assert Order.objects.get().state == state
    assert committed(branch, order.created_at) == ({"ZAR": Decimal(1500)} if counts else {})


def test_what_awaits_approval_is_committed(branch: Branch) -> None:
    Branch.objects.update(approval_threshold=Decimal(1))
    branch.refresh_from_db()
    order = building.queued(branch=branch, start_at=None, end_at=None)
    assert order.state == "awaiting_approval"
    assert committed(branch, order.created_at) == {"ZAR": Decimal(1500)}


def test_each_currency_is_summed_for_itself(author: User, branch: Branch) -> None:
    ordered(author, branch, 100)
    ordered(author, branch, 250)
    ordered(author, branch, 70, plan=make_plan(currency="EUR"))
    assert committed(branch) == {"ZAR": Decimal(350), "EUR": Decimal(70)}


def test_other_branches_and_rehearsals_of_what_is_real_now_do_not_count(
    author: User, branch: Branch, settings: Settings
) -> None:
    ordered(author, make_branch(), 100)
    ordered(author, branch, 250)
    settings.FLOW_IS_LOCAL = False
    ordered(author, branch, 30)
    assert committed(branch) == {"ZAR": Decimal(30)}


def test_what_remains_counts_the_order_itself_once(author: User, branch: Branch) -> None:
    ordered(author, branch, 1000)
    order = ordered(author, branch, 2928)
    month = selectors.monthly_budget(branch, JANUARY, without=order)
    assert month.left(order.amount, "ZAR") == Decimal("1072.00")
    assert month.left(Decimal("4000.01"), "ZAR") == Decimal("-0.01")
    assert month.left(Decimal(10), "EUR") is None


def test_without_a_budget_nothing_remains_to_be_told(author: User) -> None:
    branch = make_branch()
    assert selectors.monthly_budget(branch, JANUARY).left(Decimal(10), "ZAR") is None
