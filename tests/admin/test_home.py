"""The home page counts what needs somebody, and each count leads to exactly those rows."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.domain.money import format_money
from campaigns.domain.states import Action, Outcome
from campaigns.models import Campaign, Hold, Listing, Order
from campaigns.selectors import approvals_for
from campaigns.services import commands, orders
from campaigns.services.recording import Answer
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

HOME = "/admin/"
ORDER_NEEDS = ["my_approval", "settling", "by_mistake", "mending", "hurry", "overdue", "patience"]
CAMPAIGN_NEEDS = ["attention", "confirmation", "gone", "ending"]
BRANCH_NEEDS = ["budget", "next_budget"]
NEEDS = [*ORDER_NEEDS, *CAMPAIGN_NEEDS, *BRANCH_NEEDS]


@pytest.fixture(autouse=True)
def _in_the_middle_of_a_month() -> Iterator[None]:
    """Let what starts tomorrow cost this month's money, whatever day it is."""
    with time_machine.travel(datetime(2030, 1, 15, 10, tzinfo=UTC), tick=True):
        yield


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


def cards(client: Client) -> dict[str, Any]:
    return {card["need"]: card for card in client.get(HOME).context["cards"]}


def rows_behind(client: Client, card: dict[str, Any]) -> list[Any]:
    page = client.get(card["url"]).context
    if card["need"] == "settling":
        return [row["order"] for row in page["rows"]]
    if card["need"] == "my_approval" and "cl" not in page:
        return list(approvals_for(page["request"].user))
    return list(page["cl"].result_list)


def money_of(rows: list[Any]) -> list[str]:
    """Return what the rows of a list cost together, by currency, as a card tells it; each order once."""
    found = {order.pk: order for order in (row.order if isinstance(row, Campaign) else row for row in rows)}
    sums: dict[str, Decimal] = {}
    for order in found.values():
        sums[order.amount_currency] = sums.get(order.amount_currency, Decimal(0)) + order.amount
    return [format_money(amount, currency) for currency, amount in sorted(sums.items())]


class Office:
    """A branch with rows of every need, and some that have none."""

    def __init__(self, name: str, boss: User, budget: str) -> None:
        self.name = name
        self.branch = factories.make_branch(
            name=name, monthly_budget=Decimal(10_000), approval_threshold=Decimal(5_000), time_zone="Asia/Tokyo"
        )
        self.budget = Decimal(budget)
        building.queued(**self.order())
        building.draft(**self.order())
        self._orders()
        self._campaigns(boss)

    def order(self, hours: int = 48, **fields: Any) -> dict[str, Any]:
        start = timezone.now().replace(microsecond=0) + timedelta(hours=hours)
        times = {"start_at": start, "end_at": start + timedelta(days=14)}
        return {"branch": self.branch, "budget_override": self.budget, **times, **fields}

    def _orders(self) -> None:
        building.in_doubt(**self.order())
        building.rejected(**self.order())
        building.live_after_all(building.said_not_live(**self.order()), f"{self.name}_after_all")
        building.queued(**self.order(budget_override=Decimal(7_000)))
        building.queued(**self.order(hours=12, budget_override=Decimal("5000.01")))
        _update(building.queued(**self.order()), next_attempt_at=timezone.now() - timedelta(minutes=6))
        _update(building.queued(**self.order()), failures=2, problem="Flow can't be reached.")

    def _campaigns(self, boss: User) -> None:
        self.campaign("calm", phase="live")
        self.campaign("over", phase="completed", problem="old", ends_at=timezone.now() + timedelta(days=1))
        self.campaign("trouble", phase="live", problem="Flow did not answer.")
        asked = self.campaign("asked", phase="live")
        commands.ask(asked.pk, Action.PAUSE, reason="Sold.", user=boss, now=timezone.now())
        gone = self.campaign("gone", phase="live")
        Listing.objects.filter(orders=gone.order_id).update(status="Sold")
        self.campaign("ending", phase="live", ends_at=timezone.now() + timedelta(days=2))

    def doubt_in_euros(self, boss: User) -> None:
        """Make one more order in doubt, which a second person had to approve because of its currency."""
        plan = factories.make_plan(currency="EUR")
        order = building.queued(**self.order(plan=plan, budget_override=Decimal("100.05")))
        order = orders.approve(order.pk, order.version, user=boss, now=timezone.now())
        building.answer_again(order, Answer(Outcome.UNKNOWN, "Flow did not answer.", None, ""), now=timezone.now())

    def campaign(self, name: str, **fields: Any) -> Campaign:
        building.published(f"{self.name}_{name}_1", f"{self.name}_{name}_2", **self.order())
        campaigns = Campaign.objects.filter(tracking_id__startswith=f"{self.name}_{name}_")
        campaigns.update(**fields)
        return campaigns.order_by("pk")[0]


def _update(order: Order, **fields: Any) -> None:
    Order.objects.filter(pk=order.pk).update(**fields)


@pytest.fixture
def offices() -> list[Office]:
    boss = User.objects.create_superuser("boss", password="x")
    return [Office("mine", boss, "1234.56"), Office("theirs", boss, "777.77")]


NUMBERS = dict.fromkeys(NEEDS, 1) | {"my_approval": 2, "attention": 2, "gone": 2, "ending": 2, "next_budget": 0}


def test_each_card_counts_what_its_list_shows_with_the_money_of_exactly_those_rows(offices: list[Office]) -> None:
    mine = offices[0].branch
    offices[0].doubt_in_euros(User.objects.get(username="boss"))
    client = building.client_of(factories.make_user("thandi", *building.EVERYTHING, branches=[mine]))
    found = cards(client)
    assert {need: card["count"] for need, card in found.items()} == NUMBERS | {"settling": 2}
    for need, card in found.items():
        rows = rows_behind(client, card)
        assert card["count"] == len(rows), need
        if need not in BRANCH_NEEDS:
            assert {row.branch_id for row in rows} == {mine.pk}, need
            assert card["money"] == money_of(rows), need
    assert found["settling"]["money"] == ["100.05 EUR", "1,234.56 ZAR"]
    assert found["attention"]["money"] == ["1,234.56 ZAR"]


def test_the_budget_card_leads_to_the_branches_and_tells_what_they_have_committed(offices: list[Office]) -> None:
    mine = offices[0].branch
    client = building.client_of(factories.make_user("thandi", *building.EVERYTHING, branches=[mine]))
    page = client.get(cards(client)["budget"]["url"])
    assert [branch.pk for branch in page.context["cl"].result_list] == [mine.pk]
    (branch,) = page.context["cl"].result_list
    told = [format_money(amount, currency) for currency, amount in vars(branch)["committed this month"].items()]
    assert cards(client)["budget"]["money"] == told
    assert told[0] in page.content.decode()


def test_what_the_next_month_has_committed_is_counted_on_the_last_day_of_this_one() -> None:
    with time_machine.travel(datetime(2030, 11, 30, 10, tzinfo=UTC), tick=True):
        sea_point = factories.make_branch(name="Sea Point", monthly_budget=Decimal(90_000))
        client = building.client_of(factories.make_user("thandi", *building.EVERYTHING))
        december: dict[str, Any] = {
            "start_at": datetime(2030, 12, 10, 7, tzinfo=UTC),
            "end_at": None,
            "branch": sea_point,
        }
        building.queued(**december, budget_override=Decimal(576_048))
        building.queued(**december | {"start_at": None}, budget_override=Decimal(72_000))
        found = cards(client)
        page = client.get(found["next_budget"]["url"])
    this, coming = (f"over 80 % of the budget of {month} 2030 committed" for month in ("November", "December"))
    assert (found["budget"]["text"], found["budget"]["count"]) == (f"branches with {this}", 0)
    assert (found["next_budget"]["text"], found["next_budget"]["count"]) == (f"branch with {coming}", 1)
    assert found["next_budget"]["money"] == ["576,048.00 ZAR"]
    assert list(page.context["cl"].result_list) == [sea_point]
    shown = re.findall(r"(?:Nov|Dec) 2030: [^<]*", page.content.decode())
    assert shown == ["Nov 2030: 72,000.00 ZAR", "Dec 2030: 576,048.00 ZAR"]


def test_whoever_works_everywhere_counts_all_branches(offices: list[Office]) -> None:
    client = building.client_of(factories.make_user("thandi", *building.EVERYTHING))
    assert {need: card["count"] for need, card in cards(client).items()} == {
        need: 2 * number for need, number in NUMBERS.items()
    }


def test_whoever_wrote_an_order_does_not_count_it_as_theirs_to_approve() -> None:
    thandi = factories.make_user("thandi", *building.EVERYTHING)
    own, others = building.awaiting_approval(thandi), building.awaiting_approval()
    client = building.client_of(thandi)
    card = cards(client)["my_approval"]
    assert (card["count"], rows_behind(client, card)) == (1, [others])
    everything = client.get("/admin/campaigns/order/?needs=approval").context["cl"].result_list
    assert set(everything) == {own, others}


def test_who_may_not_approve_counts_all_that_wait_for_somebody() -> None:
    waiting = building.awaiting_approval()
    client = building.client_of(factories.make_user("reader", "view_order"))
    found = cards(client)
    assert "my_approval" not in found
    assert rows_behind(client, found["approval"]) == [waiting]
    nothing = client.get("/admin/campaigns/order/?needs=my_approval").context["cl"].result_list
    assert list(nothing) == []


def test_an_order_that_an_approver_sent_back_is_counted_and_listed_with_the_comment(client: Client) -> None:
    order, boss = building.awaiting_approval(), User.objects.get(username="boss")
    orders.reject(order.pk, order.version, comment="Spend half.", user=boss, now=timezone.now())
    building.draft()
    card = cards(client)["mending"]
    assert (card["count"], rows_behind(client, card)) == (1, [order])
    assert card["money"] == money_of([Order.objects.get(pk=order.pk)])
    assert "Spend half." in client.get(card["url"]).content.decode()


def test_another_person_s_queue_does_not_show_through_the_address(offices: list[Office]) -> None:
    nobody = building.client_of(factories.make_user("newcomer", *building.EVERYTHING, branches=[]))
    assert {card["count"] for card in cards(nobody).values()} == {0}
    assert {tuple(card["money"]) for card in cards(nobody).values()} == {()}
    for need in ORDER_NEEDS:
        assert list(nobody.get(f"/admin/campaigns/order/?needs={need}").context["cl"].result_list) == []
    for need in CAMPAIGN_NEEDS:
        assert list(nobody.get(f"/admin/campaigns/campaign/?needs={need}").context["cl"].result_list) == []
    for need in BRANCH_NEEDS:
        assert list(nobody.get(f"/admin/campaigns/branch/?needs={need}").context["cl"].result_list) == []
    html = nobody.get(HOME).content.decode()
    assert "As soon as an order is submitted" in html
    assert "1,234.56" not in html


@pytest.mark.parametrize(("minutes", "count"), [(29, 0), (31, 1)])
def test_a_campaign_that_flow_does_not_know_needs_somebody_after_half_an_hour(
    client: Client, minutes: int, count: int
) -> None:
    campaign = building.campaign()
    campaign.problem, campaign.missing_since = "Flow does not know it.", timezone.now() - timedelta(minutes=minutes)
    campaign.save()

    assert cards(client)["attention"]["count"] == count


def test_only_what_is_wrong_is_an_alarm(client: Client) -> None:
    building.awaiting_approval()
    assert 'class="home-card console-alarm"' not in client.get(HOME).content.decode()
    building.in_doubt()
    assert client.get(HOME).content.decode().count('class="home-card console-alarm"') == 1


def test_each_card_tells_when_its_figures_were_read(client: Client) -> None:
    building.in_doubt()
    page = client.get(HOME)
    assert page.content.decode().count(f"as of {page.context['as_of']}") == len(page.context["cards"]) == len(NEEDS)


def test_a_fresh_site_shows_the_first_steps(client: Client) -> None:
    html = client.get(HOME).content.decode()
    assert "First steps" in html
    assert "/admin/campaigns/branch/add/" in html
    factories.make_branch()
    assert "First steps" not in client.get(HOME).content.decode()


def test_flow_s_request_to_wait_is_told_while_it_lasts(client: Client) -> None:
    factories.make_branch()
    Hold.objects.update_or_create(pk=Hold.SINGLETON, defaults={"until": timezone.now() - timedelta(minutes=1)})
    assert "Flow asked us to wait" not in client.get(HOME).content.decode()
    Hold.objects.update(until=timezone.now() + timedelta(minutes=5))
    assert "Flow asked us to wait until" in client.get(HOME).content.decode()


def test_the_home_page_takes_as_many_queries_however_many_rows_there_are(client: Client) -> None:
    counts = []
    for rows in (5, 45):
        for number in range(rows):
            building.rejected(branch=factories.make_branch(monthly_budget=1))
            building.published(f"queue_{rows}_{number}", branch=factories.make_branch(monthly_budget=1))
        with CaptureQueriesContext(connection) as captured:
            client.get(HOME)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_people_see_no_counts_of_what_they_may_not_see() -> None:
    building.in_doubt()
    building.campaign()
    answer = building.client_of(factories.make_user("newcomer")).get(HOME)
    assert answer.context["cards"] == []
    assert (answer.context["money_charts"], answer.context["phases"]) == (None, None)
    assert "Ask an administrator for the permission." in answer.content.decode()
    reader = building.client_of(factories.make_user("reader", "view_campaign"))
    assert list(cards(reader)) == CAMPAIGN_NEEDS
    assert reader.get(HOME).context["money_charts"] is None


def test_what_orders_cost_is_not_told_to_those_who_may_see_branches_alone() -> None:
    branch = factories.make_branch(monthly_budget=1)
    building.published("queue_1", branch=branch)
    client = building.client_of(factories.make_user("reader", "view_branch"))
    page = client.get("/admin/campaigns/branch/")
    assert list(page.context["cl"].result_list) == [branch]
    assert "1,500.00" not in page.content.decode()
    for need in BRANCH_NEEDS:
        assert list(client.get(f"/admin/campaigns/branch/?needs={need}").context["cl"].result_list) == []


def test_the_menu_shows_what_the_person_may_see(client: Client) -> None:
    reader = building.client_of(factories.make_user("reader", "view_order"))
    titles = [item["title"] for group in reader.get(HOME).context["sidebar_navigation"] for item in group["items"]]
    assert titles == ["Home", "Alerts", "Orders", "In doubt", "My batches"]


def chart(client: Client, title: str) -> dict[str, tuple[str, str]]:
    """Return value and length of each row of a chart."""
    context = client.get(HOME).context
    charts = [*context["money_charts"], *([context["phases"]] if context["phases"] else [])]
    (found,) = [each for each in charts if each.title == title]
    return {row.label: (row.value, row.length) for row in found.rows}


def test_money_is_drawn_by_week_and_by_branch_for_each_currency(client: Client) -> None:
    big, small = factories.make_branch(name="Big"), factories.make_branch(name="Small")
    euros = factories.make_plan(currency="EUR")
    now = timezone.now()
    building.published("queue_1", branch=big, start_at=None, end_at=None, budget_override=Decimal(300))
    building.queued(branch=small, start_at=None, end_at=None, budget_override=Decimal("100.50"))
    building.queued(branch=small, start_at=None, end_at=None, plan=euros, budget_override=Decimal(9))
    building.rejected(branch=small, start_at=None, end_at=None)
    building.queued(branch=small, start_at=now + timedelta(weeks=6), end_at=None)

    assert chart(client, "Committed by branch, ZAR") == {
        "Big": ("300.00 ZAR", "100.0%"),
        "Small": ("100.50 ZAR", "33.5%"),
    }
    assert chart(client, "Committed by branch, EUR") == {"Small": ("9.00 EUR", "100.0%")}
    weeks = chart(client, "Committed by week, ZAR")
    nothing = ("0.00 ZAR", "0.0%")
    assert list(weeks.values()) == [nothing] * 8 + [("400.50 ZAR", "100.0%")] + [nothing] * 4


@time_machine.travel(datetime(2030, 3, 6, 10, tzinfo=UTC), tick=False)  # a Wednesday
def test_each_week_before_now_and_coming_leads_to_the_orders_that_its_money_is_of() -> None:
    mine = factories.make_branch(name="Mine", time_zone="Asia/Tokyo")
    other = factories.make_branch(name="Theirs")
    this_monday = datetime(2030, 3, 4, tzinfo=ZoneInfo("Africa/Johannesburg"))
    for number, branch in ((1, mine), (2, mine), (4, mine), (5, mine), (2, other)):
        start = this_monday + timedelta(weeks=number)
        building.queued(branch=branch, start_at=start, end_at=None, budget_override=Decimal(10**number))
    building.queued(branch=mine, start_at=this_monday + timedelta(weeks=2, seconds=-1), end_at=None)
    building.queued(branch=mine, start_at=None, end_at=None, budget_override=Decimal(7))
    with time_machine.travel(this_monday - timedelta(days=2), tick=False):
        start = this_monday - timedelta(seconds=1)
        building.published("queue_1", branch=mine, start_at=start, end_at=None, budget_override=Decimal(3))
    building.rejected(branch=mine, start_at=this_monday + timedelta(weeks=1), end_at=None)
    building.draft(branch=mine, start_at=this_monday + timedelta(weeks=1), end_at=None)

    client = building.client_of(factories.make_user("thandi", *building.EVERYTHING, branches=[mine]))
    (weeks,) = [each for each in client.get(HOME).context["money_charts"] if "by week" in each.title]
    assert [row.label.replace("\xa0", " ") for row in weeks.rows][7:10] == ["25 Feb 2030", "4 Mar 2030", "11 Mar 2030"]
    assert [row.value for row in weeks.rows] == [
        *["0.00 ZAR"] * 7,
        "3.00 ZAR",
        "7.00 ZAR",
        "1,510.00 ZAR",
        "100.00 ZAR",
        "0.00 ZAR",
        "10,000.00 ZAR",
    ]
    assert [row.label.replace("\xa0", " ") for row in weeks.rows if row.mark == "this week"] == ["4 Mar 2030"]
    assert [row.coming for row in weeks.rows] == [False] * 9 + [True] * 4
    for row in weeks.rows:
        found = list(client.get(row.url).context["cl"].result_list)
        assert row.value == format_money(sum((order.amount for order in found), Decimal(0)), "ZAR")


@pytest.mark.parametrize("week", ["x", "2030-13-01", "0001-01-01", "9999-12-31"])
def test_a_week_that_is_none_is_refused_and_not_taken_for_all(client: Client, week: str) -> None:
    building.queued()
    answer = client.get(f"/admin/campaigns/order/?week={week}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/campaigns/order/?e=1")


def test_the_branches_with_the_most_money_are_drawn_and_the_others_together(client: Client) -> None:
    for number in range(12):
        branch = factories.make_branch(name=f"Office {number}")
        building.queued(branch=branch, start_at=None, end_at=None, budget_override=Decimal(100 + number))
    rows = chart(client, "Committed by branch, ZAR")
    assert list(rows) == [f"Office {number}" for number in range(11, 1, -1)] + ["2 more"]
    assert rows["2 more"][0] == "201.00 ZAR"


def test_campaigns_are_drawn_by_phase_and_each_phase_leads_to_them(client: Client) -> None:
    for name, phase in (("a", "live"), ("b", "live"), ("c", "failed")):
        building.campaign(f"queue_{name}", phase=phase)
    rows = client.get(HOME).context["phases"].rows
    assert [(row.value, row.length) for row in rows] == [("2", "100.0%"), ("1", "50.0%")]
    for row in rows:
        assert str(len(client.get(row.url).context["cl"].result_list)) == row.value


HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "x" * 150


def test_a_branch_s_name_is_drawn_as_plain_text_and_cut(client: Client) -> None:
    building.queued(branch=factories.make_branch(name=HOSTILE), start_at=None, end_at=None)
    html = client.get(HOME).content.decode()
    assert "<img src=x" not in html
    (label,) = chart(client, "Committed by branch, ZAR")
    assert "x" * 40 not in re.sub('title="[^"]*"', "", label)
