"""What a judge must know of a console, gathered in one deed at its desk."""

import base64
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import redis
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Order
from campaigns.services import history

TOKEN = re.compile(r"eyJ[\w-]{10,}\.")  # how every JWT begins
MOVES = frozenset(
    f"order.{kind}"
    for kind in (
        *("submitted", "approved", "not_approved", "returned", "cancelled", "edited"),
        *("claimed", "published", "rejected", "in_doubt", "not_sent", "settled"),
    )
)
LATE_MOVES = ("It settles the doubt.", "The order is a draft again", "it is called off.")
PAGES = 12  # orders whose own page is looked at: one of each kind


def gather(prefix: str, secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return the orders of this prefix, where history breaks, and every place where a secret can be seen."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # SQLite's transactions see one moment anyway
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        orders = Order.objects.filter(order_ref__startswith=prefix).prefetch_related("attempts", "campaigns", "events")
        found = list(orders.order_by("pk"))
    return {
        "orders": {order.order_ref: _facts(order) for order in found},
        "broken": history.broken_link(),
        "secrets": sorted(_seen(found, {settings.SECRET_KEY, settings.FLOW_API_KEY, *secrets})),
    }


def _facts(order: Order) -> dict[str, Any]:
    now = timezone.now()
    moves = [event for event in order.events.all() if event.kind in MOVES or _moved_late(event.kind, event.text)]
    return {
        "state": order.state,
        "has_turn": order.next_attempt_at is not None,
        "version": order.version,
        "moves": len(moves),
        "attempts": [[attempt.outcome, attempt.sent_at is not None] for attempt in order.attempts.all()],
        "overdue": [
            attempt.number for attempt in order.attempts.all() if not attempt.outcome and attempt.lease_until < now
        ],
        "tracking_ids": sorted(campaign.tracking_id for campaign in order.campaigns.all()),
        "problem": order.problem,
    }


def _moved_late(kind: str, text: str) -> bool:
    return kind == "order.late_answer" and any(words in text for words in LATE_MOVES)


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
    """Give the pages that show orders, to somebody who may see everything."""
    boss = User.objects.filter(username="boss").first() or User.objects.create_superuser("boss")
    kinds = {(order.state, tuple(attempt.outcome for attempt in order.attempts.all())): order.pk for order in orders}
    paths = [reverse("admin:index")]
    paths += [reverse(f"admin:campaigns_{name}_changelist") for name in ("order", "attempt", "campaign", "event")]
    paths += [reverse("admin:campaigns_order_change", args=[pk]) for pk in list(kinds.values())[:PAGES]]
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        client = Client()
        client.force_login(boss)
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200, f"{path} answered {answer.status_code}"
            yield f"page {path}", answer.content.decode()
