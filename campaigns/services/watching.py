"""Watch the listings of running campaigns: where one is gone, propose the pause. People decide; nothing is paused here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns import selectors
from campaigns.domain.money import format_money
from campaigns.domain.proposals import ProposalState, what_became
from campaigns.domain.states import FINAL_PHASES, Action, ActorKind, Phase
from campaigns.domain.texts import clean
from campaigns.models import Campaign, Command, Event, Listing, PauseProposal
from campaigns.models.choices import label
from campaigns.services import commands
from campaigns.services.errors import Stale
from campaigns.services.history import append, record, require, require_branch
from campaigns.services.wording import when

BATCH = 500


@dataclass(frozen=True)
class WatchResult:
    """How many proposals were made, and how many closed because nobody needs them any more."""

    proposed: int
    closed: int


def watch(now: datetime) -> WatchResult:
    """Close the proposals that are settled by themselves, then propose the pause of what runs for a listing that is gone.

    In batches; campaigns that somebody else has locked just now are looked at by the next run.
    """
    closed = proposed = 0
    while made := _close(now):
        closed += made
    while made := _propose(now):
        proposed += made
    return WatchResult(proposed, closed)


def pause(proposal_id: int, *, reason: str, user: User, now: datetime) -> Command:
    """Ask Flow to pause the campaign, which answers all its open proposals, as each pause does.

    The caller tells the workers of the command. Raises NotAllowed, ValidationError without a reason, Stale where somebody
    was faster, and Refused as commands.ask.
    """
    require(user, "command_campaign", "pause campaigns")
    with transaction.atomic():
        proposal = _lock(proposal_id, user)
        return commands.ask(proposal.campaign_id, Action.PAUSE, reason=reason, user=user, now=now)


def keep_running(proposal_id: int, *, reason: str, user: User, now: datetime) -> PauseProposal:
    """Let the campaign run; the same is not proposed again while the listing stays as it is.

    Raises NotAllowed, ValidationError without a reason, and Stale where somebody was faster.
    """
    require(user, "command_campaign", "decide whether campaigns run on")
    words = clean(reason)
    if not words:
        raise ValidationError({"reason": "Say why it runs on: it stays in the history."})
    with transaction.atomic():
        proposal = _lock(proposal_id, user)
        proposal.state, proposal.reason = ProposalState.KEPT.value, words
        proposal.decided_by, proposal.decided_at = user, now
        proposal.listing_active, proposal.listing_status = proposal.listing.active, proposal.listing.status
        proposal.save()
        became = what_became(proposal.listing.status, active=proposal.listing.active)
        text = (
            f"{user.get_username()} keeps the campaign running although listing {proposal.listing} is {became}: {words}"
        )
        data = {"proposal": proposal.pk, "listing": proposal.listing.external_id}
        record("campaign.kept_running", text, now=now, by=user, campaign=proposal.campaign, data=data)
    return proposal


def _lock(proposal_id: int, user: User) -> PauseProposal:
    """Return an open proposal whose campaign is locked for this transaction, as before each command and in each watch."""
    campaign_id = PauseProposal.objects.values_list("campaign", flat=True).get(pk=proposal_id)
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)
    proposal = PauseProposal.objects.select_related("campaign__branch", "listing").get(pk=proposal_id)
    require_branch(user, proposal.campaign.branch)
    check_open(proposal)
    return proposal


def check_open(proposal: PauseProposal) -> None:
    """Raise Stale, with who decided what and when, unless the proposal still waits for somebody."""
    if proposal.state == ProposalState.OPEN:
        return
    by, at = proposal.decided_by, proposal.decided_at
    # What was kept and closed later still names who kept it.
    if by is None or at is None or proposal.state == ProposalState.CLOSED:
        how = "closed by itself, because the campaign stopped or the listing is on the market again"
    else:
        how = f"{label(proposal.state).lower()}, by {by.get_username()} at {when(at)}"
    raise Stale(
        f"The proposal to pause campaign {proposal.campaign} is answered already: {how}. "
        "Nothing was done. Look at the campaign."
    )


@transaction.atomic
def _propose(now: datetime) -> int:
    campaigns = _locked(campaign for campaign, _ in selectors.to_propose()[:BATCH])
    # Looked at again behind the lock: another run may have been faster.
    pairs = list(selectors.to_propose(campaigns))
    listings = Listing.objects.in_bulk({listing for _, listing in pairs})
    made = PauseProposal.objects.bulk_create(
        _proposal(campaigns[campaign], listings[listing], now) for campaign, listing in pairs
    )
    append(_proposed(proposal, now) for proposal in made)
    return len(made)


@transaction.atomic
def _close(now: datetime) -> int:
    found = selectors.to_close()
    campaigns = _locked(found.values_list("campaign", flat=True)[:BATCH])
    rows = list(found.filter(campaign__in=list(campaigns)).select_related("campaign", "listing"))
    PauseProposal.objects.filter(pk__in=[row.pk for row in rows]).update(state=ProposalState.CLOSED.value)
    append(_closed(row, now) for row in rows)
    return len(rows)


def _locked(ids: Iterable[int]) -> dict[int, Campaign]:
    """Return the campaigns that nobody else has locked, for this transaction alone: before history, as everywhere."""
    free = Campaign.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).order_by("pk")
    return free.select_related("order__plan").in_bulk(set(ids))


def _proposal(campaign: Campaign, listing: Listing, now: datetime) -> PauseProposal:
    return PauseProposal(
        campaign=campaign,
        listing=listing,
        branch_id=campaign.branch_id,
        listing_active=listing.active,
        listing_status=listing.status,
        proposed_at=now,
    )


def _proposed(proposal: PauseProposal, now: datetime) -> Event:
    order, listing = proposal.campaign.order, proposal.listing
    became = what_became(listing.status, active=listing.active)
    money = format_money(order.amount, order.amount_currency)
    text = f"Listing {listing} is {became}, and campaign {proposal.campaign} runs for it: pause it? The order is for {money}."
    more = {"amount": f"{order.amount:.2f}", "currency": order.amount_currency, "became": became}
    return _event("campaign.pause_proposed", text, proposal, now, more)


def _closed(proposal: PauseProposal, now: datetime) -> Event:
    was = "decision to keep it running" if proposal.state == ProposalState.KEPT else "proposal to pause it"
    phase = Phase(proposal.campaign.phase)
    stopped = phase in FINAL_PHASES or phase is Phase.PAUSED
    why = f"the campaign is {label(phase).lower()}" if stopped else "the listing is on the market again"
    text = f"The {was} for listing {proposal.listing} is over: {why}."
    return _event("campaign.pause_proposal_closed", text, proposal, now, {})


def _event(kind: str, text: str, proposal: PauseProposal, now: datetime, more: dict[str, str]) -> Event:
    return Event(
        at=now,
        kind=kind,
        text=text,
        data={"proposal": proposal.pk, "listing": proposal.listing.external_id, **more},
        actor_kind=ActorKind.SCHEDULER.value,
        order_id=proposal.campaign.order_id,
        campaign=proposal.campaign,
    )
