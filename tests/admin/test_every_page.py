"""Every page of the admin answers those who may see it, and nobody else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule

from campaigns.admin.campaign_deeds import CAMPAIGN_DEEDS
from campaigns.admin.order_deeds import ORDER_DEEDS
from campaigns.domain.states import Action
from campaigns.models import Agent, Attempt, Batch, Branch, Campaign, Command, Event, Listing, Order, Plan
from campaigns.services import commands
from campaigns.services.catalogue import TABLES, Kind
from campaigns.services.catalogue.changes import plain_values
from tests import factories
from tests.admin import building
from tests.services import batching

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def _interval() -> IntervalSchedule:
    return IntervalSchedule.objects.get_or_create(every=7, period="days")[0]


def _command() -> Command:
    campaign = building.campaign()
    return commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=_boss(), now=NOON)


def _boss() -> User:
    return User.objects.filter(username="boss").first() or User.objects.create_superuser("boss", password="x")


def _batch() -> Batch:
    return batching.start("publish", building.draft(), user=_boss(), now=timezone.now())


ROWS: dict[Any, Callable[[], Any]] = {
    Branch: factories.make_branch,
    Agent: factories.make_agent,
    Listing: factories.make_listing,
    Plan: factories.make_plan,
    Order: building.draft,
    Attempt: lambda: building.in_doubt().attempts.get(),
    Campaign: building.campaign,
    Command: _command,
    Event: lambda: building.draft().events.get(),
    Batch: _batch,
    User: lambda: factories.make_user("somebody"),
    Group: lambda: Group.objects.create(name="Sellers"),
    IntervalSchedule: _interval,
    CrontabSchedule: lambda: CrontabSchedule.objects.create(minute="7"),
    ClockedSchedule: lambda: ClockedSchedule.objects.create(clocked_time=NOON),
    SolarSchedule: lambda: SolarSchedule.objects.create(event="sunset", latitude=-33, longitude=18),
    PeriodicTask: lambda: PeriodicTask.objects.create(name="a task", task="x", interval=_interval()),
}
NOBODY_ADDS = {Attempt, Batch, Campaign, Command, Event}
NOBODY_DELETES = {Order, *NOBODY_ADDS}
MODELS = sorted(ROWS, key=lambda model: model._meta.label)


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_of_the_admin_is_visited_here() -> None:
    assert set(admin.site._registry) == set(ROWS)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_superuser_sees_the_list_with_its_row(model: type[Model]) -> None:
    row = ROWS[model]()
    answer = building.client_of(_boss()).get(address(model, "changelist"))
    assert answer.status_code == 200
    assert address(model, "change", row.pk) in answer.content.decode()


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_superuser_sees_the_row_and_its_history(model: type[Model]) -> None:
    row, client = ROWS[model](), building.client_of(_boss())
    assert client.get(address(model, "change", row.pk)).status_code == 200
    assert client.get(address(model, "history", row.pk), follow=True).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_superuser_can_add_only_what_people_add(model: type[Model]) -> None:
    answer = building.client_of(_boss()).get(address(model, "add"))
    assert answer.status_code == (403 if model in NOBODY_ADDS else 200)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_superuser_can_delete_only_what_people_delete(model: type[Model]) -> None:
    row, client = ROWS[model](), building.client_of(_boss())
    answer = client.get(address(model, "delete", row.pk))
    assert answer.status_code == (403 if model in NOBODY_DELETES else 200)
    if model in NOBODY_DELETES:
        assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_staff_without_rights_see_none_of_it(model: type[Model]) -> None:
    row, client = ROWS[model](), building.client_of(factories.make_user("newcomer"))
    count = model._default_manager.count()
    hidden = {403, 404}
    assert client.get(address(model, "changelist")).status_code == 403
    assert client.get(address(model, "add")).status_code == 403
    assert client.get(address(model, "change", row.pk)).status_code in hidden
    assert client.get(address(model, "delete", row.pk)).status_code in hidden
    assert client.post(address(model, "add"), {}).status_code == 403
    assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code in hidden
    assert model._default_manager.count() == count


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_strangers_are_sent_to_the_sign_in_page(model: type[Model], client: Any) -> None:
    page = address(model, "changelist")
    assert client.get(page).headers["Location"] == f"/admin/login/?next={page}"


@pytest.mark.parametrize("deed", [deed.name for deed in ORDER_DEEDS] + ["edit"])
def test_staff_without_rights_get_no_deed_of_an_order(deed: str) -> None:
    order, client = building.draft(), building.client_of(factories.make_user("newcomer"))
    page = reverse(f"admin:campaigns_order_{deed}", args=[order.pk])
    assert client.get(page).status_code == 404
    assert client.post(page, {"version": order.version}).status_code == 404
    assert building.kinds(order) == ["order.created"]


@pytest.mark.parametrize("deed", ORDER_DEEDS, ids=lambda deed: deed.name)
def test_staff_who_may_only_look_get_no_deed_of_an_order(deed: Any) -> None:
    order, client = building.draft(), building.client_of(factories.make_user("reader", "view_order"))
    page = reverse(f"admin:campaigns_order_{deed.name}", args=[order.pk])
    words = {"version": order.version, "reason": "x", "comment": "x", "resolution": "abandon", "evidence": "x"}
    assert client.get(page).status_code == 403
    assert client.post(page, words).status_code == 403
    assert building.kinds(order) == ["order.created"]
    order.refresh_from_db()
    assert (order.state, order.version) == ("draft", 1)


@pytest.mark.parametrize("deed", CAMPAIGN_DEEDS, ids=lambda deed: deed.name)
def test_staff_without_rights_get_no_deed_of_a_campaign(deed: Any) -> None:
    campaign, client = building.campaign(next_check_at=NOON), building.client_of(factories.make_user("newcomer"))
    page = reverse(f"admin:campaigns_campaign_{deed.name}", args=[campaign.pk])
    assert client.get(page).status_code == 404
    assert client.post(page, {"version": 0, "reason": "x"}).status_code == 404
    assert not Command.objects.exists()
    campaign.refresh_from_db()
    assert campaign.next_check_at == NOON


@pytest.mark.parametrize("deed", CAMPAIGN_DEEDS, ids=lambda deed: deed.name)
def test_staff_who_may_only_look_get_no_deed_of_a_campaign(deed: Any) -> None:
    campaign, client = (
        building.campaign(phase="unrecognised", next_check_at=NOON),
        building.client_of(factories.make_user("reader", "view_campaign")),
    )
    page = reverse(f"admin:campaigns_campaign_{deed.name}", args=[campaign.pk])
    assert client.get(page).status_code == 403
    assert client.post(page, {"version": 0, "reason": "x"}).status_code == 403
    assert not Command.objects.exists()
    campaign.refresh_from_db()
    assert campaign.next_check_at == NOON


def test_a_form_sent_to_the_page_of_an_order_changes_nothing() -> None:
    order = building.draft()
    answer = building.client_of(_boss()).post(
        address(Order, "change", order.pk), {"order_ref": "other", "state": "queued"}
    )
    assert answer.status_code == 403
    assert Order.objects.filter(pk=order.pk, order_ref=order.order_ref, state="draft", version=1).exists()


def test_a_form_sent_to_the_page_of_a_campaign_changes_nothing() -> None:
    campaign = building.campaign()
    answer = building.client_of(_boss()).post(address(Campaign, "change", campaign.pk), {"phase": "completed"})
    assert answer.status_code == 403
    assert Campaign.objects.get(pk=campaign.pk).phase == "queued"


@pytest.mark.parametrize("model", [Branch, Agent, Listing, Plan, Order, Campaign, Attempt, Command, Event], ids=str)
def test_no_list_offers_bulk_actions(model: Any) -> None:
    row, client = ROWS[model](), building.client_of(_boss())
    page = address(model, "changelist")
    assert 'name="action"' not in client.get(page).content.decode()
    client.post(page, {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert model._default_manager.filter(pk=row.pk).exists()


def test_no_page_loads_anything_from_elsewhere() -> None:
    order, client = building.published("queue_1"), building.client_of(_boss())
    pages = [
        "/admin/",
        "/admin/login/",
        address(Order, "changelist"),
        address(Order, "change", order.pk),
        address(Order, "add"),
        address(Order, "doubts"),
        address(Order, "settle", building.in_doubt().pk),
    ]
    for page in pages:
        html = client.get(page).content.decode()
        assert 'src="http' not in html
        assert 'href="http' not in html
        assert 'src="//' not in html


def test_what_is_no_number_is_not_found() -> None:
    client = building.client_of(_boss())
    assert client.get("/admin/campaigns/order/x/change/").status_code == 404
    assert client.get("/admin/campaigns/campaign/x/change/").status_code == 404
    assert client.get("/admin/campaigns/order/999999999999999999999999/change/").status_code == 404


def history_of(row: Model) -> list[Event]:
    answer = building.client_of(_boss()).get(address(type(row), "history", row.pk), follow=True)
    return list(answer.context["cl"].result_list)


def test_the_history_of_an_order_and_its_attempts_is_the_order_s_events() -> None:
    order = building.in_doubt()
    building.draft()
    expected = list(order.events.all())
    assert history_of(order) == history_of(order.attempts.get()) == history_of(expected[0]) == expected


def test_the_history_of_a_campaign_and_its_commands_is_the_campaign_s_events() -> None:
    command = _command()
    expected = list(command.campaign.events.all())
    assert [event.kind for event in expected] == ["campaign.pause_asked"]
    assert history_of(command) == history_of(command.campaign) == expected


def test_the_history_of_a_branch_is_what_was_told_of_it() -> None:
    branch = factories.make_branch(external_id="SP-1")
    factories.make_branch(external_id="SP-10")
    boss = building.client_of(_boss())
    for each in Branch.objects.all():
        began = json.dumps(plain_values(each, TABLES[Kind.BRANCHES].columns))
        written = {"external_id": each.external_id, "name": "New", "time_zone": each.time_zone, "began": began}
        boss.post(address(Branch, "change", each.pk), written)
    assert [event.subject for event in history_of(branch)] == ["branch:SP-1"]


def test_the_history_of_what_is_not_there_is_not_found() -> None:
    assert building.client_of(_boss()).get(address(Order, "history", 7)).status_code == 404


@pytest.mark.parametrize("page", ["/admin/campaigns/", "/admin/password_change/", "/admin/auth/"])
def test_pages_of_no_model_answer(page: str) -> None:
    assert building.client_of(_boss()).get(page).status_code == 200


def test_the_schedule_offers_the_tasks() -> None:
    html = building.client_of(_boss()).get(address(PeriodicTask, "add")).content.decode()
    assert '<option value="campaigns.tasks.publish_order">' in html


def test_the_page_of_an_attempt_shows_all_of_it_as_plain_text() -> None:
    attempt = building.rejected().attempts.get()
    html = building.client_of(_boss()).get(address(Attempt, "change", attempt.pk)).content.decode()
    for shown in (
        "Unknown plan &lt;b&gt;reference&lt;/b&gt;.",
        "{&quot;error&quot;: &quot;x&quot;}",
        attempt.payload_sha256,
        "400",
    ):
        assert shown in html


def test_the_page_of_a_command_shows_why_and_by_whom() -> None:
    command = _command()
    html = building.client_of(_boss()).get(address(Command, "change", command.pk)).content.decode()
    for shown in ("Sold.", "boss", "1 Jan 2030, 14:00 SAST"):
        assert shown in html


def shown(page: str) -> str:
    return " ".join(building.client_of(_boss()).get(page).content.decode().split())


def test_attempts_and_commands_are_called_by_what_people_know() -> None:
    command = _command()
    attempt = command.campaign.attempt
    assert str(attempt) == f"{attempt.order.order_ref} · attempt 1"
    assert f"{attempt.order.order_ref} · attempt 1 |" in shown(address(Attempt, "change", attempt.pk))
    assert "pause queue_1 |" in shown(address(Command, "change", command.pk))


def test_the_breadcrumbs_keep_an_id_s_small_letters_and_do_not_say_campaigns_twice() -> None:
    campaign = building.campaign("queue_dbb07")
    for page in ("change", "check"):
        html = building.client_of(_boss()).get(address(Campaign, page, campaign.pk)).content.decode()
        head = strip_tags(html.split("<h1", 1)[1].split("</h1>", 1)[0].split(">", 1)[1])
        assert head.split() == ["Campaigns", "chevron_right", "queue_dbb07"]


def test_the_breadcrumbs_of_a_list_and_of_home() -> None:
    assert "Branches" in shown(address(Branch, "changelist")).split("<h1", 1)[1].split("</h1>", 1)[0]
    assert "Home" in shown("/admin/").split("<h1", 1)[1].split("</h1>", 1)[0]
