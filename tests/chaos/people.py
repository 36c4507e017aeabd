"""Deeds at the desk for cases 11 and 12: two people do something in the same moment, each on a connection of their own."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client, override_settings
from django.utils import timezone

from campaigns import tasks
from campaigns.domain.states import Action, Outcome, Resolution
from campaigns.flow import CampaignStatus, FlowClient
from campaigns.models import Branch, Campaign, Command, Order, Plan
from campaigns.models.commands import OPEN
from campaigns.selectors import CAMPAIGN_NEEDS, ORDER_NEEDS
from campaigns.services import commands, orders, publishing, recording, settling, syncing
from campaigns.services.content import Content
from campaigns.services.errors import Refused
from campaigns.services.recording import Answer
from tests import factories
from tests.services.building import at_once

RIGHTS = ("view_order", "add_order", "change_order", "submit_order", "approve_order", "settle_order", "settle_alone")
MORE_RIGHTS = ("delete_order", "view_campaign", "command_campaign")
CAREFUL = "careful"
Deed = Callable[[], object]


def person(name: str) -> User:
    """Return a member of staff who may do everything."""
    return User.objects.filter(username=name).first() or factories.make_user(name, *RIGHTS, *MORE_RIGHTS)


def race(what: str, prefix: str, rounds: int) -> list[dict[str, Any]]:
    """Let two people do something at once, so many times, each time to a new order; return what came of each round."""
    return [_one_round(what, f"{prefix}{number}") for number in range(rounds)]


def _one_round(what: str, order_ref: str) -> dict[str, Any]:
    order, deeds = RACES[what](order_ref)
    before = order.events.count()
    results = at_once(*deeds)
    kinds = list(order.events.order_by("pk").values_list("kind", flat=True))[before:]
    strange = [repr(result) for result in results if isinstance(result, Exception) and not isinstance(result, Refused)]
    return {
        "won": sum(not isinstance(result, Exception) for result in results),
        "refused": [str(result) for result in results if isinstance(result, Refused)],
        "strange": strange,
        "told": kinds,
        "state": Order.objects.get(pk=order.pk).state,
    }


# Orders ---------------------------------------------------------------------------------------------------------------
def draft(order_ref: str, careful: bool = False) -> Order:
    """Return a new order of anna's, which a second person must approve where the branch is careful."""
    branch = Branch.objects.get(external_id="branch")
    if careful:
        branch, _ = Branch.objects.get_or_create(external_id=CAREFUL, defaults={"name": "C", "approval_threshold": 0})
    listing = branch.listings.first() or factories.make_listing(branch)
    content = Content(Plan.objects.get(ref="social"), branch, (listing,))
    return orders.create_order(content, user=person("olga"), now=timezone.now(), order_ref=order_ref)


def queued(order_ref: str) -> Order:
    """Return an order that waits for a worker."""
    order = draft(order_ref)
    return orders.submit(order.pk, order.version, user=person("olga"), now=timezone.now())


def awaiting(order_ref: str) -> Order:
    """Return an order that waits for a second person."""
    order = draft(order_ref, careful=True)
    return orders.submit(order.pk, order.version, user=person("olga"), now=timezone.now())


def in_doubt(order_ref: str) -> Order:
    """Return an order that was marked as sent, and whose worker did not come back."""
    order = queued(order_ref)
    now = timezone.now()
    attempt = publishing._claim(order, now)
    publishing._mark_sent(attempt, now)
    recording.record_answer(attempt, Answer(Outcome.UNKNOWN, "The line was cut."), now=now)
    return Order.objects.get(pk=order.pk)


def published(order_ref: str) -> Order:
    """Return an order that the sandbox has published, and that Flow's status calls live."""
    order = queued(order_ref)
    publishing.publish_order(order.pk)
    syncing.check_now(list(order.campaigns.values_list("pk", flat=True)))
    return order


def _each(order: Order, deed: Callable[[User], object]) -> tuple[Order, list[Deed]]:
    ben, cleo = person("ben"), person("cleo")
    return order, [lambda: deed(ben), lambda: deed(cleo)]


def _approve(order_ref: str) -> tuple[Order, list[Deed]]:
    order = awaiting(order_ref)
    return _each(order, lambda user: orders.approve(order.pk, order.version, user=user, now=timezone.now()))


def _approve_or_reject(order_ref: str) -> tuple[Order, list[Deed]]:
    order, (approve, _) = _approve(order_ref)
    cleo = person("cleo")
    return order, [
        approve,
        lambda: orders.reject(order.pk, order.version, comment="No.", user=cleo, now=timezone.now()),
    ]


def _submit(order_ref: str) -> tuple[Order, list[Deed]]:
    order = draft(order_ref)
    return _each(order, lambda user: orders.submit(order.pk, order.version, user=user, now=timezone.now()))


def _settle(order: Order, user: User, resolution: Resolution = Resolution.ABANDON) -> object:
    return settling.settle(order.pk, resolution, evidence="Seen.", user=user, now=timezone.now())


def _settle_alike(order_ref: str) -> tuple[Order, list[Deed]]:
    order = in_doubt(order_ref)
    return _each(order, lambda user: _settle(order, user))


def _settle_differently(order_ref: str) -> tuple[Order, list[Deed]]:
    order, (abandon, _) = _settle_alike(order_ref)
    cleo = person("cleo")
    return order, [abandon, lambda: _settle(order, cleo, Resolution.NOT_LIVE)]


def _take_or_return(order_ref: str) -> tuple[Order, list[Deed]]:
    order = queued(order_ref)
    olga = person("olga")
    return order, [
        lambda: orders.return_to_draft(order.pk, order.version, user=olga, now=timezone.now()),
        lambda: publishing.publish_order(order.pk),
    ]


def _ask(order_ref: str, *actions: Action, first: Action | None = None) -> tuple[Order, list[Deed]]:
    order = published(order_ref)
    campaign = order.campaigns.order_by("pk")[:1].get()
    if first:
        commands.send(_command(campaign, first, person("ben")).pk)
        syncing.check_now([campaign.pk])
    users = (person("ben"), person("cleo"))
    return order, [
        lambda action=action, user=user: _command(campaign, action, user)  # type: ignore[misc]
        for action, user in zip(actions, users, strict=True)
    ]


def _command(campaign: Campaign, action: Action, user: User) -> Command:
    return commands.ask(campaign.pk, action, reason="Sold.", user=user, now=timezone.now())


RACES: dict[str, Callable[[str], tuple[Order, list[Deed]]]] = {
    "submit": _submit,
    "approve": _approve,
    "approve or reject": _approve_or_reject,
    "settle": _settle_alike,
    "settle differently": _settle_differently,
    "return or publish": _take_or_return,
    "pause": lambda ref: _ask(ref, Action.PAUSE, Action.PAUSE),
    "resume": lambda ref: _ask(ref, Action.RESUME, Action.RESUME, first=Action.PAUSE),
    "pause or resume": lambda ref: _ask(ref, Action.PAUSE, Action.RESUME),
    "pause or cancel": lambda ref: _ask(ref, Action.PAUSE, Action.CANCEL),
}


# The admin ------------------------------------------------------------------------------------------------------------
def double_click(which: str, prefix: str, rounds: int) -> list[dict[str, Any]]:
    """Post the same form twice at once, then once more as “back and resubmit” does; return statuses and history."""
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        return [_double_click(which, f"{prefix}{number}") for number in range(rounds)]


def _double_click(which: str, order_ref: str) -> dict[str, Any]:
    order = {"submit": draft, "approve": awaiting, "settle": in_doubt}[which](order_ref)
    before = order.events.count()
    clients = [Client() for _ in range(3)]
    for client in clients:
        client.force_login(person("ben"))
    form: dict[str, object] = {"version": order.version}
    if which == "settle":
        form |= {"resolution": "abandon", "evidence": "Seen.", "tracking_ids": ""}

    def click(client: Client) -> int:
        return int(client.post(f"/admin/campaigns/order/{order.pk}/{which}/", form).status_code)

    statuses = at_once(lambda: click(clients[0]), lambda: click(clients[1]))
    again = click(clients[2])
    told = list(order.events.order_by("pk").values_list("kind", flat=True))[before:]
    return {"statuses": sorted(statuses, key=str), "again": again, "told": told}


def let_dora_approve(order_ref: str) -> None:
    """Let somebody approve an order, of which the workers are told."""
    order = awaiting(order_ref)
    dora = factories.make_user(f"dora-{order_ref}", "view_order", "approve_order")
    orders.approve(order.pk, order.version, user=dora, now=timezone.now())
    tasks.nudge_publish(order.pk)


def withdraw(order_ref: str, what: str) -> None:
    """Take from whoever approved an order the right to approve, or the account as a whole; or nothing."""
    dora = User.objects.get(username=f"dora-{order_ref}")
    if what == "right":
        dora.user_permissions.remove(Permission.objects.get(codename="approve_order"))
    elif what == "account":
        User.objects.filter(pk=dora.pk).update(is_active=False)


def queues(order_ref: str) -> list[str]:
    """Return the queues of the home page and the list in which staff see an order."""
    everybody, now, orders_of = AnonymousUser(), timezone.now(), Order.objects.filter(order_ref=order_ref)
    return [name for name, need in ORDER_NEEDS.items() if orders_of.filter(need.rows(everybody, now)).exists()]


# Commands -------------------------------------------------------------------------------------------------------------
def late_poll(order_ref: str) -> dict[str, Any]:
    """Let Flow's answer to a poll come after a newer command was asked, sent and confirmed."""
    campaign = published(order_ref).campaigns.order_by("pk")[:1].get()
    ask_flow, heard, done = FlowClient.campaign_status, threading.Event(), threading.Event()

    def hold_back_the_first(client: FlowClient, tracking_id: str) -> CampaignStatus:
        status = ask_flow(client, tracking_id)
        if not heard.is_set():
            heard.set()
            assert done.wait(60)
        return status

    def command() -> Command:
        assert heard.wait(60)
        try:
            asked = _command(campaign, Action.PAUSE, person("ben"))
            commands.send(asked.pk)
            syncing.check_now([campaign.pk])
        finally:
            done.set()
        return asked

    with mock.patch.object(FlowClient, "campaign_status", hold_back_the_first):
        polled, asked = at_once(lambda: syncing.check_now([campaign.pk]), command)
    assert isinstance(asked, Command), asked
    assert isinstance(polled, syncing.SyncResult), polled
    campaign.refresh_from_db()
    asked.refresh_from_db()
    told = list(campaign.events.order_by("pk").values_list("kind", flat=True))
    return {"checked": polled.checked, "phase": campaign.phase, "command": asked.state, "told": told}


def needs_confirmation(order_ref: str) -> bool:
    """Say whether the home page and the list call the order's command not confirmed."""
    condition = CAMPAIGN_NEEDS["confirmation"].rows(AnonymousUser(), timezone.now())
    return Campaign.objects.filter(condition, order__order_ref=order_ref).exists()


def open_commands(order_ref: str) -> list[str]:
    """Return the commands of an order that are not over."""
    return list(
        Command.objects.filter(campaign__order__order_ref=order_ref, state__in=OPEN).values_list("action", flat=True)
    )


def let_resends_be_due(order_ref: str) -> None:
    """Turn the time forward for open commands of an order."""
    earlier = timezone.now() - timedelta(minutes=2)
    open_ones = Command.objects.filter(campaign__order__order_ref=order_ref, state="sent")
    open_ones.update(next_send_at=earlier, sent_at=earlier)
