"""The queue of orders in doubt: all that a person may see, with the money, what was sent, what came back, and who said what."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.domain.states import Outcome, Resolution
from campaigns.models import Event, Order, Reminder, Settlement
from campaigns.services import reminding, settling
from campaigns.services.recording import Answer
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

QUEUE = "/admin/campaigns/order/in-doubt/"
NOON = datetime(2030, 1, 1, 12, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def settler(name: str = "naledi", **fields: Any) -> User:
    return factories.make_user(name, "view_order", "settle_order", **fields)


def in_doubt(answer: Answer | None = None, *, at: datetime = NOON, **fields: Any) -> Order:
    """Return an order in doubt since 20 seconds after `at`."""
    answer = answer or Answer(Outcome.UNKNOWN, "Flow did not answer in time.", None, "half an ans")
    with time_machine.travel(at - HOUR, tick=False):
        return building.answered(answer, now=at, took=timedelta(seconds=20), **fields)


def shown(user: User | None = None, page: str = QUEUE) -> Any:
    return building.client_of(user or settler()).get(page)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def refs(answer: Any) -> list[str]:
    return [row["order"].order_ref for row in answer.context["rows"]]


@time_machine.travel(NOON + 3 * HOUR + timedelta(minutes=20, seconds=20), tick=False)
def test_an_order_is_shown_with_all_that_is_known_of_it() -> None:
    branch = factories.make_branch(name="Sea Point", external_id="SP")
    order = in_doubt(Answer(Outcome.UNKNOWN, "Flow fell over.", 502, "<h1>Bad Gateway</h1>"), branch=branch)
    html = text(shown())
    for words in (
        f'<a class="text-link" href="/admin/campaigns/order/{order.pk}/change/">{order.order_ref}</a>',
        "In doubt for 3 h 20 min",
        "1,500.00 ZAR</strong>",
        "Sea Point (SP)",
        "1 Jan 2030, 12:00:05 to 12:00:25 UTC",
        order.payload_sha256,
        "<dd>502</dd>",
        "Flow fell over.",
        "&lt;h1&gt;Bad Gateway&lt;/h1&gt;",
        "Reminders: none sent yet; one is due now.",
        "Rehearsal, no real money",
        f'href="/admin/campaigns/order/{order.pk}/settle/"',
    ):
        assert words in html


def test_the_oldest_doubt_comes_first_and_nothing_else_is_there() -> None:
    orders = [in_doubt(at=NOON - hours * HOUR) for hours in (1, 3, 2)]
    building.published("queue_1")
    building.rejected()
    building.queued()
    assert refs(shown()) == [orders[1].order_ref, orders[2].order_ref, orders[0].order_ref]


def test_an_order_in_doubt_once_more_is_there_once_with_its_last_attempt() -> None:
    order = in_doubt(Answer(Outcome.UNKNOWN, "The first time.", None, ""))
    alone = factories.make_user("alone", "settle_order", "settle_alone")
    settling.settle(order.pk, Resolution.NOT_LIVE, evidence="No.", user=alone, now=NOON + HOUR)
    assert refs(shown()) == []
    building.answer_again(order, Answer(Outcome.UNKNOWN, "The second time.", None, ""), now=NOON + 2 * HOUR)
    answer = shown(settler("thabo"))
    assert refs(answer) == [order.order_ref]
    assert "The second time." in text(answer)
    assert "The first time." not in text(answer)


def test_the_money_is_added_up_by_currency() -> None:
    usd = factories.make_plan(currency="USD", default_budget=Decimal("300.10"))
    in_doubt(budget_override=Decimal("0.10"))
    in_doubt(budget_override=Decimal("0.20"))
    in_doubt(plan=usd)
    building.published("queue_1")
    answer = shown()
    assert answer.context["money"] == ["0.30 ZAR", "300.10 USD"][::-1]
    assert "<strong>3 orders</strong>" in text(answer)


def test_what_flow_answered_is_inert_and_cut() -> None:
    hostile = "<script>alert(1)</script>{{ 7|add:7 }}"
    in_doubt(Answer(Outcome.UNKNOWN, hostile + "w" * 1_000, 500, hostile + "e" * 5_000))
    html = text(shown())
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7|add:7 }}" in html
    assert "e" * 900 in html
    assert "e" * 1_001 not in html


@time_machine.travel(NOON + 2 * HOUR, tick=False)
def test_what_others_said_and_waits_for_a_second_person_is_told() -> None:
    order, thabo = in_doubt(), settler("thabo")
    settling.settle(order.pk, Resolution.ABANDON, evidence="It is <sold>.", user=thabo, now=NOON + HOUR)
    assert "<strong>thabo</strong> said “Abandon”, 1 Jan 2030, 15:00 SAST. “It is &lt;sold&gt;.”" in text(shown())


@time_machine.travel(NOON + 3 * HOUR, tick=False)
def test_reminders_that_went_out_and_the_next_one_are_told() -> None:
    order = in_doubt()
    for age in (timedelta(minutes=6), HOUR + timedelta(minutes=1)):
        reminding.remind(NOON + age)
    assert order.reminders.count() == 2
    words = "Reminders: 2 sent, the last at 1 Jan 2030, 13:01:05 UTC; the next one at 2 Jan 2030, 13:00:25 UTC."
    assert words in text(shown())


@time_machine.travel(NOON + HOUR / 2, tick=False)
def test_a_reminder_under_way_does_not_count_as_sent() -> None:
    order = in_doubt()
    Reminder.objects.create(order=order, attempt=order.attempts.get(), number=1, at=NOON)
    assert "Reminders: none sent yet; one is due now." in text(shown())


def test_without_a_doubt_the_page_says_what_will_appear_there() -> None:
    building.published("queue_1")
    html = text(shown())
    assert "No order is in doubt" in html
    assert "appears on this page, with what was sent, when, and what came back" in html


def test_those_who_may_only_look_get_no_button() -> None:
    order = in_doubt()
    html = text(shown(factories.make_user("reader", "view_order")))
    assert order.order_ref in html
    assert "Settle…" not in html


def test_those_who_may_not_see_orders_see_nothing_of_it() -> None:
    order = in_doubt()
    client = building.client_of(factories.make_user("newcomer", "view_campaign", "settle_order"))
    answer = client.get(QUEUE)
    assert answer.status_code == 403
    assert order.order_ref not in answer.content.decode()
    assert "In doubt" not in client.get("/admin/").content.decode()
    assert Client().get(QUEUE).headers["Location"] == f"/admin/login/?next={QUEUE}"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_only_shows(method: str) -> None:
    order = in_doubt()
    before = (Event.objects.count(), Settlement.objects.count(), Reminder.objects.count())
    client = building.client_of(User.objects.create_superuser("boss", password="x"))
    assert client.get(QUEUE).status_code == 200
    assert getattr(client, method)(QUEUE, {"resolution": "abandon"}).status_code == 405
    assert (Event.objects.count(), Settlement.objects.count(), Reminder.objects.count()) == before
    order.refresh_from_db()
    assert order.state == "unknown"


def test_25_orders_are_on_a_page() -> None:
    author = building.author()
    orders = [in_doubt(user=author, at=NOON + timedelta(minutes=minute)).order_ref for minute in range(27)]
    client = building.client_of(settler())
    first, second = client.get(QUEUE), client.get(f"{QUEUE}?page=2")
    assert (refs(first), refs(second)) == (orders[:25], orders[25:])
    assert 'href="?page=2"' in text(first)
    assert 'href="?page=1"' in text(second)
    assert "27 orders" in text(second)
    assert refs(client.get(f"{QUEUE}?page=99")) == orders[25:]
    assert refs(client.get(f"{QUEUE}?page=x")) == orders[:25]
    assert refs(client.get(f"{QUEUE}?page=-9999999999999999999999")) == orders[25:]


def test_many_orders_take_as_many_queries_as_few() -> None:
    client, thabo = building.client_of(settler()), settler("thabo")
    client.get(QUEUE)

    def queries(more: int) -> int:
        for _ in range(more):
            order = in_doubt()
            settling.settle(order.pk, Resolution.ABANDON, evidence="x", user=thabo, now=timezone.now())
        reminding.remind(timezone.now() + 3650 * 24 * HOUR)
        with CaptureQueriesContext(connection) as captured:
            client.get(QUEUE)
        return len(captured)

    assert queries(2) == queries(20)


def test_the_menu_counts_the_doubts_and_marks_where_one_is() -> None:
    client = building.client_of(settler())
    in_doubt()

    def menu(page: str) -> list[tuple[str, bool, int]]:
        groups = client.get(page).context["sidebar_navigation"]
        return [(item["title"], item["active"], item.get("badge", 0)) for item in groups[1]["items"][:2]]

    assert menu(QUEUE) == [("Orders", False, 0), ("In doubt", True, 1)]
    assert menu("/admin/campaigns/order/") == [("Orders", True, 0), ("In doubt", False, 1)]
    assert menu("/admin/") == [("Orders", False, 0), ("In doubt", False, 1)]
