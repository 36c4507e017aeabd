"""Pause, resume and cancel campaigns: ask, send, and leave it to Flow's own status to confirm."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from campaigns import gateway, selectors
from campaigns.domain.proposals import ProposalState
from campaigns.domain.schedule import backoff
from campaigns.domain.states import (
    ACTION_DONE,
    ACTION_FITS,
    ACTION_TARGET,
    FINAL_PHASES,
    Action,
    ActorKind,
    CommandState,
    Phase,
)
from campaigns.domain.texts import clean
from campaigns.flow import FlowError, NotFound, NotSent, Rejected, TooManyRequests
from campaigns.models import Campaign, Command, PauseProposal
from campaigns.models.choices import label
from campaigns.models.commands import OPEN
from campaigns.services import pace
from campaigns.services.errors import Refused
from campaigns.services.history import record, require, require_branch
from campaigns.services.wording import when

logger = logging.getLogger(__name__)

RESEND_AFTER = timedelta(seconds=60)
MOST_SENDS = 5
LATE_EFFECT = timedelta(seconds=60)  # how long a status may lag behind a command that Flow has acknowledged
LAG = timedelta(minutes=30)  # how long a 404 may be Flow's own delay after publishing

Clock = Callable[[], datetime]


def ask(campaign_id: int, action: Action, *, reason: str, user: User, now: datetime) -> Command:
    """Ask for a pause, resume or cancel; it supersedes an open command of another kind, and a pause takes what proposed it.

    Raises NotAllowed, ValidationError without a reason, and Refused where the phase does not fit or the same is asked
    already.
    """
    require(user, "command_campaign", f"{action.value} campaigns")
    words = clean(reason)
    if not words:
        raise ValidationError({"reason": "Give a reason: Flow is told, and it stays in the history."})
    with transaction.atomic():
        campaign = _lock(campaign_id)
        require_branch(user, campaign.branch)
        older = campaign.commands.filter(state__in=OPEN).first()
        check_fits(campaign, action, older)
        if older:
            _close(
                older,
                CommandState.SUPERSEDED,
                f"{user.get_username()} asked to {action.value} instead.",
                now,
                by=ActorKind.SCHEDULER,
            )
        command = Command.objects.create(
            campaign=campaign, action=action.value, reason=words, asked_by=user, asked_at=now
        )
        _outdate_polls(campaign.pk, now)
        text = f"{user.get_username()} asked to {action.value} the campaign: {command.reason}"
        record(
            f"campaign.{action.value}_asked", text, now=now, by=user, campaign=campaign, data={"command": command.pk}
        )
        if action is Action.PAUSE:
            _take_proposals(command, campaign)
    return command


def send(command_id: int, *, clock: Clock = timezone.now) -> Command:
    """Send an open command to Flow, if it is due and nobody else is sending one to the campaign; return it as it is then.

    The answer never confirms it: the next poll of Flow's own status does.
    """
    now = clock()
    command = Command.objects.select_related("campaign").get(pk=command_id)
    if pace.held_until(now) is None and _claim(command, now):
        try:
            if _is_withdrawn(command):
                _withdraw(command, now)
            else:
                _send(command, clock)
        finally:
            Command.objects.filter(pk=command_id).update(sending_until=None)
    return Command.objects.select_related("campaign").get(pk=command_id)


def due_commands(now: datetime, limit: int) -> list[int]:
    """Return the ids of open commands that are to be sent now, the longest waiting first."""
    due = Command.objects.filter(_is_due(now), state__in=OPEN)
    return list(due.order_by("asked_at").values_list("pk", flat=True)[:limit])


def judge(command: Command, phase: Phase, asked_flow_at: datetime, now: datetime) -> bool:
    """Confirm or close an open command by what Flow's own status says, asked after the command was sent; say whether."""
    on_its_way = command.sending_until is not None and command.sending_until > now
    if on_its_way or (command.sent_at and asked_flow_at < command.sent_at):
        return False
    if phase not in FINAL_PHASES and _older_may_still_come(command, asked_flow_at):
        return False
    if command.sent_at and phase in ACTION_DONE[Action(command.action)]:
        _close(command, CommandState.CONFIRMED, f"Flow's own status confirms: {label(phase.value).lower()}.", now)
    elif phase in FINAL_PHASES:
        words = f"The campaign ended before it could be done: {label(phase.value).lower()}."
        _close(command, CommandState.FAILED, words, now)
    else:
        return False
    return True


def _take_proposals(command: Command, campaign: Campaign) -> None:
    """Answer the campaign's open proposals with the pause that was asked for, from whichever page or batch it came."""
    user, now = command.asked_by, command.asked_at
    proposals = PauseProposal.objects.filter(campaign=campaign, state=ProposalState.OPEN.value)
    listings = [proposal.listing for proposal in proposals.select_related("listing")]
    if not listings:
        return
    proposals.update(state=ProposalState.PAUSED.value, decided_by=user, decided_at=now, reason=command.reason)
    names = ", ".join(str(listing) for listing in listings)
    text = f"{user.get_username()} took the proposal to pause the campaign, made for {names}."
    data = {"command": command.pk, "listings": [listing.external_id for listing in listings]}
    record("campaign.pause_proposal_taken", text, now=now, by=user, campaign=campaign, data=data)


def _lock(campaign_id: int) -> Campaign:
    """Return the campaign, for this transaction alone: always before its commands and before history, as a sync does."""
    return Campaign.objects.select_for_update(no_key=True).get(pk=campaign_id)


def _older_may_still_come(command: Command, asked_flow_at: datetime) -> bool:
    """Say whether Flow may yet do something else that it was asked for before: then its status proves nothing."""
    recent = Command.objects.filter(campaign=command.campaign_id, sent_at__gt=asked_flow_at - LATE_EFFECT)
    return recent.filter(state=CommandState.SUPERSEDED.value).exclude(action=command.action).exists()


def check_fits(campaign: Campaign, action: Action, older: Command | None) -> None:
    """Raise Refused where the campaign's phase, or an open command that is older, leaves nothing to ask for."""
    phases = {Phase(campaign.phase)}
    if older and older.action == action and older.sends < MOST_SENDS:
        raise Refused(
            f"{label(action.value)} was asked already by {older.asked_by.get_username()}, {when(older.asked_at)}, "
            "and is not confirmed yet. Nothing was sent again."
        )
    if older:  # it may have been carried out although Flow does not say so yet
        phases.add(ACTION_TARGET[Action(older.action)])
    if not phases & ACTION_FITS[action]:
        phase = label(campaign.phase).lower()
        raise Refused(
            f"Campaign {campaign.tracking_id} is {phase}: there is nothing to {action.value}. Nothing was sent."
        )


def _is_due(now: datetime) -> Q:
    """Never sent, or sent a while ago and Flow's own status, heard since, still differs: else `judge` has closed it."""
    free = Q(sending_until__isnull=True) | Q(sending_until__lte=now)
    never_sent = Q(state=CommandState.ASKED.value) & (Q(next_send_at__isnull=True) | Q(next_send_at__lte=now))
    told = Campaign.objects.filter(missing_since__isnull=True, checked_at__gt=OuterRef("sent_at"))
    asked_since = Exists(told.filter(pk=OuterRef("campaign")))
    again = Q(asked_since, state=CommandState.SENT.value, next_send_at__lte=now, sends__lt=MOST_SENDS)
    return free & (never_sent | again)


def _claim(command: Command, now: datetime) -> bool:
    """Take the command for sending; not while an older one of the campaign is on its way, or they could overtake.

    It counts as sent from here: should this process die, Flow's own status decides what comes next.
    """
    on_its_way = Command.objects.filter(campaign=OuterRef("campaign"), sending_until__gt=now).exclude(pk=OuterRef("pk"))
    mine = Command.objects.filter(_is_due(now), ~Exists(on_its_way), pk=command.pk, state__in=OPEN)
    changed = mine.update(
        state=CommandState.SENT.value,
        sends=F("sends") + 1,
        sent_at=now,
        next_send_at=now + RESEND_AFTER * 2**command.sends,
        sending_until=now + timedelta(seconds=settings.PUBLISH_LEASE),
    )
    return changed == 1


def _send(command: Command, clock: Clock) -> None:
    campaign = command.campaign
    word = gateway.status_for(Action(command.action))
    try:
        answer = gateway.client().update_status(campaign.tracking_id, word, command.reason)
    except Rejected as error:
        lagging = isinstance(error, NotFound) and clock() - campaign.created_at < LAG
        if lagging:
            _try_later(command, error, clock(), "Flow does not know the campaign yet")
        else:
            _refused(command, error, clock())
    except NotSent as error:
        _try_later(command, error, clock())
    except FlowError as error:
        _sent(command, f"{error} Flow's own status decides.", error.http_status, clock())
    else:
        _sent(command, answer.error or answer.message, answer.http_status, clock())


def _is_withdrawn(command: Command) -> bool:
    """Say whether it spends money again in the name of somebody who may not do so any more; whoever asked, stopping goes on."""
    user, branch_id = command.asked_by, command.campaign.branch_id
    may = user.has_perm("campaigns.command_campaign") and selectors.works_for(user, branch_id)
    return command.action == Action.RESUME and not may


def _withdraw(command: Command, now: datetime) -> None:
    """Close a command that must not be sent, and take back what the claim wrote. `command` is as it was before."""
    who = f"{command.asked_by.get_username()} asked for it, but may not do so any more."
    done = "It is not sent again: Flow's own status tells what came of it." if command.sends else "Nothing was sent."
    with transaction.atomic():
        _lock(command.campaign_id)
        Command.objects.filter(pk=command.pk, state__in=OPEN).update(sends=command.sends, sent_at=command.sent_at)
        words = f"{who} {done} Somebody else can ask for it."
        _close(command, CommandState.FAILED, words, now, by=ActorKind.SCHEDULER)
        _outdate_polls(command.campaign_id, now)


def _sent(command: Command, words: str, http_status: int | None, now: datetime) -> None:
    with transaction.atomic():
        _lock(command.campaign_id)
        still_open = Command.objects.filter(pk=command.pk, state__in=OPEN).update(
            sent_at=now, failures=0, http_status=http_status, words=words
        )
        _outdate_polls(command.campaign_id, now)
        superseded = "" if still_open else " A newer command had superseded it meanwhile."
        text = f"Asked Flow to {command.action}; not confirmed yet. {words}{superseded}"
        _tell(command, "sent", text, ActorKind.SCHEDULER, now)


def _refused(command: Command, error: FlowError, now: datetime) -> None:
    with transaction.atomic():
        _lock(command.campaign_id)
        Command.objects.filter(pk=command.pk).update(http_status=error.http_status)
        _close(command, CommandState.FAILED, f"Flow said no: {error.words}", now)
        _outdate_polls(command.campaign_id, now)


def _try_later(command: Command, error: FlowError, now: datetime, why: str = "Not sent") -> None:
    """Take back what the claim wrote: Flow did not process it. `command` is as it was before."""
    again = "An earlier sending may have changed the campaign: Flow's own status decides. " if command.sends else ""
    until = pace.hold(error, now=now) if isinstance(error, TooManyRequests) else now + backoff(command.failures + 1)
    Command.objects.filter(pk=command.pk, state__in=OPEN).update(
        state=command.state,
        sends=command.sends,
        sent_at=command.sent_at,
        failures=F("failures") + 1,
        next_send_at=until,
        http_status=error.http_status,
        words=f"{why}: {error} {again}It is tried again at {when(until)}.",
    )


def _close(command: Command, state: CommandState, words: str, now: datetime, *, by: ActorKind = ActorKind.FLOW) -> None:
    closed = Command.objects.filter(pk=command.pk, state__in=OPEN).update(state=state.value, words=words, closed_at=now)
    if closed:
        _tell(command, state.value, f"{label(command.action)}: {words}", by, now)


def _tell(command: Command, what: str, text: str, by: ActorKind, now: datetime) -> None:
    kind = f"campaign.{command.action}_{what}"
    record(kind, text, now=now, by=by, campaign=command.campaign, data={"command": command.pk})


def _outdate_polls(campaign_id: int, now: datetime) -> None:
    """Make polls that are under way too old to be written, and the next one due."""
    Campaign.objects.filter(pk=campaign_id).update(command_number=F("command_number") + 1, next_check_at=now)
