"""What branches have committed this month, each on its own clock."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.domain.states import Outcome
from campaigns.models import Branch, Order
from campaigns.selectors import add_up, committed, nearly_spent, next_month, this_month
from campaigns.services import orders
from campaigns.services.recording import Answer
from tests import factories
from tests.admin import building as any_state
from tests.services import building

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 3, 15, 9, tzinfo=UTC)
MARCH, APRIL = date(2030, 3, 1), date(2030, 4, 1)
SUBMITTED = datetime(2030, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def author() -> User:
    return factories.make_user("author", *any_state.ORDER_STAFF)


def submitted(author: User, branch: Branch, amount: str, start: datetime | None = None, **fields: Any) -> Order:
    content = building.content(branch=branch, budget_override=Decimal(amount), start_at=start, **fields)
    order = orders.create_order(content, user=author, now=min(SUBMITTED, start or SUBMITTED) - timedelta(days=1))
    return orders.submit(order.pk, order.version, user=author, now=order.created_at)


def of(*branches: Branch) -> dict[int, dict[str, Decimal]]:
    return committed(Branch.objects.filter(pk__in=[branch.pk for branch in branches]), MARCH)


def test_adds_up_what_is_submitted_under_way_published_or_in_doubt(author: User) -> None:
    branch = factories.make_branch(approval_threshold=Decimal(500))
    submitted(author, branch, "1.01")
    submitted(author, branch, "600")
    published = Answer(Outcome.PUBLISHED, "Accepted.", 202, "{}", ("queue_1",), "queued")
    doubtful = Answer(Outcome.UNKNOWN, "No answer.", None, "")
    for amount, answer in (("10.10", published), ("20.20", doubtful)):
        any_state.answer_again(submitted(author, branch, amount), answer, now=NOW)
    assert of(branch) == {branch.pk: {"ZAR": Decimal("631.31")}}


def test_leaves_out_what_nobody_submitted_what_flow_refused_and_what_was_cancelled(author: User) -> None:
    branch = factories.make_branch()
    building.draft(author, branch=branch)
    any_state.answer_again(submitted(author, branch, "5"), Answer(Outcome.REJECTED, "No.", 400, ""), now=NOW)
    order = submitted(author, branch, "7")
    orders.cancel(order.pk, order.version, reason="Not wanted.", user=author, now=NOW)
    assert of(branch) == {}


def test_the_start_decides_on_the_month_and_the_submission_where_there_is_none(author: User) -> None:
    branch = factories.make_branch(time_zone="UTC")
    submitted(author, branch, "1")
    submitted(author, branch, "2", datetime(2030, 3, 31, 23, 59, 59, tzinfo=UTC))
    submitted(author, branch, "4", datetime(2030, 3, 1, tzinfo=UTC))
    submitted(author, branch, "8", datetime(2030, 2, 28, 23, 59, 59, tzinfo=UTC))
    submitted(author, branch, "16", datetime(2030, 4, 1, tzinfo=UTC))
    assert of(branch) == {branch.pk: {"ZAR": Decimal("7.00")}}


def test_each_branch_s_month_is_on_its_own_clock(author: User) -> None:
    tokyo, lima = (factories.make_branch(time_zone=zone) for zone in ("Asia/Tokyo", "America/Lima"))
    last_hour_of_february_in_utc = datetime(2030, 2, 28, 23, tzinfo=UTC)
    first_hour_of_april_in_utc = datetime(2030, 4, 1, 1, tzinfo=UTC)
    for branch in (tokyo, lima):
        submitted(author, branch, "1", last_hour_of_february_in_utc)
        submitted(author, branch, "10", first_hour_of_april_in_utc)
    assert of(tokyo, lima) == {tokyo.pk: {"ZAR": Decimal("1.00")}, lima.pk: {"ZAR": Decimal("10.00")}}


def test_currencies_are_kept_apart(author: User) -> None:
    branch, other = factories.make_branch(), factories.make_branch()
    submitted(author, branch, "1")
    submitted(author, branch, "2.50", plan=factories.make_plan(currency="EUR"))
    submitted(author, other, "4")
    assert of(branch, other) == {
        branch.pk: {"ZAR": Decimal("1.00"), "EUR": Decimal("2.50")},
        other.pk: {"ZAR": Decimal("4.00")},
    }
    assert add_up(of(branch, other)) == {"ZAR": Decimal("5.00"), "EUR": Decimal("2.50")}
    assert of(branch) == {branch.pk: {"ZAR": Decimal("1.00"), "EUR": Decimal("2.50")}}


@pytest.mark.parametrize(("amount", "nearly"), [("80.00", False), ("80.01", True), ("100.00", True)])
def test_a_budget_is_nearly_spent_above_80_percent(author: User, amount: str, nearly: bool) -> None:
    branch = factories.make_branch(monthly_budget=Decimal(100))
    submitted(author, branch, amount)
    submitted(author, factories.make_branch(), "1000000")
    assert nearly_spent(Branch.objects.all(), MARCH) == ({branch.pk: {"ZAR": Decimal(amount)}} if nearly else {})


def test_money_in_another_currency_can_t_be_compared_with_the_budget(author: User) -> None:
    branch = factories.make_branch(monthly_budget=Decimal(100))
    submitted(author, branch, "500", plan=factories.make_plan(currency="EUR"))
    assert nearly_spent(Branch.objects.all(), MARCH) == {}


def test_takes_two_queries_however_many_branches_and_zones_there_are(author: User) -> None:
    for zone in ("UTC", "Asia/Tokyo", "America/Lima", "Europe/Lisbon"):
        submitted(author, factories.make_branch(time_zone=zone), "1")
    with CaptureQueriesContext(connection) as captured:
        assert len(committed(Branch.objects.all(), MARCH)) == 4
    assert len(captured) == 2
    assert committed(Branch.objects.none(), MARCH) == {}


def test_a_coming_month_has_a_budget_of_its_own(author: User) -> None:
    branch = factories.make_branch(monthly_budget=Decimal(100), time_zone="UTC")
    submitted(author, branch, "80")
    submitted(author, branch, "81", datetime(2030, 4, 1, tzinfo=UTC))
    submitted(author, branch, "500", datetime(2030, 5, 1, tzinfo=UTC))
    assert nearly_spent(Branch.objects.all(), MARCH) == {}
    assert nearly_spent(Branch.objects.all(), APRIL) == {branch.pk: {"ZAR": Decimal("81.00")}}


def test_months_are_named_by_the_site_s_clock() -> None:
    last_evening_in_utc = datetime(2030, 3, 31, 22, 30, tzinfo=UTC)  # in Johannesburg it is April
    assert (this_month(NOW), next_month(NOW)) == (MARCH, APRIL)
    assert (this_month(last_evening_in_utc), next_month(last_evening_in_utc)) == (APRIL, date(2030, 5, 1))
    assert next_month(datetime(2030, 12, 31, 12, tzinfo=UTC)) == date(2031, 1, 1)
