"""What a judge must know of a console, gathered in one deed at its desk."""

import base64
import json
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import redis
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from campaigns import gateway
from campaigns.admin.campaign_deeds import CAMPAIGN_DEEDS
from campaigns.admin.order_deeds import ORDER_DEEDS
from campaigns.domain.states import Action, CommandState
from campaigns.models import Attempt, Campaign, Command, Event, Order
from campaigns.models.commands import OPEN
from campaigns.services import history
from tests.chaos import told

Row = TypeVar("Row", bound=Model)
TOKEN = re.compile(r"eyJ[\w-]{10,}\.")  # how every JWT begins
PAGES = 12  # at most of a sort of row: one of each kind
LISTS = (
    *("admin:index", "alerts", "admin:campaigns_order_doubts", "admin:campaigns_order_approvals"),
    *(f"admin:campaigns_{name}_changelist" for name in ("order", "attempt", "campaign", "command", "event")),
)
REVIEWS = ("submit", "approve", "settle")


def gather(prefix: str, secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return the orders of this prefix, where history breaks, and every place where a secret can be seen."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # SQLite's transactions see one moment anyway
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        orders = Order.objects.filter(order_ref__startswith=prefix)
        found = list(orders.prefetch_related("attempts", "campaigns__commands", "events").order_by("pk"))
    return {
        "orders": {order.order_ref: _facts(order) for order in found},
        "broken": history.broken_link(),
        "secrets": sorted(_seen(found, {settings.SECRET_KEY, settings.FLOW_API_KEY, *secrets})),
    }


def _facts(order: Order) -> dict[str, Any]:
    now = timezone.now()
    events = sorted(order.events.all(), key=lambda event: event.pk)
    return {
        "state": order.state,
        "has_turn": order.next_attempt_at is not None,
        "attempts": [[attempt.outcome, attempt.sent_at is not None] for attempt in order.attempts.all()],
        "overdue": [
            attempt.number for attempt in order.attempts.all() if not attempt.outcome and attempt.lease_until < now
        ],
        "tracking_ids": sorted(campaign.tracking_id for campaign in order.campaigns.all()),
        "campaigns": {
            campaign.tracking_id: _facts_of_campaign(
                campaign, [_line(event) for event in events if event.campaign_id == campaign.pk], now
            )
            for campaign in order.campaigns.all()
        },
        "problem": order.problem,
        "untrue": told.wrong_with_order([_line(event) for event in events], order.state, order.version),
    }


def _facts_of_campaign(campaign: Campaign, lines: list[told.Line], now: datetime) -> dict[str, Any]:
    commands = sorted(campaign.commands.all(), key=lambda command: command.pk)
    return {
        "phase": campaign.phase,
        "checked_at": campaign.checked_at.timestamp() if campaign.checked_at else 0,
        # A poll that is under way or due may bring something else in this moment.
        "at_rest": not campaign.poll_mark and not (campaign.next_check_at and campaign.next_check_at <= now),
        "commands": [[command.action, command.state] for command in commands],
        "lost": [
            command.action
            for command in commands
            if command.state in OPEN and not _somebody_comes_back(command, campaign)
        ],
        "untrue": [
            *told.wrong_with_campaign(lines, campaign.phase),
            *(
                f"{command.action}: {wrong}"
                for command in commands
                for wrong in told.wrong_with_command(
                    lines, command.pk, Action(command.action), CommandState(command.state), campaign.phase
                )
            ),
        ],
    }


def _somebody_comes_back(command: Command, campaign: Campaign) -> bool:
    """Say whether an open command that was sent is judged by a poll to come; one that was not is found by every sweep."""
    return command.state == CommandState.ASKED or campaign.next_check_at is not None


def _line(event: Event) -> told.Line:
    return told.Line(event.kind, event.text, event.data)


def phases_of(words: Collection[str]) -> dict[str, str]:
    """Return how the console reads each of Flow's words."""
    return {word: gateway.phase_of(word).value for word in words}


def _seen(orders: list[Order], secrets: set[str]) -> Iterator[str]:
    for place, text in [*_tables(), *messages(), *_pages(orders)]:
        if TOKEN.search(text):
            yield f"an access token in {place}"
        yield from (f"{secret[:3]}… in {place}" for secret in secrets if secret in text)


def _tables() -> Iterator[tuple[str, str]]:
    for model in apps.get_models():
        yield f"table {model._meta.db_table}", serializers.serialize("json", model._default_manager.all())


def messages() -> Iterator[tuple[str, str]]:
    """Give every message that the broker holds, as it is and with its body decoded."""
    for message in _of_redis() if settings.BROKER_SCHEME.startswith("redis") else _of_folder():
        body = json.loads(message).get("body", "")
        yield "a message of the broker", message + base64.b64decode(body).decode()


def _of_folder() -> Iterator[str]:
    for path in (settings.BROKER_DIR / "messages").glob("*.msg"):
        try:
            yield path.read_text()
        except FileNotFoundError:  # a worker has just taken it
            continue


def _of_redis() -> Iterator[str]:
    with redis.Redis.from_url(settings.CELERY_BROKER_URL, decode_responses=True) as client:
        for queue in settings.CELERY_TASK_QUEUES:
            yield from client.lrange(queue, 0, -1)
        for taken in client.hvals("unacked"):
            yield json.dumps(json.loads(taken)[0])


def _pages(orders: list[Order]) -> Iterator[tuple[str, str]]:
    """Give the pages that show orders and what belongs to them, to somebody who may see everything."""
    boss = User.objects.filter(username="boss").first() or User.objects.create_superuser("boss")
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        client = Client()
        client.force_login(boss)
        for path in [*(reverse(name) for name in LISTS), *_paths(orders, boss)]:
            answer = client.get(path, follow=True)  # the history of a row is a list elsewhere
            assert answer.status_code == 200, f"{path} answered {answer.status_code}"
            yield f"page {path}", answer.content.decode()


def _paths(orders: list[Order], boss: User) -> Iterator[str]:
    """Give the addresses of rows, one of each kind: their pages, the history of one, what asks before a deed."""
    shown = _one_of_each(orders, lambda order: (order.state, tuple(each.outcome for each in order.attempts.all())))
    campaigns = _one_of_each(Campaign.objects.filter(order__in=orders).order_by("pk"), lambda row: row.phase)
    commands = _one_of_each(Command.objects.filter(campaign__order__in=orders).order_by("pk"), lambda row: row.state)
    yield from _addresses("change", *shown, *campaigns, *commands)
    yield from _addresses("change", *Attempt.objects.filter(order__in=orders)[:1])
    yield from _addresses("change", *Event.objects.filter(order__in=orders)[:1])
    yield from _addresses("history", *shown[:1], *campaigns[:1])
    for order in _one_of_each(shown, lambda order: order.state):
        fitting = [deed.name for deed in ORDER_DEEDS if deed.name in REVIEWS and deed.is_for(boss, order)]
        yield from (address for name in fitting for address in _addresses(name, order))
    for campaign in campaigns:
        fitting = [deed.name for deed in CAMPAIGN_DEEDS if deed.is_for(boss, campaign)]
        yield from (address for name in fitting[:1] for address in _addresses(name, campaign))


def _one_of_each(rows: Iterable[Row], kind: Callable[[Row], Hashable]) -> list[Row]:
    first: dict[Hashable, Row] = {}
    for row in rows:
        first.setdefault(kind(row), row)
    return list(first.values())[:PAGES]


def _addresses(page: str, *rows: Model) -> Iterator[str]:
    for row in rows:
        yield reverse(f"admin:campaigns_{row._meta.model_name}_{page}", args=[row.pk])
