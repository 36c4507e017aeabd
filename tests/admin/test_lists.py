"""The lists: their queries do not grow with their rows, and their filters and searches find what they say."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.domain.states import Action, Outcome
from campaigns.models import Attempt, Campaign, Command, Event, Order
from campaigns.services import commands
from campaigns.services.recording import Answer
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("boss", password="x"))


def rows_of(client: Client, page: str) -> list[str]:
    return building.names(client.get(page).context["cl"].result_list)


def queries(client: Client, page: str) -> int:
    client.get(page)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(page).status_code == 200
    return len(captured)


def published_orders(count: int) -> None:
    for number in range(count):
        order = building.published(f"queue_{timezone.now().timestamp()}_{number}")
        commands.ask(
            order.campaigns.get().pk, Action.PAUSE, reason="Sold.", user=building.author("asker"), now=timezone.now()
        )


def catalogue(count: int) -> None:
    for _ in range(count):
        branch = factories.make_branch()
        factories.make_plan()
        factories.make_listing(branch, agent=factories.make_agent(branch))


@pytest.mark.parametrize(
    ("name", "fill"),
    [
        ("branch", catalogue),
        ("agent", catalogue),
        ("listing", catalogue),
        ("plan", catalogue),
        ("order", published_orders),
        ("attempt", published_orders),
        ("campaign", published_orders),
        ("command", published_orders),
        ("event", published_orders),
    ],
)
def test_a_list_of_50_rows_takes_as_many_queries_as_one_of_5(
    client: Client, name: str, fill: Callable[[int], None], settings: Any
) -> None:
    factories.make_user("asker", *building.EVERYTHING)
    page = f"/admin/campaigns/{name}/"
    fill(5)
    few = queries(client, page)
    fill(45)
    assert queries(client, page) == few
    assert len(client.get(page).context["cl"].result_list) == 25


def test_the_page_of_an_order_takes_as_many_queries_with_50_campaigns_as_with_5(client: Client) -> None:
    few, many = (building.published(*[f"queue_{size}_{number}" for number in range(size)]) for size in (5, 50))
    for campaign in Campaign.objects.all():
        commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=_boss(), now=timezone.now())
    counts = [queries(client, f"/admin/campaigns/order/{order.pk}/change/") for order in (few, many)]
    assert counts[0] == counts[1]


def test_the_page_of_an_order_takes_as_many_queries_with_50_listings_as_with_5(client: Client) -> None:
    counts = []
    for size in (5, 50):
        branch = factories.make_branch()
        order = building.draft(branch=branch, listings=tuple(factories.make_listing(branch) for _ in range(size)))
        counts += [queries(client, f"/admin/campaigns/order/{order.pk}/{page}/") for page in ("change", "edit")]
    assert counts[:2] == counts[2:]


def test_the_page_of_a_campaign_takes_as_many_queries_after_50_commands_as_after_5(client: Client) -> None:
    campaign = building.campaign(phase="unrecognised")
    counts = []
    for numbers in (range(5), range(5, 50)):
        for number in numbers:
            action = Action.PAUSE if number % 2 else Action.RESUME
            commands.ask(campaign.pk, action, reason="x", user=_boss(), now=timezone.now())
        counts.append(queries(client, f"/admin/campaigns/campaign/{campaign.pk}/change/"))
    assert counts[0] == counts[1]
    assert Command.objects.count() == 50


def _boss() -> User:
    return User.objects.get(username="boss")


def test_the_list_of_orders_is_filtered_by_state_branch_and_plan(client: Client) -> None:
    draft, queued = building.draft(), building.queued()
    page = "/admin/campaigns/order/"
    assert rows_of(client, page) == [str(queued), str(draft)]
    assert rows_of(client, f"{page}?state__exact=queued") == [str(queued)]
    assert rows_of(client, f"{page}?branch__id__exact={draft.branch_id}") == [str(draft)]
    assert rows_of(client, f"{page}?plan__id__exact={queued.plan_id}") == [str(queued)]


def test_an_order_is_found_by_the_beginning_of_its_ref(client: Client) -> None:
    order, _ = building.draft(), building.draft()
    page = "/admin/campaigns/order/"
    assert rows_of(client, f"{page}?q={order.order_ref}") == [str(order)]
    assert len(rows_of(client, f"{page}?q=ORD-")) == 2
    assert rows_of(client, f"{page}?q=nothing") == []


def test_the_list_of_orders_shows_the_amount_and_the_start_on_the_branch_s_clock(client: Client) -> None:
    order = building.draft(branch=factories.make_branch(time_zone="Asia/Tokyo"))
    html = client.get("/admin/campaigns/order/").content.decode()
    assert order.start_at is not None
    assert f"{order.start_at.astimezone(order.branch.zone):%H:%M} JST" in html
    assert "1,500.00 ZAR" in html


def test_the_list_of_campaigns_is_filtered_by_phase_and_branch(client: Client) -> None:
    live, queued = building.campaign("queue_1", phase="live"), building.campaign("queue_2")
    page = "/admin/campaigns/campaign/"
    assert rows_of(client, f"{page}?phase__exact=live") == [str(live)]
    assert rows_of(client, f"{page}?branch__id__exact={queued.branch_id}") == [str(queued)]


def test_a_campaign_is_found_by_the_beginning_of_its_tracking_id_or_order_ref(client: Client) -> None:
    one, _ = building.campaign("queue_1"), building.campaign("other_2")
    page = "/admin/campaigns/campaign/"
    assert rows_of(client, f"{page}?q=queue_") == [str(one)]
    assert rows_of(client, f"{page}?q={one.order.order_ref}") == [str(one)]


def test_records_are_filtered(client: Client) -> None:
    building.in_doubt()
    order = building.published("queue_1")
    assert [
        row.order for row in client.get("/admin/campaigns/attempt/?outcome__exact=published").context["cl"].result_list
    ] == [order]
    told = client.get("/admin/campaigns/event/?actor_kind__exact=flow").context["cl"].result_list
    assert {event.kind for event in told} == {"order.published"}
    assert Attempt.objects.count() == 2
    assert Event.objects.exclude(actor_kind="flow").exists()


def test_flow_s_words_are_plain_text_in_the_lists(client: Client) -> None:
    building.rejected()
    building.campaign("queue_1", flow_status="<script>x</script>", phase="unrecognised")
    for name in ("order", "campaign", "attempt", "event"):
        html = client.get(f"/admin/campaigns/{name}/").content.decode()
        assert "<b>reference" not in html
        assert "<script>x" not in html
    assert Order.objects.count() == 2


@pytest.mark.parametrize("name", ["order", "campaign", "agent", "listing"])
def test_the_lists_tell_branches_and_plans_by_name_alone(client: Client, name: str) -> None:
    branch = factories.make_branch(name="Sea Point", external_id="5f0c9a1b2c3d4e5f60718293")
    plan = factories.make_plan(name="Local reach", ref="6f0c9a1b2c3d4e5f60718294")
    building.published("queue_1", branch=branch, plan=plan, listings=(factories.make_listing(branch),), agent=None)
    factories.make_agent(branch)
    html = client.get(f"/admin/campaigns/{name}/").content.decode()
    assert "Sea Point" in html
    assert branch.external_id not in html
    assert plan.ref not in html


def test_an_attempt_that_flow_did_not_take_up_is_called_not_processed(client: Client) -> None:
    building.answered(Answer(Outcome.NOT_SENT, "Flow asks for fewer requests.", 429))
    html = client.get("/admin/campaigns/attempt/?outcome__exact=not_sent").content.decode()
    assert "Not processed" in html
    assert "Not sent" not in html
