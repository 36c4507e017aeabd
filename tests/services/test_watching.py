"""A listing that is gone while a campaign runs for it: the pause is proposed once, and people decide."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns.domain.states import Action
from campaigns.models import Campaign, Command, Event, Listing, Order, PauseProposal
from campaigns.selectors import proposals_for
from campaigns.services import commands, watching
from campaigns.services.errors import NotAllowed, Refused, Stale
from campaigns.services.watching import WatchResult, keep_running, pause, watch
from tests.factories import make_branch, make_listing, make_user
from tests.services.building import MINUTE, NOW, at_once, publish, queued
from tests.services.flow_server import Flow

NOTHING = WatchResult(0, 0)


@pytest.fixture
def boss(db: None) -> User:
    """Somebody who commands campaigns."""
    return make_user("cara", "view_campaign", "command_campaign")


@pytest.fixture
def campaign(author: User, flow: Flow) -> Campaign:
    """A live campaign for one listing."""
    return live(author, flow, "queue_1")


def live(author: User, flow: Flow, *ids: str, **content: Any) -> Campaign:
    flow.on_publish(flow.accepts(*ids))
    order = queued(author, **content)
    publish(order)
    Campaign.objects.filter(order=order).update(phase="live")
    return Campaign.objects.filter(order=order).order_by("pk")[0]


def becomes(campaign: Campaign, **fields: Any) -> Listing:
    """Change the campaign's first listing."""
    listing = campaign.order.listings.order_by("pk")[0]
    Listing.objects.filter(pk=listing.pk).update(**fields)
    listing.refresh_from_db()
    return listing


def lines(*kinds: str) -> list[Event]:
    return list(Event.objects.filter(kind__in=kinds).order_by("pk"))


@pytest.mark.parametrize(
    ("fields", "became"),
    [({"active": False}, "inactive"), ({"status": "SOLD"}, "sold"), ({"status": "withdrawn"}, "withdrawn")],
)
def test_the_pause_is_proposed_once_with_the_money(campaign: Campaign, fields: dict[str, Any], became: str) -> None:
    listing = becomes(campaign, **fields)

    assert watch(NOW) == WatchResult(1, 0)
    assert watch(NOW + MINUTE) == NOTHING

    proposal = PauseProposal.objects.get()
    assert (proposal.campaign, proposal.listing, proposal.branch) == (campaign, listing, campaign.branch)
    assert (proposal.state, proposal.proposed_at) == ("open", NOW)
    (event,) = lines("campaign.pause_proposed")
    assert (event.order, event.campaign, event.actor_kind, event.actor) == (campaign.order, campaign, "scheduler", None)
    assert event.text == (
        f"Listing {listing} is {became}, and campaign queue_1 runs for it: pause it? The order is for 1,500.00 ZAR."
    )
    assert event.data == {
        "proposal": proposal.pk,
        "listing": listing.external_id,
        "amount": "1500.00",
        "currency": "ZAR",
        "became": became,
    }


def test_nothing_is_paused_by_itself(campaign: Campaign) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    campaign.refresh_from_db()
    assert (campaign.phase, campaign.command_number) == ("live", 0)
    assert not Command.objects.exists()


@pytest.mark.parametrize("phase", ["paused", "completed", "cancelled", "failed"])
def test_nothing_is_proposed_for_a_campaign_that_does_not_run(campaign: Campaign, phase: str) -> None:
    becomes(campaign, status="sold")
    Campaign.objects.update(phase=phase)
    assert watch(NOW) == NOTHING


def test_nothing_is_proposed_for_listings_on_the_market(campaign: Campaign) -> None:
    becomes(campaign, status="under offer")
    make_listing(campaign.branch, status="sold")
    assert watch(NOW) == NOTHING


def test_every_campaign_and_every_listing_of_an_order_has_its_own(author: User, flow: Flow) -> None:
    branch = make_branch()
    listings = (make_listing(branch), make_listing(branch), make_listing(branch))
    live(author, flow, "queue_1", "queue_2", branch=branch, listings=listings)
    Listing.objects.filter(pk__in=[listings[0].pk, listings[1].pk]).update(status="sold")
    assert watch(NOW) == WatchResult(4, 0)
    assert PauseProposal.objects.values("campaign", "listing").distinct().count() == 4


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_more_than_a_batch_is_proposed_in_one_run(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(watching, "BATCH", batch)
    for number in range(3):
        becomes(live(author, flow, f"queue_{number}"), status="sold")
    assert watch(NOW) == WatchResult(3, 0)
    Listing.objects.update(status="")
    assert watch(NOW) == WatchResult(0, 3)


def test_a_listing_that_comes_back_closes_its_proposal(campaign: Campaign) -> None:
    listing = becomes(campaign, status="sold")
    watch(NOW)
    becomes(campaign, status="for sale")

    assert watch(NOW + MINUTE) == WatchResult(0, 1)

    assert PauseProposal.objects.get().state == "closed"
    (event,) = lines("campaign.pause_proposal_closed")
    assert event.text == f"The proposal to pause it for listing {listing} is over: the listing is on the market again."
    assert watch(NOW + 2 * MINUTE) == NOTHING


def test_a_listing_that_goes_again_is_proposed_again(campaign: Campaign) -> None:
    for status in ("sold", "", "sold"):
        becomes(campaign, status=status)
        watch(NOW)
    assert [each.state for each in PauseProposal.objects.order_by("pk")] == ["closed", "open"]


@pytest.mark.parametrize("phase", ["paused", "completed"])
def test_a_campaign_that_stops_closes_its_proposal(campaign: Campaign, phase: str) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    Campaign.objects.update(phase=phase)
    assert watch(NOW + MINUTE) == WatchResult(0, 1)
    assert lines("campaign.pause_proposal_closed")[0].text.endswith(f"is over: the campaign is {phase}.")


def test_pausing_asks_flow_and_answers_all_proposals_of_the_campaign(author: User, flow: Flow, boss: User) -> None:
    branch = make_branch()
    campaign = live(author, flow, "queue_1", branch=branch, listings=(make_listing(branch), make_listing(branch)))
    Listing.objects.update(active=False)
    watch(NOW)
    first, second = PauseProposal.objects.order_by("pk")

    command = pause(first.pk, reason=" Both are sold. ", user=boss, now=NOW + MINUTE)

    assert (command.campaign, command.action, command.reason) == (campaign, "pause", "Both are sold.")
    for proposal in (first, second):
        proposal.refresh_from_db()
        assert (proposal.state, proposal.decided_by, proposal.decided_at) == ("paused", boss, NOW + MINUTE)
    assert [event.actor for event in lines("campaign.pause_asked", "campaign.pause_proposal_taken")] == [boss, boss]
    (taken,) = lines("campaign.pause_proposal_taken")
    assert taken.text == f"cara took the proposal to pause the campaign, made for {first.listing}, {second.listing}."
    assert (taken.at, taken.campaign) == (NOW + MINUTE, campaign)
    assert watch(NOW + 2 * MINUTE) == NOTHING


def test_a_pause_that_was_asked_for_elsewhere_answers_the_proposals_as_well(campaign: Campaign, boss: User) -> None:
    listing = becomes(campaign, status="sold")
    watch(NOW)

    command = commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=boss, now=NOW + MINUTE)

    proposal = PauseProposal.objects.get()
    assert (proposal.state, proposal.decided_by, proposal.decided_at) == ("paused", boss, NOW + MINUTE)
    assert proposal.reason == "Sold."
    (event,) = lines("campaign.pause_proposal_taken")
    assert event.text == f"cara took the proposal to pause the campaign, made for {listing}."
    assert event.data == {"command": command.pk, "listings": [listing.external_id]}


def test_a_pause_takes_no_proposal_of_another_campaign_and_none_that_is_over(
    author: User, flow: Flow, campaign: Campaign, boss: User
) -> None:
    other = live(author, flow, "queue_2")
    becomes(other, status="sold")
    for status in ("sold", "", "sold"):
        becomes(campaign, status=status)
        watch(NOW)

    commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=boss, now=NOW + MINUTE)

    assert [*PauseProposal.objects.filter(campaign=other).values_list("state", flat=True)] == ["open"]
    mine = PauseProposal.objects.filter(campaign=campaign).order_by("pk")
    assert [*mine.values_list("state", "decided_by")] == [("closed", None), ("paused", boss.pk)]
    assert [event.campaign for event in lines("campaign.pause_proposal_taken")] == [campaign]


def test_a_cancellation_takes_no_proposal_to_pause(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    commands.ask(campaign.pk, Action.CANCEL, reason="Sold.", user=boss, now=NOW + MINUTE)
    assert PauseProposal.objects.get().state == "open"
    assert lines("campaign.pause_proposal_taken") == []


def test_a_pause_that_failed_is_proposed_again(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    pause(PauseProposal.objects.get().pk, reason="Sold.", user=boss, now=NOW)
    Command.objects.update(state="failed")
    assert watch(NOW + MINUTE) == WatchResult(1, 0)


def test_what_is_kept_running_is_not_proposed_again(campaign: Campaign, boss: User) -> None:
    listing = becomes(campaign, status="sold")
    watch(NOW)

    kept = keep_running(PauseProposal.objects.get().pk, reason="The buyer may withdraw.", user=boss, now=NOW)

    assert (kept.state, kept.reason, kept.decided_by) == ("kept", "The buyer may withdraw.", boss)
    (event,) = lines("campaign.kept_running")
    assert event.text == (
        f"cara keeps the campaign running although listing {listing} is sold: The buyer may withdraw."
    )
    assert watch(NOW + MINUTE) == NOTHING
    assert not Command.objects.exists()


def test_what_is_kept_running_is_proposed_again_when_the_listing_changes(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    keep_running(PauseProposal.objects.get().pk, reason="x", user=boss, now=NOW)
    becomes(campaign, active=False)
    assert watch(NOW + MINUTE) == WatchResult(1, 0)


def test_the_decision_to_keep_running_ends_when_the_listing_comes_back(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    keep_running(PauseProposal.objects.get().pk, reason="x", user=boss, now=NOW)
    becomes(campaign, status="")
    assert watch(NOW + MINUTE) == WatchResult(0, 1)
    becomes(campaign, status="sold")
    assert watch(NOW + 2 * MINUTE) == WatchResult(1, 0)


def test_a_decision_needs_a_reason_the_right_and_the_branch(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    proposal = PauseProposal.objects.get()
    before = list(PauseProposal.objects.values()), Event.objects.count()
    strangers = (make_user("dina", "view_campaign"), make_user("eve", "command_campaign", branches=[make_branch()]))
    for decide in (pause, keep_running):
        with pytest.raises(ValidationError):
            decide(proposal.pk, reason=" ", user=boss, now=NOW)
        for stranger in strangers:
            with pytest.raises(NotAllowed):
                decide(proposal.pk, reason="x", user=stranger, now=NOW)
    assert (list(PauseProposal.objects.values()), Event.objects.count()) == before
    assert not Command.objects.exists()


def test_a_proposal_is_decided_once(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    proposal = PauseProposal.objects.get()
    keep_running(proposal.pk, reason="x", user=boss, now=NOW)
    with pytest.raises(Stale, match="is answered already: kept"):
        pause(proposal.pk, reason="x", user=boss, now=NOW)
    assert not Command.objects.exists()


def test_a_pause_that_flow_is_asked_for_already_is_not_asked_again(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    Campaign.objects.update(phase="completed")
    with pytest.raises(Refused, match="there is nothing to pause"):
        pause(PauseProposal.objects.get().pk, reason="x", user=boss, now=NOW)
    assert PauseProposal.objects.get().state == "open"


def test_people_see_the_proposals_of_their_branches(campaign: Campaign) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    proposal = PauseProposal.objects.get()
    assert list(proposals_for(make_user("here", "view_campaign", branches=[campaign.branch]))) == [proposal]
    assert list(proposals_for(make_user("there", "view_campaign", branches=[make_branch()]))) == []
    assert list(proposals_for(make_user("nobody", branches=[campaign.branch]))) == []


def test_the_database_holds_open_proposals_unique(campaign: Campaign) -> None:
    listing = becomes(campaign, status="sold")
    watch(NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        PauseProposal.objects.create(
            campaign=campaign, listing=listing, branch=campaign.branch, listing_active=True, proposed_at=NOW
        )


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_propose_once(campaign: Campaign) -> None:
    becomes(campaign, status="sold")
    results = at_once(*[lambda: watch(NOW)] * 4)
    assert all(isinstance(result, WatchResult) for result in results), results
    watch(NOW + timedelta(seconds=1))
    assert PauseProposal.objects.count() == 1
    assert len(lines("campaign.pause_proposed")) == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_decide_once(campaign: Campaign, boss: User) -> None:
    becomes(campaign, status="sold")
    watch(NOW)
    pk = PauseProposal.objects.get().pk
    results = at_once(
        lambda: pause(pk, reason="x", user=boss, now=NOW), lambda: keep_running(pk, reason="y", user=boss, now=NOW)
    )
    assert sum(isinstance(result, Stale) for result in results) == 1
    assert Command.objects.count() == (1 if PauseProposal.objects.get().state == "paused" else 0)


def test_a_run_asks_the_database_as_often_for_many_as_for_few(author: User, flow: Flow) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            watch(NOW)
        return len(captured)

    becomes(live(author, flow, "queue_1"), status="sold")
    few = queries()
    for number in range(2, 8):
        becomes(live(author, flow, f"queue_{number}"), status="sold")
    assert queries() == few
    assert Order.objects.count() == 7
