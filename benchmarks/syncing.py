"""What `sync` runs in processes of their own: `python -m benchmarks.syncing WAY …`; each prints figures as JSON.

Each way begins anew: so many campaigns are due, and as far as the console knows Flow has never told of them.
"""

import json
import queue
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from benchmarks.console import until

PROCESSES = 2
"""As many children as a worker has on two processors."""


def ours(count: int) -> dict[str, Any]:
    """Sync all that is due, in as many processes as a worker has children by default."""
    from campaigns.models import Event

    events = Event.objects.count()
    figures = together("sync", count)
    if figures["checked"] + figures["failed"] != count or first(count).exclude(poll_mark="").exists():
        raise SystemExit(f"Not every campaign was asked about: {figures} of {count}.")
    prompt = last_but_for_slow_ones(count) - figures["began"]
    return {**figures, "lines": Event.objects.count() - events, "prompt": prompt}


def bare(count: int) -> dict[str, Any]:
    """Ask with a bare, tuned client in as many processes as ours."""
    return together("poll", count)


def together(way: str, count: int) -> dict[str, Any]:
    """Let processes do their part at the same time; return the seconds until the last has done, and the sum of all else."""
    argv = [sys.executable, "-m", "benchmarks.syncing", way]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    parts = [subprocess.Popen([*argv, f"{number}:{count}"], **pipes) for number in range(PROCESSES)]
    for part in parts:
        part.stdout.readline()  # it is ready
    began = time.time()
    for part in parts:
        part.stdin.write("go\n")
        part.stdin.flush()
    figures = [json.loads(part.stdout.readline()) for part in parts]
    seconds = time.time() - began
    for part in parts:
        part.communicate()
    return {**{key: sum(each[key] for each in figures) for key in figures[0]}, "seconds": seconds, "began": began}


def sync(_part: str) -> None:
    """Be one of the processes that sync: as the worker's task does, until nothing is due; count the statements."""
    from django.db import connection

    from campaigns import gateway
    from campaigns.services import syncing

    statements: list[str] = []

    def counted(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql.split(" ", 1)[0])
        return execute(sql, *rest)

    gateway.client().token()
    memory = resident()
    wait_for_the_others()
    with connection.execute_wrapper(counted):
        used, result = time.process_time(), syncing.sync_due(stop_after=600)
    told = {name: getattr(result, name) for name in ("checked", "changed", "failed")}
    cpu = time.process_time() - used
    print(json.dumps({**told, "cpu": cpu, "statements": len(statements), "memory": resident() - memory}), flush=True)


def poll(part: str) -> None:
    """Be one of the processes of the bare client: one session, as many threads, and nothing written."""
    import requests
    from django.conf import settings
    from requests.adapters import HTTPAdapter

    number, count = map(int, part.split(":"))
    session, ids = requests.Session(), queue.SimpleQueue[str]()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=settings.FLOW_CONCURRENCY))
    for tracking_id in list(first(count).values_list("tracking_id", flat=True))[number::PROCESSES]:
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
    wait_for_the_others()
    used = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"cpu": time.process_time() - used}), flush=True)


def wait_for_the_others() -> None:
    """Begin when all are ready."""
    print("ready", flush=True)
    sys.stdin.readline()


def again(count: int) -> dict[str, Any]:
    """Sync where Flow says what it said before; count the rows in which more than the times of checks is other than before."""
    from django.utils import timezone

    news = ("flow_status", "phase", "message", "flow_campaign_id", "changed_at", "problem")
    asked = first(count)
    before = set(asked.values_list("pk", *news))
    asked.update(next_check_at=timezone.now())
    figures = ours(count)
    return {**figures, "news": len(before ^ set(asked.values_list("pk", *news)))}


def last_but_for_slow_ones(count: int) -> float:
    """Return when, in seconds of time.time, the last campaign was written that Flow does not keep waiting."""
    from benchmarks.flow import fate

    told = first(count).values_list("tracking_id", "checked_at")
    return max(at.timestamp() for tracking_id, at in told if fate(tracking_id) not in ("slow", "fails"))


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
    parts = {"sync": sync, "poll": poll}
    if part := parts.get(sys.argv[1]):
        part(sys.argv[2])
    else:
        print(json.dumps(ways[sys.argv[1]](int(sys.argv[2]))))
