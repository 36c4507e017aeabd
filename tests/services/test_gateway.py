from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from campaigns import gateway
from campaigns.domain.states import Action, Phase
from campaigns.flow import PublishRequest
from tests.services.building import at_once, draft, reload
from tests.services.flow_server import Flow


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("queued", Phase.QUEUED),
        ("in_progress", Phase.IN_PROGRESS),
        ("paused", Phase.PAUSED),
        ("active", Phase.LIVE),
        ("cancelled", Phase.CANCELLED),
        ("completed", Phase.COMPLETED),
        ("failed", Phase.FAILED),
        ("Active", Phase.UNRECOGNISED),
        ("active ", Phase.UNRECOGNISED),
        ("", Phase.UNRECOGNISED),
        ("live", Phase.UNRECOGNISED),
    ],
)
def test_reads_the_words_that_it_was_taught_and_no_others(settings: Settings, status: str, phase: Phase) -> None:
    settings.FLOW_STATUS_PAUSE, settings.FLOW_STATUS_RESUME, settings.FLOW_STATUS_CANCEL = (
        "paused",
        "active",
        "cancelled",
    )
    settings.FLOW_STATUS_PHASES = {"completed": "completed", "failed": "failed"}

    assert gateway.phase_of(status) is phase


def test_learns_words_from_the_settings(settings: Settings) -> None:
    settings.FLOW_STATUS_PAUSE, settings.FLOW_STATUS_RESUME, settings.FLOW_STATUS_CANCEL = "halt", "go", "kill"
    settings.FLOW_STATUS_PHASES = {"running": "live", "queued": "in_progress"}

    assert [gateway.status_for(action) for action in Action] == ["halt", "go", "kill"]
    words = ["halt", "go", "kill", "running", "queued", "paused", "active"]
    assert [gateway.phase_of(word) for word in words] == [
        Phase.PAUSED,
        Phase.LIVE,
        Phase.CANCELLED,
        Phase.LIVE,
        Phase.IN_PROGRESS,
        Phase.PAUSED,
        Phase.UNRECOGNISED,
    ]


def test_writes_times_in_utc_and_listings_in_one_order(author: User) -> None:
    johannesburg = timezone(timedelta(hours=2))
    order = reload(draft(author))
    order.start_at = datetime(2030, 6, 8, 11, 0, 0, 999_999, tzinfo=johannesburg)

    request = gateway.publish_request(order, order.listings.all())

    assert (request.start_date, request.end_date, request.agent_external_id) == ("2030-06-08T09:00:00Z", None, None)
    assert request.listing_external_ids == (order.listings.get().external_id,)


@given(st.decimals(min_value="0.01", max_value="9999999999.99", places=2))
def test_freezes_every_digit_of_a_budget(budget: Decimal) -> None:
    request = PublishRequest(plan_ref="p", listing_external_ids=("l",), branch_id="b", budget_override=budget)

    again = PublishRequest.from_json(request.canonical_json())

    assert again.budget_override == budget
    assert again.canonical_json() == request.canonical_json()
    assert f'"budgetOverride":{budget}' in request.canonical_json()
    assert gateway.sha256(again.canonical_json()) == gateway.sha256(request.canonical_json())


def test_makes_one_client_however_many_threads_ask_first(flow: Flow) -> None:
    clients = at_once(*[gateway.client] * 8)

    assert len({id(client) for client in clients}) == 1
