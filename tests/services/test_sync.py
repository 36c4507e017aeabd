"""Following campaigns: who is asked about and when, what is written, and what happens when Flow does not answer."""

import threading
import time
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from campaigns.domain.heartbeats import Part
from campaigns.domain.states import Action
from campaigns.models import Campaign, Event, Hold
from campaigns.services import heartbeats, syncing
from tests.flow.nasty_server import Peer, Play, Received, black_hole, delayed, falls_silent, says
from tests.services.building import LEASE, MINUTE, NOW, SECOND, Clock, at_once
from tests.services.flow_server import API_KEY, TOKEN, Flow, meanwhile
from tests.services.following import (
    DUE,
    again,
    ask,
    check,
    commander,
    new_client,
    publish_campaign,
    publish_campaigns,
    sync,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
REFUSES = says(400, {"error": "no"})


@pytest.fixture
def campaign(flow: Flow, author: User) -> Campaign:
    """A campaign that was live when it was published."""
    return publish_campaign(flow, author)


def ids(campaigns: list[Campaign]) -> list[str]:
    return sorted(campaign.tracking_id for campaign in campaigns)


def test_only_campaigns_that_are_due_are_asked_about(flow: Flow, author: User) -> None:
    due, later, never = publish_campaigns(flow, author, 3)
    Campaign.objects.filter(pk=later.pk).update(next_check_at=DUE + SECOND)
    Campaign.objects.filter(pk=never.pk).update(next_check_at=None)
    assert sync(DUE).checked == 1
    assert flow.asked == [due.tracking_id]


def test_a_sync_asks_batch_by_batch_until_nobody_is_due(
    flow: Flow, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "BATCH", 3)
    campaigns = publish_campaigns(flow, author, 7)
    assert sync().checked == 7
    assert sorted(flow.asked) == ids(campaigns)


def test_those_who_wait_longest_are_asked_about_first(
    flow: Flow, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "BATCH", 1)
    campaigns = publish_campaigns(flow, author, 3)
    for number, campaign in enumerate(campaigns):
        Campaign.objects.filter(pk=campaign.pk).update(next_check_at=NOW - number * MINUTE)
    sync()
    assert flow.asked == [campaign.tracking_id for campaign in reversed(campaigns)]


def test_no_batch_begins_once_the_time_is_up(flow: Flow, campaign: Campaign) -> None:
    assert syncing.sync_due(clock=Clock(DUE), stop_after=0).checked == 0
    assert flow.asked == []


def test_a_sync_asks_about_each_campaign_once_however_long_it_takes(flow: Flow, author: User) -> None:
    campaigns = publish_campaigns(flow, author, 4)
    flow.on_status(REFUSES)
    moment = DUE

    def clock() -> datetime:
        nonlocal moment
        moment += HOUR
        return moment

    assert syncing.sync_due(clock=clock, stop_after=float("inf")).failed == 4
    assert sorted(flow.asked) == ids(campaigns)


def test_a_campaign_scheduled_while_the_clock_was_ahead_does_not_wait_for_it(flow: Flow, author: User) -> None:
    due, ahead, hourly = publish_campaigns(flow, author, 3)
    Campaign.objects.filter(pk=ahead.pk).update(next_check_at=DUE + timedelta(minutes=68))
    Campaign.objects.filter(pk=hourly.pk).update(next_check_at=DUE + timedelta(minutes=66))
    assert sync(DUE).checked == 2
    assert flow.asked == [due.tracking_id, ahead.tracking_id]
    next_check_at = again(ahead).next_check_at
    assert next_check_at is not None
    assert DUE < next_check_at <= DUE + timedelta(minutes=66)


@pytest.mark.django_db(transaction=True)
def test_two_syncs_at_once_ask_about_each_campaign_once(flow: Flow, author: User) -> None:
    campaigns = publish_campaigns(flow, author, 40)
    flow.on_status(delayed(says(200, {"status": "active"}), 0.02))
    results = at_once(*[sync] * 3)
    assert sorted(flow.asked) == ids(campaigns)
    assert sum(result.checked for result in results if isinstance(result, syncing.SyncResult)) == 40


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_sync_waits_for_nobody_who_holds_a_campaign_and_leaves_that_one_to_the_next(flow: Flow, author: User) -> None:
    held, free = publish_campaigns(flow, author, 2)
    with transaction.atomic():
        Campaign.objects.select_for_update().get(pk=held.pk)
        (result,) = at_once(sync)
    assert isinstance(result, syncing.SyncResult)
    assert result.checked == 1
    assert flow.asked == [free.tracking_id]
    assert sync().checked == 1
    assert flow.asked == [free.tracking_id, held.tracking_id]


@pytest.mark.django_db(transaction=True)
def test_the_later_of_two_polls_is_written_and_the_earlier_dropped(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(meanwhile(lambda: check(campaign), says(200, {"status": "queued"})), says(200, {"status": "paused"}))
    assert sync().checked == 0
    assert again(campaign).phase == "paused"
    assert list(campaign.events.filter(kind="campaign.status").values_list("text", flat=True)) == [
        "Flow: active → paused (paused)."
    ]


@pytest.mark.django_db(transaction=True)
def test_an_answer_from_before_a_command_is_dropped_and_flow_is_asked_again(flow: Flow, campaign: Campaign) -> None:
    commander()
    flow.on_status(
        meanwhile(lambda: ask(campaign, Action.CANCEL, now=DUE + SECOND), says(200, {"status": "paused"})),
        says(200, {"status": "active"}),
    )
    assert sync(DUE).checked == 0
    now = again(campaign)
    assert (now.phase, now.flow_status, now.checked_at) == ("live", "active", None)
    assert (now.next_check_at, now.poll_mark) == (DUE + SECOND, "")
    assert sync(DUE + SECOND).checked == 1


def test_a_worker_that_dies_in_a_sync_leaves_its_campaigns_due_after_the_lease(flow: Flow, campaign: Campaign) -> None:
    Campaign.objects.update(poll_mark="of-the-dead", next_check_at=DUE + LEASE)
    assert sync(DUE + LEASE - SECOND).checked == 0
    assert sync(DUE + LEASE).checked == 1


def test_a_change_is_written_with_its_event(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(says(200, {"status": "paused", "message": "By the agent.", "campaign_id": "camp_1"}))
    result = sync(DUE)
    assert (result.checked, result.changed, result.failed) == (1, 1, 0)
    now = again(campaign)
    assert (now.flow_status, now.phase, now.message, now.flow_campaign_id) == (
        "paused",
        "paused",
        "By the agent.",
        "camp_1",
    )
    assert (now.checked_at, now.changed_at, now.poll_mark) == (DUE, DUE, "")
    event = campaign.events.get(kind="campaign.status")
    assert event.text == "Flow: active → paused (paused). By the agent."
    assert event.data == {"flow_status": ["active", "paused"], "phase": ["live", "paused"]}
    assert (event.at, event.actor_kind, event.order_id) == (DUE, "flow", campaign.order_id)


def test_a_new_message_alone_is_no_new_phase(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(says(200, {"status": "active", "message": "Half of the budget is spent."}))
    assert sync().changed == 1
    now = again(campaign)
    assert (now.message, now.changed_at) == ("Half of the budget is spent.", NOW)
    assert campaign.events.get(kind="campaign.status").text == "Flow: active (live). Half of the budget is spent."


def test_what_did_not_change_gets_new_times_and_nothing_else(flow: Flow, author: User) -> None:
    same, changed = publish_campaigns(flow, author, 2)
    flow.statuses[changed.tracking_id] = "paused"
    with CaptureQueriesContext(connection) as queries:
        result = sync()
    assert (result.checked, result.changed) == (2, 1)
    in_bulk = ('INTO "campaigns_campaign"', 'UPDATE "campaigns_campaign" AS old')
    writes = [query["sql"] for query in queries if any(words in query["sql"] for words in in_bulk)]
    times, news = (sql.partition(" SET ")[2].partition(" FROM ")[0] for sql in writes)
    news_columns = ("flow_status", "phase", "message", "flow_campaign_id", "changed_at")
    assert [column for column in news_columns if f'"{column}"' in times] == []
    assert [column for column in news_columns if f'"{column}"' in news] == list(news_columns)
    assert Event.objects.filter(kind="campaign.status").count() == 1
    assert (again(same).checked_at, again(same).changed_at) == (DUE, same.changed_at)
    assert (again(changed).checked_at, again(changed).phase) == (DUE, "paused")


@pytest.mark.parametrize("status", ["active", "paused"])
def test_the_number_of_queries_does_not_grow_with_the_campaigns(
    flow: Flow, author: User, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    monkeypatch.setattr(syncing, "HEED_EVERY", 60.0)  # a slow machine would look for a 429 of others more often
    heartbeats.note(Part.SYNC, NOW)  # a part's first sign of life takes more
    for number in (5, 40):  # 43 rows fit into one statement of SQLite's 999 parameters
        campaigns = publish_campaigns(flow, author, number)
        flow.statuses.update(dict.fromkeys(ids(campaigns), status))
        with CaptureQueriesContext(connection) as queries:
            assert sync().checked == number
        Campaign.objects.update(next_check_at=None)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] < 24


def test_a_word_that_nobody_taught_us_is_kept_and_followed_on(flow: Flow, campaign: Campaign) -> None:
    word = "<script>alert('launching & co')</script>"
    flow.on_status(says(200, {"status": word, "message": "<b>soon</b>"}))
    sync()
    now = again(campaign)
    assert (now.flow_status, now.phase, now.message) == (word, "unrecognised", "<b>soon</b>")
    assert now.next_check_at is not None


@pytest.mark.parametrize("word", ["Completed", "ACTIVE", " active", "complete", "success", "done"])
def test_a_word_that_only_looks_like_a_known_one_is_no_success(flow: Flow, campaign: Campaign, word: str) -> None:
    flow.on_status(says(200, {"status": word}))
    sync()
    assert again(campaign).phase == "unrecognised"


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"message": None, "campaign_id": None},
        {"message": 7, "campaign_id": {"id": 1}},
        {"message": ["a"], "campaign_id": 12.5, "more": "fields"},
    ],
)
def test_odd_fields_beside_the_status_count_as_missing(flow: Flow, campaign: Campaign, extra: dict[str, Any]) -> None:
    flow.on_status(says(200, {"status": "paused", **extra}))
    assert sync().changed == 1
    now = again(campaign)
    assert (now.phase, now.message, now.flow_campaign_id) == ("paused", "", "")


def test_a_campaign_id_is_not_forgotten_when_flow_leaves_it_out(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(says(200, {"status": "active", "campaign_id": "camp_7"}), says(200, {"status": "active"}))
    sync(DUE)
    assert check(campaign, now=DUE + MINUTE).changed == 0
    assert again(campaign).flow_campaign_id == "camp_7"


def test_texts_that_no_database_can_hold_are_cut_and_cleaned(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(says(200, {"status": "x" * 400, "message": "a\0b", "campaign_id": "c" * 400}))
    assert sync().checked == 1
    now = again(campaign)
    assert (now.flow_status, now.message, now.flow_campaign_id) == ("x" * 255, "a�b", "c" * 255)


@pytest.mark.parametrize(
    "answer",
    [
        says(200, {"status": None}),
        says(200, {"status": ""}),
        says(200, {"status": 5}),
        says(200, {"message": "hello"}),
        says(200, ["active"]),
        says(200, b"<h1>active</h1>"),
        says(204, b""),
        says(400, {"error": "bad"}),
        says(302, b"", Location="/"),
    ],
)
def test_an_answer_without_a_status_leaves_the_last_one_and_names_the_problem(
    flow: Flow, campaign: Campaign, answer: Play
) -> None:
    flow.on_status(answer)
    result = sync(DUE)
    assert (result.checked, result.changed, result.failed) == (0, 0, 1)
    now = again(campaign)
    assert (now.phase, now.flow_status, now.checked_at, now.missing_since) == ("live", "active", None, None)
    assert (now.failures, now.next_check_at) == (1, DUE + 30 * SECOND)
    assert now.problem == result.problems[campaign.tracking_id]
    assert "Flow" in now.problem
    assert not campaign.events.filter(kind="campaign.status").exists()


def test_failures_back_off_up_to_a_quarter_of_an_hour_and_success_forgets_them(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(REFUSES)
    now, waits = DUE, []
    for _ in range(8):
        sync(now)
        due = again(campaign).next_check_at
        assert due
        waits.append((due - now).total_seconds())
        now = due
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    flow.on_status(says(200, {"status": "active"}))
    sync(now)
    after = again(campaign)
    assert (after.failures, after.problem, after.checked_at) == (0, "", now)


def test_a_flow_that_is_not_there_is_a_problem_without_secrets(
    flow: Flow, campaign: Campaign, settings: Settings
) -> None:
    with black_hole() as nowhere:
        settings.FLOW_BASE_URL, settings.FLOW_CONNECT_TIMEOUT, settings.FLOW_DEADLINE = nowhere, 0.1, 0.5
        new_client()
        assert sync().failed == 1
    problem = again(campaign).problem
    assert problem.startswith("Flow at 127.0.0.1 could not be reached")
    assert API_KEY not in problem
    assert TOKEN not in problem
    assert again(campaign).phase == "live"


def test_a_campaign_that_flow_does_not_know_is_asked_about_again_and_needs_attention_after_half_an_hour(
    flow: Flow, campaign: Campaign
) -> None:
    del flow.statuses[campaign.tracking_id]
    sync(DUE)
    young = again(campaign)
    assert (young.missing_since, young.phase, young.failures) == (DUE, "live", 1)
    assert young.problem == "Flow does not know this campaign; it is asked again."
    assert young.next_check_at == DUE + 30 * SECOND
    check(campaign, now=DUE + 29 * MINUTE)
    assert again(campaign).problem == "Flow does not know this campaign; it is asked again."
    check(campaign, now=DUE + 30 * MINUTE)
    old = again(campaign)
    assert old.problem == "Flow has not known this campaign for 30 minutes. Ask Flow what became of it."
    assert old.missing_since == DUE
    flow.statuses[campaign.tracking_id] = "active"
    check(campaign, now=DUE + 31 * MINUTE)
    found = again(campaign)
    assert (found.missing_since, found.problem, found.failures) == (None, "", 0)


def test_a_429_stops_the_batch_and_holds_everybody(flow: Flow, author: User, settings: Settings) -> None:
    settings.FLOW_CONCURRENCY = 1
    new_client()
    campaigns = publish_campaigns(flow, author, 6)
    fine, until = says(200, {"status": "active"}), DUE + 90 * SECOND
    flow.on_status(fine, fine, says(429, {"error": "slow down"}, Retry_After="90"), fine)
    result = sync(DUE)
    assert (result.checked, result.failed, result.held_until, result.problems) == (2, 4, until, {})
    assert len(flow.asked) == 3
    assert Campaign.objects.filter(next_check_at=until, failures=0, problem="").count() == 4
    assert Hold.objects.get().until == until
    assert syncing.mark_due([campaigns[0].pk], now=DUE) == 1
    held = sync(until - SECOND)
    assert (held.checked, held.held_until) == (0, until)
    assert check(*campaigns, now=until - SECOND).held_until == until
    assert len(flow.asked) == 3
    assert sync(until).checked == 4
    assert set(flow.asked) == set(ids(campaigns))


@pytest.mark.django_db(transaction=True)
def test_a_shorter_wait_never_shortens_a_longer_one(flow: Flow, campaign: Campaign) -> None:
    Hold.objects.create(pk=Hold.SINGLETON, until=DUE)
    flow.on_status(
        meanwhile(lambda: Hold.objects.update(until=DUE + HOUR), says(429, b"", Retry_After="5")),
        says(200, {"status": "active"}),
    )
    assert sync(DUE).held_until == DUE + HOUR
    assert again(campaign).next_check_at == DUE + HOUR


@pytest.mark.django_db(transaction=True)
def test_a_batch_under_way_heeds_a_429_that_another_process_got(flow: Flow, author: User, settings: Settings) -> None:
    settings.FLOW_CONCURRENCY = 1
    new_client()
    publish_campaigns(flow, author, 4)
    Hold.objects.create(pk=Hold.SINGLETON)
    until = DUE + 90 * SECOND

    def another_process_is_told_to_wait() -> None:
        Hold.objects.update(until=until)
        time.sleep(3 * syncing.HEED_EVERY)

    flow.on_status(meanwhile(another_process_is_told_to_wait, says(200, {"status": "active"})))
    result = sync(DUE)
    assert (result.checked, result.held_until, len(flow.asked)) == (1, until, 1)
    assert Campaign.objects.filter(next_check_at=until, failures=0, problem="").count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_429_is_told_to_the_others_although_another_answer_of_the_batch_is_slow(
    flow: Flow, author: User, settings: Settings
) -> None:
    settings.FLOW_CONCURRENCY = 2
    new_client()
    publish_campaigns(flow, author, 2)
    told: list[datetime | None] = []

    def slowly() -> None:
        ends = time.monotonic() + 10
        while time.monotonic() < ends and not Hold.objects.filter(until__isnull=False).exists():
            time.sleep(0.05)
        told.append(Hold.objects.values_list("until", flat=True).first())

    flow.on_status(meanwhile(slowly, says(200, {"status": "active"})), says(429, b"", Retry_After="90"))
    sync(DUE)
    assert told == [DUE + 90 * SECOND]


def test_a_429_that_asks_for_no_wait_at_all_ends_the_sync_all_the_same(flow: Flow, campaign: Campaign) -> None:
    flow.on_status(says(429, b"", Retry_After="0"), says(200, {"status": "active"}))
    assert sync(DUE).held_until == DUE
    assert len(flow.asked) == 1
    assert sync(DUE).checked == 1


@pytest.mark.parametrize(
    ("word", "phase"), [("completed", "completed"), ("cancelled", "cancelled"), ("failed", "failed")]
)
def test_a_final_campaign_is_never_asked_about_again(flow: Flow, campaign: Campaign, word: str, phase: str) -> None:
    flow.statuses[campaign.tracking_id] = word
    sync(DUE)
    assert (again(campaign).phase, again(campaign).next_check_at) == (phase, None)
    assert sync(DUE + 365 * 24 * HOUR).checked == 0
    assert len(flow.asked) == 1


ANSWERS = {
    "the same": says(200, {"status": "completed"}),
    "no": REFUSES,
    "404": says(404, {"error": "campaign not found"}),
    "429": says(429, b""),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_final_campaign_can_be_checked_by_hand_and_stays_final(flow: Flow, campaign: Campaign, answer: Play) -> None:
    flow.statuses[campaign.tracking_id] = "completed"
    sync(DUE)
    flow.on_status(answer)
    check(campaign, now=DUE + HOUR)
    assert len(flow.asked) == 2
    assert (again(campaign).phase, again(campaign).next_check_at) == ("completed", None)


def test_a_final_campaign_that_flow_calls_live_again_is_followed_again(flow: Flow, campaign: Campaign) -> None:
    flow.statuses[campaign.tracking_id] = "failed"
    sync(DUE)
    flow.statuses[campaign.tracking_id] = "active"
    assert check(campaign, now=DUE + HOUR).changed == 1
    now = again(campaign)
    assert now.phase == "live"
    assert now.next_check_at is not None


def test_checking_by_hand_asks_whoever_is_named_due_or_not(flow: Flow, author: User) -> None:
    first, second, third = publish_campaigns(flow, author, 3)
    assert check(first, third, now=NOW).checked == 2
    assert sorted(flow.asked) == ids([first, third])
    assert again(second).checked_at is None


def test_checking_nobody_asks_nobody(flow: Flow, campaign: Campaign) -> None:
    assert check() == syncing.SyncResult()
    assert flow.asked == []


def test_one_that_fails_does_not_keep_the_others_from_being_written(flow: Flow, author: User) -> None:
    good, missing, bad = publish_campaigns(flow, author, 3)
    del flow.statuses[missing.tracking_id]
    flow.statuses |= {good.tracking_id: "paused", bad.tracking_id: ""}
    result = sync()
    assert (result.checked, result.changed, result.failed) == (1, 1, 2)
    assert set(result.problems) == {missing.tracking_id, bad.tracking_id}
    assert again(good).phase == "paused"


def test_at_most_as_many_calls_as_set_are_under_way_at_once(flow: Flow, author: User, settings: Settings) -> None:
    settings.FLOW_CONCURRENCY = 3
    new_client()
    publish_campaigns(flow, author, 12)
    lock, under_way, most = threading.Lock(), 0, 0

    def count(peer: Peer, request: Received) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(0.05)
        with lock:
            under_way -= 1
        says(200, {"status": "active"})(peer, request)

    flow.on_status(count)
    assert sync().checked == 12
    assert most == 3


def test_all_threads_share_one_token_and_one_pool_of_connections(flow: Flow, author: User, settings: Settings) -> None:
    settings.FLOW_CONCURRENCY = 4
    new_client()
    publish_campaigns(flow, author, 24)
    new_client()
    tokens, connections = len(flow.server.at("token")), flow.server.connections
    assert sync().checked == 24
    assert len(flow.server.at("token")) == tokens + 1
    assert flow.server.connections <= connections + 1 + 4


def test_a_process_begins_no_more_calls_in_a_second_than_set(flow: Flow, author: User, settings: Settings) -> None:
    publish_campaigns(flow, author, 14)
    settings.FLOW_MAX_PER_SECOND = 5
    new_client()
    begun = time.monotonic()
    assert sync().checked == 14
    assert time.monotonic() - begun > 1.9  # 15 calls with the token's: three seconds' worth, the first of them at once


def test_a_flow_that_answers_too_slowly_does_not_keep_a_batch_from_being_written(
    flow: Flow, author: User, settings: Settings
) -> None:
    campaigns = publish_campaigns(flow, author, 12)
    settings.FLOW_CONCURRENCY, settings.FLOW_DEADLINE, settings.FLOW_READ_TIMEOUT = 2, 0.6, 0.5
    new_client()
    flow.on_status(falls_silent())
    result = syncing.sync_due(clock=Clock(DUE), stop_after=0.1)
    asked = set(flow.asked)
    assert 2 <= len(asked) <= 4
    assert (result.checked, result.failed, result.held_until) == (0, 12, None)
    not_asked = [campaign.tracking_id for campaign in campaigns if campaign.tracking_id not in asked]
    assert {result.problems[each] for each in not_asked} == {"Not asked: Flow answers too slowly. It is asked soon."}
    assert Campaign.objects.filter(tracking_id__in=not_asked, failures=0, problem="", next_check_at=DUE).count() == len(
        not_asked
    )
    assert Campaign.objects.filter(tracking_id__in=asked, failures=1, next_check_at=DUE + 30 * SECOND).count() == len(
        asked
    )


def test_a_live_campaign_is_asked_about_hourly_and_keeps_its_interval(flow: Flow, campaign: Campaign) -> None:
    sync(DUE)
    now = again(campaign)
    assert now.next_check_at
    assert 54 * MINUTE <= now.next_check_at - DUE <= 66 * MINUTE
    assert now.check_interval == now.next_check_at - DUE


def test_polls_of_a_waiting_campaign_grow_slower_until_every_five_minutes(flow: Flow, author: User) -> None:
    campaign = publish_campaign(flow, author, status="in_progress")
    Campaign.objects.update(created_at=F("created_at") - HOUR)
    now, waits = DUE, []
    for _ in range(40):
        sync(now)
        due = again(campaign).next_check_at
        assert due
        waits.append((due - now).total_seconds())
        now = due
    assert 27 <= waits[0] <= 40
    assert max(waits) <= 330
    assert sum(waits[-10:]) / 10 > 250
    assert all(later <= earlier * 1.15 * 1.1 + 1 for earlier, later in pairwise(waits))
