"""The page of an order or a campaign tells all that happened in one stream: who did it, and what it changed."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.admin.timeline import highlighted
from campaigns.domain.states import Action, ActorKind
from campaigns.models import Order
from campaigns.services import commands, orders
from campaigns.services.commenting import comment
from campaigns.services.content import Content
from campaigns.services.history import record
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


def reader() -> User:
    found = User.objects.filter(username="reader").first()
    return found or factories.make_user("reader", "view_order", "view_campaign", "view_attempt")


def page(order: Order, query: str = "", user: User | None = None) -> Any:
    return building.client_of(user or reader()).get(f"/admin/campaigns/order/{order.pk}/change/{query}")


def items(order: Order, query: str = "", user: User | None = None) -> list[Any]:
    found: list[Any] = page(order, query, user).context["timeline"]["items"]
    return found


def edited(order: Order, user: User, **changes: Any) -> Order:
    order = Order.objects.get(pk=order.pk)
    content = replace(Content.of(order), **changes)
    return orders.edit_order(order.pk, order.version, content, user=user, now=timezone.now())


def test_an_edit_tells_old_and_new_of_each_field_in_the_words_of_the_page() -> None:
    branch = factories.make_branch(time_zone="Europe/Lisbon")
    flat, house = (factories.make_listing(branch, title=title) for title in ("Flat", "House"))
    thandi, sipho = (factories.make_agent(branch, name=name) for name in ("Thandi", "Sipho"))
    first, second = (factories.make_plan(name=name) for name in ("Local reach", "Wide reach"))
    start = datetime(2040, 7, 1, 8, 0, tzinfo=UTC)
    made: dict[str, Any] = {
        "branch": branch,
        "listings": (flat,),
        "agent": thandi,
        "plan": first,
        "start_at": None,
        "end_at": None,
    }
    order = building.draft(**made)
    new = {"listings": (house,), "agent": sipho, "plan": second, "start_at": start, "budget_override": Decimal(2000)}
    edited(order, building.author(), **new)

    line = items(order)[0]
    assert line.text == "author edited the order."
    assert line.changes == [
        ("Plan", "Local reach → Wide reach"),
        ("Agent", "Thandi → Sipho"),
        ("Listings", "1 → 1; added: House; removed: Flat"),
        ("Start", "none → 1 Jul 2040, 09:00 WEST"),
        ("Budget override", "the plan's default → 2,000.00 ZAR"),
    ]


def test_names_of_another_branch_are_not_told() -> None:
    secret = factories.make_branch(name="Secret branch", external_id="B-9")
    listing = factories.make_listing(secret, title="Secret flat", external_id="L-9")
    order = building.draft(branch=secret, listings=(listing,), agent=None)
    branch = factories.make_branch(name="Sea Point", external_id="B-1")
    edited(order, building.author(), branch=branch, listings=(factories.make_listing(branch, external_id="L-1"),))
    theirs = factories.make_user("theirs", "view_order", branches=[branch])

    assert items(order, user=theirs)[0].changes == [
        ("Branch", "B-9 → Sea Point"),
        ("Listings", f"1 → 1; added: {branch.listings.get().title}; removed: L-9"),
    ]
    assert b"Secret" not in page(order, user=theirs).content


def test_an_attempt_is_told_with_how_it_ended_and_its_answer_code() -> None:
    order = building.rejected()
    answer, claim = items(order)[0], items(order)[-1]
    assert answer.text == "Flow said no: Unknown plan <b>reference</b>."
    assert [str(fact).split(">")[-2].split("<")[0] if "<" in str(fact) else fact for fact in answer.facts] == [
        "Attempt 1",
        "HTTP 400",
    ]
    assert answer.alarm
    assert not claim.alarm
    assert "Unknown plan &lt;b&gt;reference&lt;/b&gt;." in page(order).content.decode()


def test_an_attempt_without_an_answer_says_so_and_without_the_right_it_is_no_link() -> None:
    order = building.in_doubt()
    plain = factories.make_user("plain", "view_order")
    assert items(order, user=plain)[0].facts == ["Attempt 1", "no answer code"]


def test_person_scheduler_and_flow_are_told_apart_in_words() -> None:
    order = building.draft(user=building.author("Flow"))
    for kind in (ActorKind.SCHEDULER, ActorKind.FLOW):
        record("order.reminded", "x", now=timezone.now(), by=kind, order=order)
    assert [line.said_by for line in items(order)] == ["Ad platform", "Automatic", "Person"]


def test_events_of_its_campaigns_are_the_order_s_and_the_campaign_s_page_shows_its_own() -> None:
    order = building.published("queue_1", "queue_2")
    boss = User.objects.create_superuser("boss")
    for campaign in order.campaigns.order_by("tracking_id"):
        commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=boss, now=timezone.now())
    assert [str(line.about).split(">")[-2].split("<")[0] for line in items(order)[:2]] == ["queue_2", "queue_1"]
    first = order.campaigns.get(tracking_id="queue_1")
    answer = building.client_of(reader()).get(f"/admin/campaigns/campaign/{first.pk}/change/")
    assert [line.text for line in answer.context["timeline"]["items"]] == ["boss asked to pause the campaign: Sold."]
    assert answer.context["timeline"]["comment_form"] is None


@pytest.mark.parametrize(
    ("sort", "texts"),
    [
        ("edits", ["author submitted the order for 1,500.00 ZAR.", "author created the order."]),
        ("attempts", ["Flow accepted the order."]),
        ("commands", ["boss asked to pause the campaign: Sold."]),
        ("flow", ["Flow: live."]),
        ("comments", ["Good."]),
    ],
)
def test_the_stream_can_be_limited_to_a_kind(sort: str, texts: list[str]) -> None:
    order, boss = building.published("queue_1"), User.objects.create_superuser("boss")
    campaign = order.campaigns.get()
    commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=boss, now=timezone.now())
    data = {"phase": ["queued", "live"]}
    record("campaign.status", "Flow: live.", now=timezone.now(), by=ActorKind.FLOW, campaign=campaign, data=data)
    comment(order.pk, "Good.", user=boss, now=timezone.now())
    assert [line.text for line in items(order, f"?history={sort}")] == texts
    assert len(items(order)) == len(items(order, "?history=nonsense&before=nonsense")) == 6


def test_old_lines_are_a_page_further() -> None:
    order = building.draft()
    for number in range(120):
        record("order.reminded", f"line {number}", now=timezone.now(), by=ActorKind.SCHEDULER, order=order)
    texts, query = [], ""
    for _ in range(3):
        timeline = page(order, query).context["timeline"]
        texts.append([line.text for line in timeline["items"]])
        query = timeline["older"].removesuffix("#timeline")
    assert [len(each) for each in texts] == [50, 50, 21]
    assert [text for each in texts for text in each] == [
        *(f"line {number}" for number in reversed(range(120))),
        "author created the order.",
    ]
    assert query == ""


def test_a_long_history_takes_as_many_queries_as_a_short_one() -> None:
    branch = factories.make_branch()
    few, many = (building.draft(branch=branch, listings=(factories.make_listing(branch),)) for _ in range(2))
    client, counts = building.client_of(reader()), []
    for order, edits in ((few, 1), (many, 20)):
        for _ in range(edits):
            edited(order, building.author(), listings=(factories.make_listing(branch),))
            record("order.reminded", "x", now=timezone.now(), by=building.author(), order=order)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"/admin/campaigns/order/{order.pk}/change/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_comment_is_escaped_its_mentions_stand_out_and_nothing_becomes_a_link() -> None:
    html = highlighted("<b>@sue</b>, see https://x.example @sue. @ghost a@sue", ["sue"])
    mention = '<strong class="timeline-mention">@sue</strong>'
    assert html == f"&lt;b&gt;{mention}&lt;/b&gt;, see https://x.example {mention}. @ghost a@sue"
