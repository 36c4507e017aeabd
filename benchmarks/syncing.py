"""What `sync` runs in processes of their own: `python -m benchmarks.syncing WAY …`; each prints figures as JSON.

Each way begins anew: so many campaigns are due, and as far as the console knows Flow has never told of them.
"""

import json
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from benchmarks.console import until


def ours(count: int) -> dict[str, Any]:
    """Sync all that is due as the worker's task does, again until nothing is due; count the statements."""
    from django.db import connection
    from django.utils import timezone

    from campaigns import gateway
    from campaigns.models import Event
    from campaigns.services import syncing

    statements: list[str] = []

    def counted(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql.split(" ", 1)[0])
        return execute(sql, *rest)

    gateway.client().token()
    events, memory, since = Event.objects.count(), resident(), timezone.now()
    with connection.execute_wrapper(counted):
        began, used = time.perf_counter(), time.process_time()
        result = syncing.sync_due(stop_after=600)
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
    asked = first(count)
    if result.checked + result.failed != count or asked.exclude(poll_mark="").exists():
        raise SystemExit(f"Not every campaign was asked about: {result.checked} + {result.failed} of {count}.")
    return {
        "seconds": seconds,
        "cpu": cpu,
        "checked": result.checked,
        "changed": result.changed,
        "failed": result.failed,
        "statements": len(statements),
        "lines": Event.objects.count() - events,
        "prompt": last_but_for_slow_ones(count, since),
        "memory": resident() - memory,
    }


def again(count: int) -> dict[str, Any]:
    """Sync where Flow says what it said before; count the rows in which more than the times of checks is other than before."""
    from django.utils import timezone

    news = ("flow_status", "phase", "message", "flow_campaign_id", "changed_at", "problem")
    asked = first(count)
    before = set(asked.values_list("pk", *news))
    asked.update(next_check_at=timezone.now())
    figures = ours(count)
    return {**figures, "news": len(before ^ set(asked.values_list("pk", *news)))}


def last_but_for_slow_ones(count: int, since: datetime) -> float:
    """Return after how many seconds the last campaign was written that Flow does not keep waiting."""
    from benchmarks.slow_flow import fate

    told = first(count).filter(checked_at__gte=since).values_list("tracking_id", "checked_at")
    return max((at - since).total_seconds() for tracking_id, at in told if fate(tracking_id) != "slow")


def bare(count: int) -> dict[str, Any]:
    """Ask with a bare, tuned client: one session, as many threads, and nothing written."""
    import requests
    from django.conf import settings
    from requests.adapters import HTTPAdapter

    session, ids = requests.Session(), queue.SimpleQueue[str]()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=settings.FLOW_CONCURRENCY))
    for tracking_id in first(count).values_list("tracking_id", flat=True):
        ids.put(tracking_id)

    def ask() -> None:
        while True:
            try:
                tracking_id = ids.get_nowait()
            except queue.Empty:
                return
            address = f"{settings.FLOW_BASE_URL}/campaigns/status/{tracking_id}"
            session.get(address, headers={"Authorization": "Bearer a-token"}, timeout=20).json()

    threads = [threading.Thread(target=ask) for _ in range(settings.FLOW_CONCURRENCY)]
    began, used = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}


def reset(count: int) -> dict[str, Any]:
    """Make so many campaigns due, live and never heard of, and all others not due."""
    from django.db import connection
    from django.utils import timezone

    from campaigns.models import Campaign

    now = timezone.now()
    Campaign.objects.exclude(next_check_at=None).update(next_check_at=None)
    first(count).update(
        phase="queued",
        flow_status="queued",
        message="",
        flow_campaign_id="",
        poll_mark="",
        problem="",
        failures=0,
        checked_at=None,
        changed_at=now,
        next_check_at=now,
        check_interval=timedelta(seconds=30),
        created_at=now - timedelta(hours=1),
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=30),
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE campaigns_campaign")
    return {}


def peer(count: int) -> dict[str, Any]:
    """Send one message for each campaign to a worker that runs, and wait until all have been written."""
    from benchmarks.peer_worker import sync_one

    due = first(count).filter(checked_at=None)
    began = time.perf_counter()
    for pk in list(due.values_list("pk", flat=True)):
        sync_one.delay(pk)
    until(lambda: not due.exists(), lambda: f"the peer has left {due.count()} campaigns", patience=300, poll=0.05)
    return {"seconds": time.perf_counter() - began}


def first(count: int) -> Any:
    """Return the first campaigns."""
    from campaigns.models import Campaign

    return Campaign.objects.filter(pk__lte=Campaign.objects.order_by("pk").values_list("pk", flat=True)[count - 1])


def resident() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    import django

    django.setup()
    ways = {"ours": ours, "again": again, "bare": bare, "reset": reset, "peer": peer}
    print(json.dumps(ways[sys.argv[1]](int(sys.argv[2]))))
