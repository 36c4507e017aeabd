"""Which event is an alert about what, what ends one, and when its mail is due."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns.domain.alerts import (
    CONCERNS,
    GOOD_NEWS,
    TITLES,
    AlertKind,
    Channel,
    channels,
    ended_by,
    kind_of,
    last_digest,
    mail_due,
)

K = AlertKind
YES = {"tracking_ids": ["queue_1"]}
JOHANNESBURG = ZoneInfo("Africa/Johannesburg")


@pytest.mark.parametrize(
    ("event", "data", "state", "problem", "kind"),
    [
        ("order.in_doubt", {}, "unknown", "x", K.DOUBT),
        ("order.rejected", {}, "rejected", "x", K.REJECTED),
        ("order.not_approved", {}, "draft", "Too dear.", K.NOT_APPROVED),
        ("order.not_approved", {}, "awaiting_approval", "", None),
        ("order.stuck", {}, "queued", "", K.STUCK),
        ("order.commented", {}, "draft", "", K.MENTIONED),
        ("order.submitted", {}, "awaiting_approval", "", K.APPROVAL),
        ("order.submitted", {}, "queued", "", None),
        ("order.published", {}, "published", "", K.PUBLISHED),
        ("order.published", {}, "published", "Flow published this order twice", K.DOUBT),
        ("order.late_answer", YES, "published", "", K.PUBLISHED),
        ("order.late_answer", YES, "draft", "It is live already", K.DOUBT),
        ("order.late_answer", YES, "queued", "", None),
        ("order.late_answer", {"tracking_ids": []}, "unknown", "Nobody knows", K.DOUBT),
        ("order.late_answer", {"tracking_ids": []}, "queued", "Flow could not be reached", None),
        ("order.late_answer", {"tracking_ids": []}, "published", "", None),
        ("order.settled", {"resolution": "live"}, "published", "", K.PUBLISHED),
        ("order.settled", {"resolution": "live"}, "published", "Flow published this order twice", K.DOUBT),
        ("order.settled", {"resolution": "abandon"}, "cancelled", "It is live already", K.DOUBT),
        ("order.settled", {"resolution": "not_live"}, "queued", "", None),
        ("order.settled", {"resolution": "not_live"}, "queued", "Flow could not be reached", None),
        ("order.settled", {"resolution": "not_live"}, "published", "", None),
        ("campaign.pause_proposed", {}, "published", "", K.PAUSE_PROPOSED),
        ("campaign.pause_failed", {}, "published", "", K.COMMAND_FAILED),
        ("campaign.resume_failed", {}, "published", "", K.COMMAND_FAILED),
        ("campaign.cancel_failed", {}, "published", "", K.COMMAND_FAILED),
        ("campaign.cancel_confirmed", {}, "published", "", None),
        ("campaign.status", {"phase": ["queued", "live"]}, "published", "", K.LIVE),
        ("campaign.status", {"phase": ["live", "live"]}, "published", "", None),
        ("campaign.status", {"phase": ["live", "failed"]}, "published", "", K.CAMPAIGN_FAILED),
        ("campaign.status", {"phase": ["live", "completed"]}, "published", "", K.COMPLETED),
        ("campaign.status", {"phase": ["live", "unrecognised"]}, "published", "", None),
        ("order.edited", {}, "draft", "", None),
        ("a kind to come", {}, "draft", "", None),
    ],
)
def test_an_event_is_an_alert_about(event: str, data: dict[str, Any], state: str, problem: str, kind: Any) -> None:
    assert kind_of(event, data, state, problem) is kind


@pytest.mark.parametrize(
    ("event", "state", "kinds"),
    [
        ("order.submitted", "queued", {K.NOT_APPROVED}),
        ("order.approved", "queued", {K.APPROVAL}),
        ("order.not_approved", "draft", {K.APPROVAL}),
        ("order.returned", "draft", {K.APPROVAL, K.STUCK, K.REJECTED}),
        ("order.cancelled", "cancelled", {K.APPROVAL, K.STUCK, K.REJECTED, K.NOT_APPROVED}),
        ("order.claimed", "publishing", {K.STUCK}),
        ("order.settled", "queued", {K.DOUBT}),
        ("order.late_answer", "published", {K.DOUBT}),
        ("order.late_answer", "unknown", set()),
        ("order.late_answer", "draft", {K.DOUBT, K.APPROVAL, K.STUCK, K.REJECTED}),
        ("campaign.pause_asked", "published", {K.COMMAND_FAILED}),
        ("order.commented", "draft", set()),
    ],
)
def test_an_event_ends_what_nobody_waits_for_any_more(event: str, state: str, kinds: set[AlertKind]) -> None:
    assert ended_by(event, state) == kinds


def test_every_kind_has_a_title_and_concerns_somebody() -> None:
    assert set(TITLES) == set(CONCERNS) == set(AlertKind)


def test_doubt_and_mentions_alone_cannot_be_switched_off() -> None:
    assert {kind for kind in AlertKind if Channel.OFF not in channels(kind)} == {K.DOUBT, K.MENTIONED}


def test_failures_are_mailed_at_once_successes_in_the_digest_and_doubt_by_its_reminders() -> None:
    assert {kind for kind, concern in CONCERNS.items() if concern.channel is Channel.DIGEST} == {
        K.PUBLISHED,
        K.LIVE,
        K.COMPLETED,
    }
    assert {kind for kind, concern in CONCERNS.items() if concern.channel is not Channel.AT_ONCE} == {
        K.PUBLISHED,
        K.LIVE,
        K.COMPLETED,
        K.DOUBT,
    }


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2030, 1, 1, 4, 59, tzinfo=UTC), datetime(2030, 1, 1, 5, 0, tzinfo=UTC)),
        (datetime(2030, 1, 1, 5, 0, tzinfo=UTC), datetime(2030, 1, 2, 5, 0, tzinfo=UTC)),
        (datetime(2030, 12, 31, 23, 0, tzinfo=UTC), datetime(2031, 1, 1, 5, 0, tzinfo=UTC)),
    ],
)
def test_a_digest_is_due_at_the_next_seven_in_the_morning(now: datetime, due: datetime) -> None:
    assert mail_due(Channel.DIGEST, now, JOHANNESBURG) == due


def test_a_digest_comes_at_seven_also_on_the_day_on_which_the_clocks_change() -> None:
    before = datetime(2030, 3, 30, 12, 0, tzinfo=UTC)
    assert mail_due(Channel.DIGEST, before, ZoneInfo("Europe/London")) == datetime(2030, 3, 31, 6, 0, tzinfo=UTC)


def test_a_digest_is_for_the_morning_where_its_readers_are_whatever_day_the_machine_has() -> None:
    evening_at_home = datetime(2030, 1, 1, 19, 0, tzinfo=UTC)
    assert mail_due(Channel.DIGEST, evening_at_home, ZoneInfo("Pacific/Auckland")) == datetime(
        2030, 1, 2, 18, 0, tzinfo=UTC
    )


def test_what_went_well_is_published_live_and_completed() -> None:
    assert GOOD_NEWS == ["completed", "live", "published"]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2030, 1, 1, 4, 59, tzinfo=UTC), datetime(2029, 12, 31, 5, 0, tzinfo=UTC)),
        (datetime(2030, 1, 1, 5, 0, tzinfo=UTC), datetime(2030, 1, 1, 5, 0, tzinfo=UTC)),
    ],
)
def test_the_last_digest_was_due_at_the_last_seven_in_the_morning(now: datetime, due: datetime) -> None:
    assert last_digest(now, JOHANNESBURG) == due


def test_at_once_is_now_and_the_rest_is_never() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert mail_due(Channel.AT_ONCE, now, JOHANNESBURG) == now
    assert mail_due(Channel.ADMIN, now, JOHANNESBURG) is None
