import json
import logging
import os
import random
import socket
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Max

from campaigns import selectors
from campaigns.models import Agent, Attempt, Branch, Campaign, Listing, Order, Plan
from campaigns.services import orders, publishing
from campaigns.services.publishing import PublishResult
from tests.factories import make_agent, make_branch, make_listing
from tests.flow.nasty_server import says
from tests.services.building import (
    DAY,
    LEASE,
    MINUTE,
    NOW,
    SECOND,
    Clock,
    awaiting,
    draft,
    everything,
    kinds,
    last_event,
    publish,
    queued,
    reload,
)
from tests.services.flow_server import TOKEN, Flow, meanwhile


def test_sends_what_was_submitted_once_and_follows_every_campaign(author: User, flow: Flow) -> None:
    branch = make_branch()
    order = queued(author, branch=branch, start_at=NOW + DAY, end_at=NOW + 2 * DAY)
    flow.on_publish(flow.accepts("queue_abc", "queue_def"))

    result = publish(order)

    words = "Flow accepted the order: queue_abc, queue_def."
    assert result == PublishResult(order.order_ref, "published", words)
    assert flow.publishes == [json.loads(order.payload) | {"dryRun": False}]
    order = reload(order)
    assert (order.state, order.problem, order.failures, order.next_attempt_at) == ("published", "", 0, None)
    attempt = order.attempts.get()
    for campaign, tracking_id in zip(order.campaigns.order_by("tracking_id"), ("queue_abc", "queue_def"), strict=True):
        assert (campaign.tracking_id, campaign.attempt, campaign.branch) == (tracking_id, attempt, branch)
        assert (campaign.starts_at, campaign.ends_at) == (order.start_at, order.end_at)
        assert (campaign.flow_status, campaign.phase) == ("queued", "queued")
        assert (campaign.created_at, campaign.changed_at, campaign.checked_at) == (NOW, NOW, None)
        assert campaign.next_check_at is not None
        assert NOW < campaign.next_check_at < NOW + 10 * SECOND


def test_tells_what_flow_says_against_an_order_that_it_accepts(author: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_publish(
        says(202, {"campaign_tracking_ids": ["queue_a"], "status": "queued", "error": "Listing 2 was refused"})
    )

    words = "Flow accepted the order: queue_a. Flow also says: Listing 2 was refused."
    assert publish(order) == PublishResult(order.order_ref, "published", words)
    assert (last_event(order).text, order.attempts.get().words) == (words, words)


def test_asks_about_a_new_campaign_after_a_random_part_of_the_first_half_minute(
    author: User, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, bounds = queued(author), []

    def the_most(least: float, most: float) -> float:
        bounds.append((least, most))
        return most

    monkeypatch.setattr(random, "uniform", the_most)

    publish(order)

    assert bounds == [(0.1, 0.3)]
    assert order.campaigns.get().next_check_at == NOW + 9 * SECOND


def test_logs_the_tracking_ids_before_they_are_written_down(
    author: User, flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    order = queued(author)
    flow.on_publish(flow.accepts("queue_abc", "queue_def"))

    with caplog.at_level(logging.INFO, "campaigns.services.publishing"):
        publish(order)

    [line] = [record.getMessage() for record in caplog.records if record.name == "campaigns.services.publishing"]
    assert line == f"Flow accepted order {order.order_ref}: queue_abc, queue_def"


def test_keeps_the_attempt_and_the_history(author: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_publish(flow.accepts("queue_abc"))

    publish(order, NOW + MINUTE)

    attempt = order.attempts.get()
    assert (attempt.number, attempt.order_version, attempt.payload_sha256) == (1, 3, order.payload_sha256)
    assert (attempt.claimed_at, attempt.sent_at, attempt.finished_at) == (NOW + MINUTE,) * 3
    assert attempt.lease_until == NOW + MINUTE + LEASE
    assert (attempt.outcome, attempt.http_status) == ("published", 202)
    assert json.loads(attempt.excerpt) == {"campaign_tracking_ids": ["queue_abc"], "status": "queued"}
    assert kinds(order) == ["order.created", "order.submitted", "order.claimed", "order.published"]
    assert attempt.worker == f"{socket.gethostname()}:{os.getpid()}"
    claimed, event = order.events.get(kind="order.claimed"), last_event(order)
    assert (claimed.at, claimed.actor_kind, claimed.actor) == (NOW + MINUTE, "scheduler", None)
    assert claimed.data == {"attempt": 1, "worker": attempt.worker}
    assert (event.at, event.actor_kind, event.actor) == (NOW + MINUTE, "flow", None)
    assert event.data == {"attempt": 1, "http_status": 202, "tracking_ids": ["queue_abc"]}


def test_speaks_for_us_and_says_that_it_is_no_dry_run(author: User, flow: Flow) -> None:
    order = queued(author)

    publish(order)

    [token, request] = flow.server.received
    assert (token.path, request.path) == ("/auth/access-key/publickey", "/campaigns/publish")
    assert request.query == {"clientId": ["organisation-1"]}
    assert (request.bearer, request.headers["accept-version"]) == (TOKEN, "v1")
    assert request.body.decode() == order.payload.replace(',"listing', ',"dryRun":false,"listing')


def test_sends_what_was_approved_whatever_the_catalogue_says_by_now(author: User, flow: Flow) -> None:
    branch = make_branch(external_id="b1")
    order = queued(author, branch=branch, agent=make_agent(branch), listings=(make_listing(branch),))
    for model, field in ((Branch, "external_id"), (Agent, "external_id"), (Listing, "external_id"), (Plan, "ref")):
        model._default_manager.update(**{field: "other"})

    publish(order)

    assert flow.publishes == [json.loads(order.payload) | {"dryRun": False}]
    assert flow.publishes[0]["branchId"] == "b1"


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("queued", "queued"),
        ("in_progress", "in_progress"),
        ("paused", "paused"),
        ("Queued", "unrecognised"),
        ("", "queued"),
    ],
)
def test_reads_flows_first_status_without_guessing(author: User, flow: Flow, status: str, phase: str) -> None:
    order = queued(author)
    flow.on_publish(flow.accepts("queue_abc", status=status))

    publish(order)

    assert (order.campaigns.get().flow_status, order.campaigns.get().phase) == (status, phase)


@pytest.mark.django_db(transaction=True)
def test_has_written_that_it_sends_before_the_first_byte_leaves(author: User, flow: Flow) -> None:
    order = queued(author)
    seen: list[tuple[object, ...]] = []

    def look() -> None:
        seen.extend(Attempt.objects.values_list("order", "number", "sent_at", "outcome", "order__state"))

    flow.on_publish(meanwhile(look, flow.accepts()))

    publish(order)

    assert seen == [(order.pk, 1, NOW, "", "publishing")]


@pytest.mark.django_db(transaction=True)
def test_has_claimed_nothing_while_it_fetches_the_token(author: User, flow: Flow) -> None:
    order = queued(author)
    seen: list[str] = []
    look = lambda: seen.append(Order.objects.get().state)  # noqa: E731 - one word
    flow.on_token(meanwhile(look, says(200, {"accessToken": TOKEN})))

    publish(order)

    assert seen == ["queued"]


@pytest.mark.parametrize("make", [draft, awaiting])
def test_leaves_an_order_alone_that_is_not_queued(author: User, flow: Flow, make: Any) -> None:
    order = make(author)
    before = everything()

    result = publish(order)

    assert result == PublishResult(order.order_ref, "skipped", "The order is not waiting to be published.")
    assert everything() == before
    assert flow.server.received == []


def test_does_nothing_when_the_message_comes_again(author: User, flow: Flow) -> None:
    order = queued(author)
    publish(order)
    before = everything()

    assert [publish(order).outcome for _ in range(3)] == ["skipped"] * 3

    assert everything() == before
    assert len(flow.publishes) == 1


def test_waits_until_the_order_is_due_unless_somebody_asks(author: User, flow: Flow) -> None:
    order = queued(author)
    Order.objects.update(next_attempt_at=NOW + MINUTE)

    assert publish(order, NOW + MINUTE - SECOND).outcome == "skipped"
    assert flow.publishes == []

    assert publishing.publish_order(order.pk, clock=Clock(), due_only=False).outcome == "published"


def test_finds_the_orders_whose_turn_it_is_longest_waiting_first(author: User, flow: Flow) -> None:
    draft(author)
    awaiting(author)
    waiting = [queued(author) for _ in range(4)]
    published = queued(author)
    publish(published)
    for order, minutes in zip(waiting, (-1, -3, 1, 0), strict=True):
        Order.objects.filter(pk=order.pk).update(next_attempt_at=NOW + minutes * MINUTE)

    assert publishing.due_orders(NOW, 10) == [waiting[1].pk, waiting[0].pk, waiting[3].pk]
    assert publishing.due_orders(NOW, 1) == [waiting[1].pk]


def test_an_order_that_was_queued_while_the_clock_was_ahead_does_not_wait_for_it(author: User, flow: Flow) -> None:
    honest, ahead = queued(author), queued(author)
    Order.objects.filter(pk=honest.pk).update(next_attempt_at=NOW + 61 * MINUTE)
    Order.objects.filter(pk=ahead.pk).update(next_attempt_at=NOW + 61 * MINUTE + SECOND)

    assert publishing.due_orders(NOW, 10) == [ahead.pk]
    assert selectors.overdue_orders(NOW) == (1, NOW + 61 * MINUTE + SECOND)
    assert publish(honest).outcome == "skipped"
    assert flow.publishes == []
    assert publish(ahead).outcome == "published"
    assert len(flow.publishes) == 1


def test_a_queued_order_without_a_turn_is_due_and_seen(author: User, flow: Flow) -> None:
    order = queued(author)
    Order.objects.filter(pk=order.pk).update(next_attempt_at=None)

    assert publishing.due_orders(NOW, 10) == [order.pk]
    assert selectors.overdue_orders(NOW) == (1, None)
    assert publish(order).outcome == "published"
    assert len(flow.publishes) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: Plan.objects.update(active=False), "is not active"),
        (lambda _: Branch.objects.update(active=False), "is not active"),
        (lambda _: Listing.objects.update(active=False), "is not active"),
        (lambda _: Listing.objects.update(branch=make_branch()), "belongs to another branch"),
        (lambda _: Plan.objects.update(default_budget="9000.00"), "costs 9,000.00 ZAR now"),
    ],
    ids=["plan", "branch", "listing", "moved listing", "price"],
)
def test_rejects_without_sending_what_may_not_be_published_any_more(
    author: User, flow: Flow, change: Any, words: str
) -> None:
    order = queued(author)
    change(order)

    result = publish(order)

    assert (result.order_ref, result.outcome) == (order.order_ref, "rejected")
    assert words in result.words
    assert flow.publishes == []
    assert_rejected_unsent(order, result.words)


def test_tells_every_rule_that_no_longer_holds(author: User, flow: Flow) -> None:
    order = queued(author)
    plan, branch = order.plan, order.branch
    Plan.objects.update(active=False)
    Branch.objects.update(active=False)

    words = publish(order).words

    branch_words, plan_words = (
        f"{name} is not active. Choose another, or activate it." for name in (f"Branch {branch}", f"Plan {plan}")
    )
    assert words == f"{plan_words} {branch_words} {publishing.REMEDY}"
    assert flow.publishes == []


def test_rejects_without_sending_an_order_whose_start_has_passed(author: User, flow: Flow) -> None:
    order = queued(author, start_at=NOW + MINUTE)

    result = publish(order, NOW + MINUTE)

    assert result.words == (
        "The start, 1 Jan 2030, 11:01 SAST, is in the past, and Flow takes only a start in the future. Choose a later "
        "start, or leave it empty to begin at once. Nothing was sent and no money was spent. Return the order to draft, "
        "mend it and submit it again."
    )
    assert flow.publishes == []
    assert_rejected_unsent(order, result.words)
    order = reload(order)
    returned = orders.return_to_draft(order.pk, order.version, user=author, now=NOW)
    assert returned.state == "draft"
    assert returned.problem == (
        "It was rejected: The start, 1 Jan 2030, 11:01 SAST, is in the past, and Flow takes only a start in the future. "
        "Choose a later start, or leave it empty to begin at once."
    )


def assert_rejected_unsent(order: Order, problem: str) -> None:
    order = reload(order)
    assert (order.state, order.problem, order.next_attempt_at) == ("rejected", problem, None)
    attempt = order.attempts.get()
    reason = problem.removesuffix(f" {publishing.REMEDY}")
    assert reason != problem
    assert (attempt.outcome, attempt.sent_at, attempt.http_status, attempt.words) == ("not_sent", None, None, reason)
    assert not order.campaigns.exists()
    assert kinds(order)[2:] == ["order.claimed", "order.rejected"]
    assert (last_event(order).text, last_event(order).actor_kind) == (problem, "scheduler")
    assert last_event(order).data == {"attempt": 1, "worker": attempt.worker}
    assert attempt.finished_at == attempt.claimed_at


def test_numbers_its_attempts(author: User, flow: Flow) -> None:
    order = queued(author)
    flow.on_publish(says(429, {}), says(429, {}), flow.accepts())

    for hours in range(3):
        publish(order, NOW + timedelta(hours=hours))

    assert list(order.attempts.values_list("number", "outcome")) == [(1, "not_sent"), (2, "not_sent"), (3, "published")]
    assert order.attempts.aggregate(Max("order_version"))["order_version__max"] == 7
    assert len(flow.publishes) == 3
    assert Campaign.objects.get().attempt.number == 3
