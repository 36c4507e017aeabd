"""The page of proposals to pause: what it shows, to whom, and the two ways out."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import tasks
from campaigns.admin import pause_proposals
from campaigns.domain.states import Action
from campaigns.models import Batch, Campaign, Command, Event, Listing, PauseProposal
from campaigns.services import batch_running, commands
from campaigns.services.watching import keep_running, watch
from tests import factories
from tests.admin import building
from tests.admin.test_order_moves import told

pytestmark = pytest.mark.django_db
LIST = "/admin/campaigns/campaign/pause-proposals/"
BATCH = "/admin/campaigns/campaign/batch/"
PAUSE: dict[str, Any] = {"deed": "pause", "of": "needs=pause_proposed", "reason": "The listing is sold."}


@pytest.fixture
def boss() -> User:
    return factories.make_user("boss", "view_campaign", "view_order", "command_campaign")


@pytest.fixture
def client(boss: User) -> Client:
    return building.client_of(boss)


@pytest.fixture
def proposal() -> PauseProposal:
    return proposed("queue_1", title="Flat <i>with</i> a view")


def proposed(tracking_id: str, **listing: Any) -> PauseProposal:
    """Return the proposal about a campaign for a listing that was sold."""
    campaign = building.campaign(tracking_id, phase="live")
    campaign.order.listings.update(status="sold", **listing)
    watch(timezone.now())
    return PauseProposal.objects.get(campaign=campaign)


def menu(client: Client) -> dict[str, Any]:
    groups = client.get("/admin/").context["sidebar_navigation"]
    return {item["title"]: item for group in groups for item in group["items"]}


def listed(client: Client, query: str = "") -> list[PauseProposal]:
    """Return the proposals of the page, as they stand there."""
    groups = client.get(LIST + query).context["groups"]
    return [row["proposal"] for group in groups for row in group["rows"]]


def also(proposal: PauseProposal, tracking_id: str, **order: Any) -> PauseProposal:
    """Return the proposal about one more campaign for the same listing."""
    Listing.objects.filter(pk=proposal.listing_id).update(status="")
    listings = (Listing.objects.get(pk=proposal.listing_id),)
    building.published(tracking_id, branch=proposal.branch, listings=listings, agent=None, **order)
    Campaign.objects.filter(tracking_id=tracking_id).update(phase="live")
    Listing.objects.filter(pk=proposal.listing_id).update(status="sold")
    watch(timezone.now())
    return PauseProposal.objects.get(campaign__tracking_id=tracking_id)


def test_the_list_and_the_question_tell_what_was_asked_and_is_not_confirmed(
    boss: User, client: Client, proposal: PauseProposal
) -> None:
    commands.ask(proposal.campaign_id, Action.CANCEL, reason="Sold.", user=boss, now=timezone.now())

    (group,) = client.get(LIST).context["groups"]
    assert "Cancelling…" in group["rows"][0]["phase"]
    assert "Cancelling…" in dict(client.get(f"{LIST}{proposal.pk}/keep/").context["pairs"])["Phase"]


def test_the_list_shows_listing_campaign_money_and_since_when(client: Client, proposal: PauseProposal) -> None:
    page = client.get(LIST)
    (group,) = page.context["groups"]
    assert (group["listing"], group["became"]) == (proposal.listing, "sold")
    (row,) = group["rows"]
    assert row["campaign"].endswith(">queue_1</a>")
    assert row["order"].endswith(f">{proposal.campaign.order}</a>")
    assert (row["money"], row["ago"]) == ("1,500.00 ZAR", "just now")
    html = page.content.decode()
    assert "Flow documents no price per listing, nor what a pause saves." in html
    assert "Flat &lt;i&gt;with&lt;/i&gt; a view" in html
    assert "<i>with</i>" not in html


def test_campaigns_stand_under_their_listing_with_its_money_and_that_of_all(
    client: Client, proposal: PauseProposal
) -> None:
    other = proposed("queue_2")
    second = also(proposal, "queue_3", budget_override=Decimal("99.50"))
    page = client.get(LIST)
    told = [(group["listing"], group["campaigns"], group["money"]) for group in page.context["groups"]]
    assert told == [(proposal.listing, 2, ["1,599.50 ZAR"]), (other.listing, 1, ["1,500.00 ZAR"])]
    assert listed(client) == [proposal, second, other]
    assert page.context["total"] == {"listings": 2, "campaigns": 3, "money": ["3,099.50 ZAR"]}


def test_an_order_of_two_listings_that_are_gone_counts_once_in_all_and_once_for_each(client: Client) -> None:
    branch = factories.make_branch()
    listings = (factories.make_listing(branch), factories.make_listing(branch))
    building.published("queue_1", "queue_2", branch=branch, listings=listings, agent=None)
    Campaign.objects.update(phase="live")
    Listing.objects.update(active=False)
    watch(timezone.now())
    context = client.get(LIST).context
    assert [(group["campaigns"], group["money"]) for group in context["groups"]] == [(2, ["1,500.00 ZAR"])] * 2
    assert context["total"] == {"listings": 2, "campaigns": 2, "money": ["1,500.00 ZAR"]}


def test_a_listing_that_goes_on_on_the_next_page_says_so_with_the_money_of_all(
    client: Client, proposal: PauseProposal, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = also(proposal, "queue_2")
    monkeypatch.setattr(pause_proposals, "PER_PAGE", 1)
    (group,) = client.get(LIST + "?page=2").context["groups"]
    assert listed(client, "?page=2") == [second]
    assert (group["campaigns"], group["elsewhere"], group["money"]) == (2, 1, ["3,000.00 ZAR"])
    assert "1 of them is on another page." in client.get(LIST).content.decode()


def test_ticked_ones_are_foreseen_and_paused_by_a_batch_which_answers_their_proposals(
    client: Client, boss: User, proposal: PauseProposal
) -> None:
    second, other = also(proposal, "queue_2"), proposed("queue_3")
    asked = client.get(BATCH, {**PAUSE, "row": [proposal.campaign_id, second.campaign_id]})
    form = asked.context["form"]
    assert (asked.context["title"], asked.context["done"]) == ("Pause 2 campaigns", 2)
    assert form["reason"].value() == "The listing is sold."
    assert not Command.objects.exists()

    written = {name: form[name].value() for name in ("deed", "of", "token", "rows")}
    client.post(BATCH, {**written, "reason": " "})
    assert not Batch.objects.exists()
    client.post(BATCH, {**written, "reason": "Both sold."})
    batch_running.run(Batch.objects.get().pk, stop_after=60)

    assert set(Command.objects.values_list("campaign", "action", "reason")) == {
        (each.campaign_id, "pause", "Both sold.") for each in (proposal, second)
    }
    for each in (proposal, second):
        each.refresh_from_db()
        assert (each.state, each.decided_by, each.reason) == ("paused", boss, "Both sold.")
    assert listed(client) == [other]


def test_all_that_are_proposed_are_exactly_those_of_the_page(client: Client, proposal: PauseProposal) -> None:
    kept, other = proposed("queue_2"), proposed("queue_3")
    keep_running(kept.pk, reason="x", user=User.objects.get(username="boss"), now=timezone.now())
    page = client.get(BATCH, {**PAUSE, "which": "all"})
    assert page.context["title"] == "Pause 2 campaigns"
    rows = page.context["form"]["rows"].value()
    assert {int(row.split(":")[0]) for row in rows.split()} == {proposal.campaign_id, other.campaign_id}
    back = client.get(page.context["list_url"]).context["cl"].result_list
    assert {campaign.pk for campaign in back} == {each.campaign_id for each in listed(client)}


def test_a_batch_of_proposals_is_for_those_who_may_pause_and_of_their_branches(proposal: PauseProposal) -> None:
    asked = {**PAUSE, "row": [proposal.campaign_id]}
    reader = building.client_of(factories.make_user("reader", "view_campaign"))
    assert reader.get(BATCH, asked).status_code == 403
    html = reader.get(LIST).content.decode()
    assert 'id="bulk"' not in html
    assert "bulk-tick" not in html
    stranger = factories.make_user("stranger", "view_campaign", "command_campaign", branches=[factories.make_branch()])
    assert told(building.client_of(stranger).get(BATCH, asked)) == [
        "Tick the rows that you mean, or choose all that match. Nothing was done."
    ]
    assert not Command.objects.exists()


def test_the_menu_counts_what_the_person_may_see(client: Client, proposal: PauseProposal) -> None:
    proposed("queue_2")
    assert menu(client)["Pause proposals"]["badge"] == 2
    there = factories.make_user("there", "view_campaign", branches=[proposal.branch])
    assert menu(building.client_of(there))["Pause proposals"]["badge"] == 1
    assert "Pause proposals" not in menu(building.client_of(factories.make_user("newcomer")))


def test_pausing_asks_for_the_reason_and_then_flow(client: Client, boss: User, proposal: PauseProposal) -> None:
    page = f"{LIST}{proposal.pk}/pause/"
    asked = client.get(page)
    assert asked.context["form"].initial == {"reason": f"Listing {proposal.listing} is sold."}
    assert not Command.objects.exists()
    with patch.object(tasks, "nudge_command") as nudge:
        answer = client.post(page, {"reason": "Sold yesterday."})
    command = Command.objects.get()
    nudge.assert_called_once_with(command.pk)
    assert (command.action, command.reason, command.asked_by) == ("pause", "Sold yesterday.", boss)
    assert answer.headers["Location"] == LIST
    assert told(answer) == ["Flow is asked to pause queue_1. It is not confirmed until Flow's own status says so."]
    assert listed(client) == []


def test_keeping_it_running_needs_a_reason(client: Client, proposal: PauseProposal) -> None:
    page = f"{LIST}{proposal.pk}/keep/"
    assert client.get(page).context["form"].initial == {"reason": ""}
    answer = client.post(page, {"reason": " "})
    assert answer.context["form"].errors == {"reason": ["Give a reason: it stays in the history."]}
    proposal.refresh_from_db()
    assert proposal.state == "open"
    client.post(page, {"reason": "The buyer may withdraw."})
    proposal.refresh_from_db()
    assert (proposal.state, proposal.reason) == ("kept", "The buyer may withdraw.")
    assert not Command.objects.exists()


def test_what_flow_can_t_be_asked_is_said_with_the_input_kept(client: Client, proposal: PauseProposal) -> None:
    Campaign.objects.update(phase="completed")
    html = client.post(f"{LIST}{proposal.pk}/pause/", {"reason": "Sold <b>."}).content.decode()
    assert "there is nothing to pause" in html
    assert "Sold &lt;b&gt;." in html
    assert not Command.objects.exists()


def test_another_branch_and_people_without_the_right_get_nothing(proposal: PauseProposal) -> None:
    stranger = factories.make_user("stranger", "view_campaign", "command_campaign", branches=[factories.make_branch()])
    reader = factories.make_user("reader", "view_campaign")
    for user, status in ((stranger, 404), (reader, 403)):
        for deed in ("pause", "keep"):
            page = f"{LIST}{proposal.pk}/{deed}/"
            assert building.client_of(user).get(page).status_code == status
            assert building.client_of(user).post(page, {"reason": "x"}).status_code == status
    assert listed(building.client_of(stranger)) == []
    assert building.client_of(reader).get(LIST).context["may_decide"] is False
    assert building.client_of(factories.make_user("newcomer")).get(LIST).status_code == 403
    proposal.refresh_from_db()
    assert proposal.state == "open"
    assert not Command.objects.exists()


@pytest.mark.parametrize("deed", ["pause", "keep"])
def test_what_somebody_else_decided_meanwhile_is_told_and_what_was_typed_stays(
    client: Client, proposal: PauseProposal, deed: str
) -> None:
    other = factories.make_user("naledi", "command_campaign")
    keep_running(proposal.pk, reason="Hers.", user=other, now=datetime(2026, 3, 12, 7, tzinfo=UTC))
    before = (Event.objects.count(), PauseProposal.objects.values().get())
    for answer in (
        client.get(f"{LIST}{proposal.pk}/{deed}/"),
        client.post(f"{LIST}{proposal.pk}/{deed}/", {"reason": "Sold <b>."}),
    ):
        html = answer.content.decode()
        assert answer.status_code == 409
        assert (
            "The proposal to pause campaign queue_1 is answered already: kept, by naledi at 12 Mar 2026, 09:00 SAST. "
            "Nothing was done. Look at the campaign."
        ) in html
        assert "Look at the proposals again" in html
        assert 'type="submit"' not in html.split("novalidate")[1].split("</form>")[0]
    assert "Sold &lt;b&gt;." in html
    assert (Event.objects.count(), PauseProposal.objects.values().get()) == before
    assert not Command.objects.exists()


def test_what_closed_by_itself_meanwhile_is_told_and_nothing_is_done(client: Client, proposal: PauseProposal) -> None:
    Listing.objects.update(status="")
    watch(timezone.now())
    answer = client.post(f"{LIST}{proposal.pk}/pause/", {"reason": "Sold."})
    assert answer.status_code == 409
    assert "closed by itself, because the campaign stopped" in answer.content.decode()
    assert answer.context["form"]["reason"].value() == "Sold."
    assert not Command.objects.exists()


def test_what_another_branch_decided_is_not_told(proposal: PauseProposal) -> None:
    keep_running(proposal.pk, reason="x", user=factories.make_user("naledi", "command_campaign"), now=timezone.now())
    stranger = factories.make_user("stranger", "view_campaign", "command_campaign", branches=[factories.make_branch()])
    assert building.client_of(stranger).get(f"{LIST}{proposal.pk}/keep/").status_code == 404


def test_a_page_of_many_asks_the_database_as_often_as_a_page_of_one(
    client: Client, proposal: PauseProposal, django_assert_num_queries: Any
) -> None:
    client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    for number in range(2, 7):
        proposed(f"queue_{number}")
    with django_assert_num_queries(len(one)):
        assert len(listed(client)) == 6
