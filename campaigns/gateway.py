"""Between our settings and models on one side and Flow's types on the other: the only room that knows both."""

import hashlib
import os
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

from campaigns.domain.states import Action, Phase
from campaigns.flow import FlowConfig, PublishRequest
from campaigns.models import Listing, Order

if TYPE_CHECKING:
    from campaigns.flow import FlowClient

# Words that Flow's page shows in its examples.
DOCUMENTED_STATUSES = {"queued": Phase.QUEUED, "in_progress": Phase.IN_PROGRESS, "paused": Phase.PAUSED}

MOST_SLOW = 3  # calls that wait long for their answer, for each that may be under way otherwise

_making_the_client = threading.Lock()


def client() -> "FlowClient":
    """Return this process's client: one pool of connections and one token for all its threads."""
    with _making_the_client:  # threads that begin at the same time would each make one, with a token of its own
        return _client(os.getpid())


@cache
def _client(_process: int) -> "FlowClient":
    # Keyed by process, because a forked worker must share neither sockets nor the lock of its parent.
    from campaigns.flow import (
        FlowClient,
        Pace,
    )  # here, with requests and what else they need: not every process calls Flow

    pace = Pace(settings.FLOW_MAX_PER_SECOND, settings.FLOW_PACE_STORE)
    return FlowClient(
        FlowConfig(
            base_url=settings.FLOW_BASE_URL,
            organisation_id=settings.FLOW_ORGANISATION_ID,
            api_key=settings.FLOW_API_KEY,
            client_id=settings.FLOW_CLIENT_ID,
            request_type=settings.FLOW_REQUEST_TYPE,
            connect_timeout=settings.FLOW_CONNECT_TIMEOUT,
            read_timeout=settings.FLOW_READ_TIMEOUT,
            deadline=settings.FLOW_DEADLINE,
            pool_size=settings.FLOW_CONCURRENCY * (1 + MOST_SLOW),
            client_errors_are_unknown=settings.FLOW_CLIENT_ERRORS_ARE_UNKNOWN,
        ),
        before_request=lambda: pace.wait_for_turn(settings.FLOW_DEADLINE),
    )


def publish_request(order: Order, listings: Iterable[Listing]) -> PublishRequest:
    """Return what Flow is asked for: budgetOverride only where it differs from the plan's default, as Flow's page says."""
    override = order.budget_override
    return PublishRequest(
        plan_ref=order.plan.ref,
        listing_external_ids=tuple(sorted(listing.external_id for listing in listings)),
        branch_id=order.branch.external_id,
        agent_external_id=order.agent.external_id if order.agent else None,
        start_date=_flow_time(order.start_at),
        end_date=_flow_time(order.end_at),
        budget_override=None if override == order.plan.default_budget else override,
        order_ref=order.order_ref,
    )


def sha256(payload: str) -> str:
    """Return the hash under which a payload is frozen."""
    return hashlib.sha256(payload.encode()).hexdigest()


def phase_of(flow_status: str) -> Phase:
    """Return our reading of Flow's word, exactly as it is written; a word that nobody taught us is unrecognised."""
    known = {
        **DOCUMENTED_STATUSES,
        settings.FLOW_STATUS_PAUSE: Phase.PAUSED,
        settings.FLOW_STATUS_RESUME: Phase.LIVE,
        settings.FLOW_STATUS_CANCEL: Phase.CANCELLED,
        **{word: Phase(phase) for word, phase in settings.FLOW_STATUS_PHASES.items()},
    }
    return known.get(flow_status, Phase.UNRECOGNISED)


def status_for(action: Action) -> str:
    """Return the word with which Flow is asked for the action."""
    words = {
        Action.PAUSE: settings.FLOW_STATUS_PAUSE,
        Action.RESUME: settings.FLOW_STATUS_RESUME,
        Action.CANCEL: settings.FLOW_STATUS_CANCEL,
    }
    return str(words[action])


def _flow_time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
