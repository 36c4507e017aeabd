"""Deeds at the desk that break a promise on purpose, past the console: the judge must see each of them."""

from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from campaigns import gateway, tasks
from campaigns.admin import look
from campaigns.domain.states import Action, ActorKind
from campaigns.models import Campaign, Command, Event, Order, guards
from campaigns.services import commands, history, syncing
from tests.chaos import people

_taken: list[Event] = []


def honest(prefix: str) -> None:
    """Leave an order of each sort that a console without faults knows, one of them with a pause that Flow confirmed."""
    people.draft(f"{prefix}draft")
    people.awaiting(f"{prefix}awaiting")
    people.queued(f"{prefix}queued")
    people.in_doubt(f"{prefix}doubt")
    campaign = _campaign(people.published(f"{prefix}published"))
    commands.send(_pause(campaign).pk)
    syncing.check_now([campaign.pk])


def published(order_ref: str) -> str:
    """Leave a published order; return the tracking id of its campaign."""
    return _campaign(people.published(order_ref)).tracking_id


def asked(order_ref: str) -> str:
    """Leave a published order whose campaign is asked to pause; return the campaign's tracking id."""
    campaign = _campaign(people.published(order_ref))
    _pause(campaign)
    return campaign.tracking_id


# Secrets --------------------------------------------------------------------------------------------------------------
def in_a_table(words: str) -> None:
    """Write words into a table whose rows none of the judge's pages shows."""
    Group.objects.create(name=words)


def out_of_the_table(words: str) -> None:
    """Take them out again."""
    Group.objects.get(name=words).delete()


def in_a_message(order_ref: str, words: str) -> None:
    """Send the workers a message with words in it."""
    tasks.publish_order.apply_async(kwargs={"order_id": Order.objects.get(order_ref=order_ref).pk, "note": words})


def on_every_page(words: str) -> None:
    """Show words on every page, or nothing."""

    def title_prefix(_request: HttpRequest) -> str:
        return words

    look.title_prefix = title_prefix


# Money ----------------------------------------------------------------------------------------------------------------
def publish_again(order_ref: str) -> list[str]:
    """Have an order published once more, and tell nobody; return the new tracking ids."""
    order = Order.objects.get(order_ref=order_ref)
    request = gateway.publish_request(order, order.listings.all())
    return list(gateway.client().publish(request, gateway.client().token()).tracking_ids)


def invent_campaign(order_ref: str, tracking_id: str) -> None:
    """Give an order a campaign that Flow does not know."""
    campaign = _campaign(Order.objects.get(order_ref=order_ref))
    campaign.pk, campaign.tracking_id, campaign.checked_at = None, tracking_id, None
    campaign.save(force_insert=True)


def hide(order_ref: str) -> None:
    """Take a queued order out of the sight of every sweep."""
    Order.objects.filter(order_ref=order_ref).update(next_attempt_at=None)


# History --------------------------------------------------------------------------------------------------------------
def move_untold(order_ref: str, told: str = "") -> None:
    """Cancel a queued order with no line of history, or with one that tells of something else."""
    order = Order.objects.get(order_ref=order_ref)
    Order.objects.filter(pk=order.pk).update(state="cancelled", version=F("version") + 1, next_attempt_at=None)
    if told:
        history.record(told, "It was so.", now=timezone.now(), by=ActorKind.SCHEDULER, order=order)


def take_line(order_ref: str, kind: str) -> None:
    """Take a line out of history."""
    event = Event.objects.get(order__order_ref=order_ref, kind=kind)
    _taken.append(Event.objects.get(pk=event.pk))
    guards.remove(connection)
    event.delete()
    guards.install(connection)


def put_back() -> None:
    """Put the line back that was taken."""
    _taken.pop().save(force_insert=True)


# Campaigns and commands -----------------------------------------------------------------------------------------------
def write_phase(tracking_id: str, phase: str) -> None:
    """Let a campaign be in a phase of which Flow said nothing."""
    Campaign.objects.filter(tracking_id=tracking_id).update(phase=phase)


def pause_at_flow(tracking_id: str) -> None:
    """Let Flow pause a campaign, and the console take its word before that for the newest."""
    gateway.client().update_status(tracking_id, "paused", "Sold.")
    Campaign.objects.filter(tracking_id=tracking_id).update(checked_at=timezone.now())


def write_command(tracking_id: str, state: str, tell: bool = False) -> None:
    """Let a command be in a state of which nobody told, or history alone."""
    command = Command.objects.get(campaign__tracking_id=tracking_id)
    Command.objects.filter(pk=command.pk).update(state=state)
    if tell:
        kind, data = f"campaign.{command.action}_{state}", {"command": command.pk}
        history.record(kind, "It was so.", now=timezone.now(), by=ActorKind.FLOW, campaign=command.campaign, data=data)


def lose_command(tracking_id: str) -> None:
    """Let nobody ask Flow any more about a campaign whose command was sent."""
    Command.objects.filter(campaign__tracking_id=tracking_id).update(state="sent")
    Campaign.objects.filter(tracking_id=tracking_id).update(next_check_at=None)


def _campaign(order: Order) -> Campaign:
    return order.campaigns.get()


def _pause(campaign: Campaign) -> Command:
    return commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=people.person("ben"), now=timezone.now())
