"""Orders and campaigns in every state, built through the services as people and workers build them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from campaigns.domain.states import Move, OrderState, Outcome, Resolution
from campaigns.models import Attempt, Branch, Campaign, Order
from campaigns.services import moves, orders, recording
from campaigns.services.content import Content
from campaigns.services.recording import Answer
from campaigns.services.settling import settle
from tests import factories

CATALOGUE = ("view_branch", "view_agent", "view_listing", "view_plan")
ORDER_STAFF = ("view_order", "add_order", "change_order", "submit_order", *CATALOGUE)
EVERYTHING = (*ORDER_STAFF, "approve_order", "settle_order", "view_campaign", "command_campaign")


def client_of(user: User) -> Client:
    """Return a browser in which the user is signed in."""
    client = Client()
    client.force_login(user)
    return client


def author(name: str = "author") -> User:
    """Return somebody who builds and submits orders."""
    return User.objects.filter(username=name).first() or factories.make_user(name, *ORDER_STAFF)


def content(branch: Branch | None = None, **fields: Any) -> Content:
    """Return what an order of one listing and one agent of the branch asks for, to start tomorrow."""
    branch = branch or factories.make_branch()
    start = timezone.now().replace(microsecond=0) + timedelta(days=1)
    made = Content(
        plan=factories.make_plan(),
        branch=branch,
        listings=(factories.make_listing(branch),),
        agent=factories.make_agent(branch),
        start_at=start,
        end_at=start + timedelta(days=14),
    )
    return replace(made, **fields)


def draft(user: User | None = None, **fields: Any) -> Order:
    """Return a new draft."""
    return orders.create_order(content(**fields), user=user or author(), now=timezone.now())


def queued(user: User | None = None, **fields: Any) -> Order:
    """Return an order that waits for a worker."""
    user = user or author()
    order = draft(user, **fields)
    return orders.submit(order.pk, order.version, user=user, now=timezone.now())


def awaiting_approval(user: User | None = None, **fields: Any) -> Order:
    """Return an order that waits for a second person, because of its branch's threshold."""
    return queued(user, branch=factories.make_branch(approval_threshold=Decimal("1.00")), **fields)


def answered(
    answer: Answer,
    user: User | None = None,
    *,
    now: datetime | None = None,
    took: timedelta = timedelta(0),
    **fields: Any,
) -> Order:
    """Return an order whose attempt to publish ended so."""
    return answer_again(queued(user, **fields), answer, now=now or timezone.now(), took=took)


def answer_again(order: Order, answer: Answer, *, now: datetime, took: timedelta = timedelta(0)) -> Order:
    """Return the queued order after one more attempt to publish it, begun now, ended so."""
    attempt = claimed(order, now=now, sent=answer.outcome is not Outcome.NOT_SENT)
    recording.record_answer(attempt, answer, now=now + took)
    return moves.read(order.pk)


def claimed(order: Order, *, now: datetime, sent: bool = True) -> Attempt:
    """Return one more attempt to publish a queued order, begun now and under way."""
    order = moves.read(order.pk)
    attempt = Attempt.objects.create(
        order=order,
        number=order.attempts.count() + 1,
        order_version=order.version + 1,
        payload_sha256=order.payload_sha256,
        worker="worker:1",
        claimed_at=now,
        lease_until=now + timedelta(minutes=3),
    )
    moves.move(order, Move.CLAIM, OrderState.PUBLISHING)
    if sent:
        Attempt.objects.filter(pk=attempt.pk).update(sent_at=now)
    return attempt


def published(*tracking_ids: str, user: User | None = None, **fields: Any) -> Order:
    """Return an order that Flow took."""
    answer = Answer(Outcome.PUBLISHED, "Flow accepted the order.", 202, "{}", tuple(tracking_ids), "queued")
    return answered(answer, user, **fields)


def rejected(user: User | None = None, **fields: Any) -> Order:
    """Return an order that Flow refused."""
    return answered(Answer(Outcome.REJECTED, "Unknown plan <b>reference</b>.", 400, '{"error": "x"}'), user, **fields)


def in_doubt(user: User | None = None, **fields: Any) -> Order:
    """Return an order of which nobody knows whether Flow took it."""
    return answered(Answer(Outcome.UNKNOWN, "Flow did not answer in time.", None, "half an ans"), user, **fields)


def said_not_live(**fields: Any) -> Order:
    """Return an order in doubt of which somebody said that it is not live: it is queued to be sent again."""
    order = in_doubt(**fields)
    settler = User.objects.filter(username="settler").first() or factories.make_user(
        "settler", "settle_order", "settle_alone"
    )
    settle(order.pk, Resolution.NOT_LIVE, evidence="We looked.", user=settler, now=timezone.now())
    return moves.read(order.pk)


def live_after_all(order: Order, *tracking_ids: str) -> Order:
    """Return the order after Flow's late answer to its first attempt: it was live all the time."""
    answer = Answer(Outcome.PUBLISHED, "Flow accepted the order.", 202, "{}", tuple(tracking_ids), "queued")
    recording.record_answer(order.attempts.get(number=1), answer, now=timezone.now())
    return moves.read(order.pk)


def published_twice(first: Iterable[str], second: Iterable[str]) -> Order:
    """Return an order that Flow took in each of two attempts, with their campaigns."""
    answer = Answer(Outcome.PUBLISHED, "Flow accepted the order.", 202, "{}", tuple(second), "queued")
    return live_after_all(answer_again(said_not_live(), answer, now=timezone.now()), *first)


def campaign(tracking_id: str = "queue_1", **fields: Any) -> Campaign:
    """Return a campaign, with what Flow is to have said of it since."""
    published(tracking_id)
    Campaign.objects.filter(tracking_id=tracking_id).update(**fields)
    return Campaign.objects.get(tracking_id=tracking_id)


def kinds(order: Order) -> list[str]:
    """Return what the order's history tells, the oldest first."""
    return list(order.events.order_by("pk").values_list("kind", flat=True))


def sent(answer: Any) -> bytes:
    """Return all that an answer sends, and close its files; closing the answer would close the test's database as well."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    for close in answer._resource_closers:
        close()
    return bytes(content)


def names(rows: Iterable[Any]) -> list[str]:
    """Return the rows as people read them."""
    return [str(row) for row in rows]
