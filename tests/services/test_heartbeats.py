"""Signs of life: each part has one row that only moves forwards, and silence is noticed."""

import logging
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from campaigns import selectors
from campaigns.domain.heartbeats import Part
from campaigns.models import Campaign, Heartbeat, Order
from campaigns.services import heartbeats, syncing
from campaigns.services.heartbeats import beat
from tests.flow.nasty_server import says
from tests.services.building import DAY, MINUTE, NOW, SECOND, Clock, at_once, publish, queued, reload
from tests.services.flow_server import Flow
from tests.services.following import DUE, publish_campaign, sync
from tests.services.refusing import signs_refused

pytestmark = pytest.mark.django_db


def rows() -> dict[tuple[str, str], datetime]:
    return {(row.part, row.node): row.at for row in Heartbeat.objects.all()}


def late(now: datetime = NOW) -> list[Part]:
    return [part for part, sign in selectors.signs_of_life(now).items() if sign.late]


# Writing --------------------------------------------------------------------------------------------------------------
def test_each_part_and_each_worker_has_one_row_with_its_last_sign() -> None:
    for at in (NOW, NOW + SECOND):
        beat(Part.BEAT, "", at)
        beat(Part.WORKER, "one@here", at)
    beat(Part.WORKER, "two@there", NOW)
    assert rows() == {("beat", ""): NOW + SECOND, ("worker", "one@here"): NOW + SECOND, ("worker", "two@there"): NOW}


def test_an_older_sign_never_takes_the_place_of_a_younger_one() -> None:
    beat(Part.WORKER, "one@here", NOW)
    beat(Part.WORKER, "one@here", NOW - SECOND)
    assert rows() == {("worker", "one@here"): NOW}


def test_a_sign_from_the_future_gives_way_once_the_clock_is_set_back() -> None:
    beat(Part.BEAT, "", NOW + timedelta(hours=1))
    beat(Part.BEAT, "", NOW)
    assert rows() == {("beat", ""): NOW}


def test_a_sign_of_life_is_one_statement_but_for_the_first() -> None:
    beat(Part.WORKER, "one@here", NOW)
    with CaptureQueriesContext(connection) as queries:
        beat(Part.WORKER, "one@here", NOW + SECOND)
    assert len(queries) == 1


def test_a_new_worker_forgets_those_that_were_silent_for_a_day() -> None:
    beat(Part.WORKER, "gone@here", NOW - DAY - SECOND)
    beat(Part.WORKER, "silent@here", NOW - DAY)
    beat(Part.BEAT, "", NOW - 2 * DAY)
    beat(Part.PUBLISH, "", NOW - 2 * DAY)
    beat(Part.WORKER, "new@here", NOW)
    assert set(rows()) == {("beat", ""), ("publish", ""), ("worker", "silent@here"), ("worker", "new@here")}


@pytest.mark.django_db(transaction=True)
def test_eight_first_signs_at_once_make_one_row() -> None:
    done = at_once(*[lambda: beat(Part.WORKER, "one@here", NOW)] * 8)
    assert done == [None] * 8
    assert rows() == {("worker", "one@here"): NOW}


@pytest.mark.django_db(transaction=True)
def test_a_sign_that_cannot_be_written_is_told_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with signs_refused():
        with pytest.raises(DatabaseError):
            beat(Part.WORKER, "one@here", NOW)
        with caplog.at_level(logging.WARNING, "campaigns.services.heartbeats"):
            heartbeats.note(Part.WORKER, NOW, "one@here")
    (told,) = caplog.messages
    assert told.startswith("The sign of life of worker can't be written: ")
    assert told.endswith(". Its work goes on.")
    assert rows() == {}


# Reading --------------------------------------------------------------------------------------------------------------
def test_who_has_never_given_a_sign_is_late() -> None:
    signs = selectors.signs_of_life(NOW)
    assert {part: sign.last for part, sign in signs.items()} == dict.fromkeys(Part)
    assert late() == [Part.BEAT, Part.WORKER]


@pytest.mark.parametrize(("part", "allowed"), [(Part.BEAT, 60), (Part.WORKER, 150)])
def test_a_part_is_late_once_its_time_is_over(part: Part, allowed: int, settings: Settings) -> None:
    settings.CELERY_TASK_TIME_LIMIT = 105
    beat(part, "", NOW)
    assert part not in late(NOW + allowed * SECOND)
    assert part in late(NOW + (allowed + 1) * SECOND)


def test_workers_with_a_longer_time_limit_may_be_silent_for_longer(settings: Settings) -> None:
    settings.CELERY_TASK_TIME_LIMIT = 600
    beat(Part.WORKER, "one@here", NOW)
    assert Part.WORKER not in late(NOW + 645 * SECOND)
    assert Part.WORKER in late(NOW + 646 * SECOND)


def test_one_worker_that_works_is_enough() -> None:
    beat(Part.BEAT, "", NOW)
    beat(Part.WORKER, "works@here", NOW)
    beat(Part.WORKER, "deaf@here", NOW - timedelta(hours=1))
    assert late() == []
    sign = selectors.signs_of_life(NOW)[Part.WORKER]
    assert (sign.last, sign.node) == (NOW, "works@here")


def test_a_sign_from_the_future_is_not_believed() -> None:
    beat(Part.BEAT, "", NOW + MINUTE)
    beat(Part.WORKER, "one@here", NOW + MINUTE + SECOND)
    assert late() == [Part.WORKER]


def test_publishing_and_syncing_may_rest_for_as_long_as_they_like() -> None:
    for part in (Part.BEAT, Part.WORKER):
        beat(part, "", NOW)
    for part in (Part.PUBLISH, Part.SYNC):
        beat(part, "", NOW - 300 * DAY)
    assert late() == []
    assert selectors.signs_of_life(NOW)[Part.SYNC].last == NOW - 300 * DAY


def test_all_signs_are_read_with_one_query() -> None:
    for number in range(5):
        beat(Part.WORKER, f"{number}@here", NOW)
    with CaptureQueriesContext(connection) as queries:
        selectors.signs_of_life(NOW)
    assert len(queries) == 1


# The last publish and the last sync -----------------------------------------------------------------------------------
@pytest.mark.parametrize("status", [202, 400, 502], ids=["published", "rejected", "in doubt"])
def test_an_order_that_was_sent_is_the_last_publish(flow: Flow, author: User, status: int) -> None:
    flow.on_publish(flow.accepts() if status == 202 else says(status, {"error": "no"}))
    publish(queued(author), NOW + MINUTE)
    assert rows() == {("publish", ""): NOW + MINUTE}


def test_an_order_that_was_not_sent_is_no_publish(flow: Flow, author: User) -> None:
    order = queued(author)
    flow.on_publish(says(429, {"error": "slow down"}))
    assert publish(order).outcome == "not_sent"
    assert publish(order).outcome == "skipped"  # its back-off is not over
    assert rows() == {}


def test_a_campaign_of_which_flow_told_is_the_last_sync(flow: Flow, author: User) -> None:
    publish_campaign(flow, author)
    assert sync(DUE).checked == 1
    assert rows()["sync", ""] == DUE


def test_a_sync_in_which_flow_told_of_no_campaign_is_no_sync(flow: Flow, author: User) -> None:
    campaign = publish_campaign(flow, author)
    assert sync(NOW).checked == 0  # nobody is due
    del flow.statuses[campaign.tracking_id]
    assert sync(DUE).failed == 1
    assert ("sync", "") not in rows()


@pytest.mark.django_db(transaction=True)
def test_a_sign_that_fails_undoes_neither_a_publish_nor_a_sync(flow: Flow, author: User) -> None:
    order = queued(author)
    flow.on_publish(flow.accepts("queue_abc", status="active"))
    flow.statuses["queue_abc"] = "active"
    with signs_refused():
        assert publish(order).outcome == "published"
        assert syncing.check_now([Campaign.objects.get().pk], clock=Clock(DUE)).checked == 1
    assert reload(order).state == "published"
    assert Campaign.objects.get().checked_at == DUE
    assert len(flow.publishes) == 1


# Orders that nobody takes ---------------------------------------------------------------------------------------------
def test_orders_whose_turn_came_long_ago_are_counted_and_those_without_one(author: User) -> None:
    long_ago, lately, waits, never = (queued(author) for _ in range(4))
    for order, due in ((long_ago, NOW - 5 * MINUTE), (lately, NOW - 5 * MINUTE + SECOND), (waits, NOW + MINUTE)):
        Order.objects.filter(pk=order.pk).update(next_attempt_at=due)
    Order.objects.filter(pk=never.pk).update(next_attempt_at=None)
    assert selectors.overdue_orders(NOW) == (2, NOW - 5 * MINUTE)
    assert selectors.overdue_orders(NOW - MINUTE) == (1, None)
