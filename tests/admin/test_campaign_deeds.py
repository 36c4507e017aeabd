"""Pause, resume, cancel and check, as people ask for them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign, Command
from tests import factories
from tests.admin import building
from tests.admin.test_order_moves import told, waiting_messages

pytestmark = pytest.mark.django_db

LATER = datetime(2040, 1, 1, tzinfo=UTC)


@pytest.fixture
def seller() -> User:
    return factories.make_user("seller", "view_campaign", "command_campaign")


@pytest.fixture
def client(seller: User) -> Client:
    return building.client_of(seller)


def page(campaign: Campaign, deed: str) -> str:
    return f"/admin/campaigns/campaign/{campaign.pk}/{deed}/"


def stands_out(client: Client, campaign: Campaign) -> list[str]:
    """Return the deeds whose buttons have the colour of the next step."""
    links = re.findall(r"<a [^>]*>", client.get(page(campaign, "change")).content.decode())
    deeds = ("pause", "resume", "check", "cancel")
    return [deed for link in links for deed in deeds if page(campaign, deed) in link and "bg-primary-600" in link]


def ask(client: Client, campaign: Campaign, deed: str, **words: str) -> Any:
    number = Campaign.objects.get(pk=campaign.pk).command_number
    return client.post(page(campaign, deed), {"version": number} | words)


@pytest.mark.parametrize(
    ("phase", "deeds"),
    [
        ("queued", ["pause", "cancel", "check"]),
        ("in_progress", ["pause", "cancel", "check"]),
        ("live", ["pause", "cancel", "check"]),
        ("paused", ["resume", "cancel", "check"]),
        ("unrecognised", ["pause", "resume", "cancel", "check"]),
        ("completed", []),
        ("cancelled", []),
        ("failed", []),
    ],
)
def test_the_page_offers_what_fits_the_phase(client: Client, phase: str, deeds: list[str]) -> None:
    campaign = building.campaign(phase=phase)
    html = client.get(page(campaign, "change")).content.decode()
    assert [deed for deed in ("pause", "resume", "cancel", "check") if page(campaign, deed) in html] == deeds


def test_pause_asks_for_a_reason(client: Client) -> None:
    campaign = building.campaign(phase="live")
    answer = ask(client, campaign, "pause", reason=" ")
    assert answer.context["form"].errors == {"reason": ["Give a reason: Flow is told, and it stays in the history."]}
    assert not Command.objects.exists()


def test_the_page_that_asks_changes_nothing(client: Client) -> None:
    campaign = building.campaign(phase="live", flow_status="active")
    html = client.get(page(campaign, "pause")).content.decode()
    assert "only when Flow&#x27;s own status says so" in html
    assert not Command.objects.exists()


def test_a_pause_is_asked_and_a_worker_is_told(client: Client, seller: User) -> None:
    campaign = building.campaign(phase="live")
    waiting_messages()
    answer = ask(client, campaign, "pause", reason="The house is sold.")
    command = Command.objects.get()
    assert (command.campaign, command.action, command.state) == (campaign, "pause", "asked")
    assert (command.reason, command.asked_by) == ("The house is sold.", seller)
    assert told(answer) == [f"Flow is asked to pause {campaign}. It is not confirmed until Flow's own status says so."]
    assert waiting_messages() == [("campaigns.tasks.send_command", {"command_id": command.pk})]


def test_what_was_asked_is_shown_as_not_confirmed(client: Client) -> None:
    campaign = building.campaign(phase="live")
    ask(client, campaign, "pause", reason="Sold.")
    answer = client.get(page(campaign, "change"))
    html = answer.content.decode()
    assert answer.context["asked"].startswith("Pause asked by seller at ")
    assert answer.context["asked"].endswith(" – not confirmed yet. Reason: Sold.")
    Command.objects.update(reason="Sold", words="ignored one")
    said = client.get(page(campaign, "change")).context["asked"]
    assert said.endswith(" – not confirmed yet. Reason: Sold. In words: ignored one.")
    assert "not confirmed yet" in html
    assert page(campaign, "pause") not in html
    assert page(campaign, "resume") in html


@pytest.mark.parametrize(
    ("phase", "action", "words"),
    [("live", "pause", "Pausing…"), ("paused", "resume", "Resuming…"), ("live", "cancel", "Cancelling…")],
)
def test_what_is_not_confirmed_stands_beside_the_phase_on_every_page(phase: str, action: str, words: str) -> None:
    campaign = building.campaign(phase=phase)
    client = building.client_of(factories.make_user("all", *building.EVERYTHING))
    pages = (
        "/admin/campaigns/campaign/",
        page(campaign, "change"),
        f"/admin/campaigns/order/{campaign.order_id}/change/",
    )
    assert not [each for each in pages if words in client.get(each).content.decode()]
    ask(client, campaign, action, reason="Sold.")
    badge = re.compile(rf"bg-orange-100[^>]*>\s*<span [^>]*aria-hidden=\"true\">\w+</span>{words}\s*</span>")
    assert [each for each in pages if len(badge.findall(client.get(each).content.decode())) == 1] == [*pages]
    Command.objects.update(state="confirmed")
    assert not [each for each in pages if words in client.get(each).content.decode()]


def test_no_button_stands_out_while_a_pause_is_not_confirmed(client: Client) -> None:
    campaign = building.campaign(phase="live")
    assert stands_out(client, campaign) == ["pause"]
    ask(client, campaign, "pause", reason="Sold.")
    answer = client.get(page(campaign, "change"))
    assert [button["deed"].name for button in answer.context["buttons"]] == ["resume", "check", "cancel"]
    assert stands_out(client, campaign) == []


def test_a_double_click_asks_once(client: Client) -> None:
    campaign = building.campaign(phase="live")
    words = {"version": campaign.command_number, "reason": "Sold."}
    client.post(page(campaign, "pause"), words)
    answer = client.post(page(campaign, "pause"), words)
    assert answer.status_code == 409
    assert Command.objects.count() == 1
    assert "Sold." in answer.content.decode()


def test_what_does_not_fit_the_phase_is_refused(client: Client) -> None:
    campaign = building.campaign(phase="completed")
    answer = ask(client, campaign, "pause", reason="Sold.")
    assert answer.status_code == 409
    assert answer.context["form"].errors == {
        "__all__": ["Campaign queue_1 is completed: there is nothing to pause. Nothing was sent."]
    }
    assert not Command.objects.exists()


def test_check_now_makes_the_campaign_due_and_tells_a_worker(client: Client) -> None:
    campaign = building.campaign(phase="live", next_check_at=LATER)
    waiting_messages()
    ask(client, campaign, "check")
    campaign.refresh_from_db()
    assert campaign.next_check_at is not None
    assert campaign.next_check_at <= timezone.now()
    assert waiting_messages() == [("campaigns.tasks.sync_due_campaigns", {})]


def test_looking_at_check_now_asks_nothing(client: Client) -> None:
    campaign = building.campaign(phase="live", next_check_at=LATER)
    assert client.get(page(campaign, "check")).status_code == 200
    campaign.refresh_from_db()
    assert campaign.next_check_at == LATER


def test_the_page_tells_what_flow_said_and_when_as_plain_text(client: Client) -> None:
    heard = timezone.now() - timedelta(minutes=3, seconds=5)
    campaign = building.campaign(
        phase="unrecognised",
        flow_status="in <b>review</b>",
        message="<i>soon</i>",
        checked_at=heard,
        problem="Flow did not answer.",
        missing_since=LATER,
    )
    html = client.get(page(campaign, "change")).content.decode()
    assert "in &lt;b&gt;review&lt;/b&gt;" in html
    assert "&lt;i&gt;soon&lt;/i&gt;" in html
    assert "<b>review" not in html
    assert "checked 3 min ago" in html
    assert "Unrecognised" in html
    assert "Flow did not answer." in html
    assert "Flow has not known this tracking id since 1 Jan 2040, 02:00 SAST." in html


@pytest.mark.parametrize("deed", ["pause", "resume", "cancel"])
def test_the_page_that_asks_tells_what_is_advertised_and_the_money(client: Client, deed: str) -> None:
    branch = factories.make_branch(name="Sea Point")
    titles = ("Attic", "<b>Flat</b>", "House", "Villa")
    listings = tuple(factories.make_listing(branch, title=title) for title in titles)
    order = building.published("queue_1", branch=branch, listings=listings, agent=None)
    Campaign.objects.update(phase="unrecognised")
    answer = client.get(page(Campaign.objects.get(), deed))
    pairs = {name: str(value) for name, value in answer.context["pairs"]}
    assert pairs["Listings"] == "&lt;b&gt;Flat&lt;/b&gt;, Attic, House and more"
    assert (pairs["Branch"], pairs["Order"]) == ("Sea Point", order.order_ref)
    assert pairs["Money"] == "1,500.00 ZAR is what its order costs."
    assert "1,500.00 ZAR" in answer.content.decode()
