"""Row `bulk`: pause 10,000 campaigns as a batch, from the page that asks to the calls at Flow."""

import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

from benchmarks.console import celery, fullest, table, until, worker
from benchmarks.flow import ledger, running
from benchmarks.stage import Stage

ROWS = 10_000
POPULATION = 100_000
PER_SECOND = 50  # the default of FLOW_MAX_PER_SECOND
SECONDS = 60.0  # for which Flow's calls are counted
WINDOW = 10.0
ANSWER = 0.02
PROCESSES = 4


def measure(stage: Stage) -> str:
    """Measure it on PostgreSQL and Redis."""
    with stage.postgresql(POPULATION) as database, tempfile.TemporaryDirectory() as folder, running(ANSWER) as address:
        said = stage.run(
            "benchmarks.bulk",
            folder,
            address,
            DATABASE_URL=database,
            CELERY_BROKER_URL=stage.redis,
            FLOW_BASE_URL=address,
            FLOW_MAX_PER_SECOND=str(PER_SECOND),
        )
    return _section(said)


def _section(said: dict[str, Any]) -> str:
    limit = PER_SECOND * WINDOW
    rows = [
        ("what", "share of the goal", "measured", "goal"),
        _against("the page that asks, “all that match”", said["ask"], 1.0),
        _against("its POST, which starts the batch", said["start"], 1.0),
        _against("the page of the batch while it runs, longest", said["page"], 1.0),
        _against("progress: longest answer", said["progress"], 1.0),
        _against("progress: longest time without a step", said["still"], 1.0),
        (
            f"calls at Flow in the fullest {WINDOW:g} s",
            f"{said['fullest'] / limit:.3f}",
            f"{said['fullest']} of {limit:.0f}",
            "≤ 1.02",
        ),
        (
            f"calls at Flow over {SECONDS:.0f} s",
            f"{said['calls'] / (PER_SECOND * SECONDS):.3f}",
            f"{said['calls']} of {PER_SECOND * SECONDS:.0f}",
            "",
        ),
    ]
    asked, started = said["ask_queries"], said["start_queries"]
    rate, kilobytes = ROWS / said["batch"], said["ask_bytes"] / 1000
    return f"""## bulk: pause {ROWS:,} campaigns as a batch

{table(rows)}

{POPULATION:,} campaigns, {ROWS:,} of them live. The page that asks takes {asked} queries and its POST {started};
the rows are copied, a thousand at a time; neither asks the database about single rows. The page is {kilobytes:,.0f} kB:
it shows the first hundred rows, the others by their number and outcome, and carries what was seen of all of them. The batch
then asked for {rate:,.0f} pauses a second, row by row, each in a transaction of its own with its command and its line of
history: {said["batch"]:,.0f} s, with {said["done"]:,} done. Meanwhile the commands go to Flow at the pace of
FLOW_MAX_PER_SECOND = {PER_SECOND}, which one send and one question for each campaign share; the worker has {PROCESSES}
processes, and Flow answers after {ANSWER * 1000:.0f} ms.
"""


def _against(what: str, seconds: float, goal: float) -> tuple[str, ...]:
    return what, f"{seconds / goal:.2f}", f"{seconds * 1000:,.0f} ms", f"≤ {goal:g} s"


def main(folder: Path, address: str) -> dict[str, Any]:
    """Do it in a console whose settings are in the environment."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    _let_live()
    client = Client(HTTP_HOST="localhost", raise_request_exception=True)
    client.force_login(User.objects.get(username="root"))
    asked, seen = _ask(client)
    asked |= _rehearse(client, seen)
    beat = celery("beat", ready="beat: Starting", log=folder / "beat.log")
    with worker("one", "--concurrency", str(PROCESSES), log=folder / "worker.log"), beat:
        return {**asked, **_run(client, seen), **_calls(address)}


def _let_live() -> None:
    """Let the newest campaigns be live and no other, so that a filter of the list means just these."""
    from campaigns.domain.states import Phase
    from campaigns.models import Campaign

    newest = Campaign.objects.order_by("-pk").values_list("pk", flat=True)[:ROWS]
    first = min(newest)
    done = {"phase": Phase.COMPLETED.value, "flow_status": "ended", "next_check_at": None}
    Campaign.objects.filter(pk__lt=first).update(**done)
    Campaign.objects.filter(pk__gte=first).update(phase=Phase.LIVE.value, flow_status="active")


def _ask(client: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Ask for the page thrice; return what it took, and the form that it gave."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    query = {"deed": "pause", "which": "all", "of": "phase__exact=live"}

    def ask() -> Any:
        answer = client.get("/admin/campaigns/campaign/batch/", query)
        assert answer.status_code == 200, answer.status_code
        return answer

    with CaptureQueriesContext(connection) as queries:
        page = ask().content.decode()
        asked = len(queries.captured_queries)  # the next request clears them
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    seen = {name: unescape(value) for name, value in hidden}
    assert len(seen["rows"].split()) == ROWS
    took = {"ask": _median(ask), "ask_queries": asked, "ask_bytes": len(page.encode())}
    return took, {**seen, "reason": "The sale is over."}


def _rehearse(client: Any, seen: dict[str, str]) -> dict[str, Any]:
    """Start the batch thrice, each time undone before anybody could work on it."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    def start() -> None:
        with transaction.atomic():
            _start(client, seen)
            transaction.set_rollback(True)

    with CaptureQueriesContext(connection) as queries:
        start()
        took = [str(query["sql"]) for query in queries.captured_queries]  # the next request clears them
    return {"start": _median(start), "start_queries": len(took)}


def _start(client: Any, seen: dict[str, str]) -> str:
    answer = client.post("/admin/campaigns/campaign/batch/", seen)
    assert answer.status_code == 302, answer.status_code
    return str(answer["Location"])


def _run(client: Any, seen: dict[str, str]) -> dict[str, float]:
    """Start the batch for good and watch it to its end, as its page does but more often."""
    begun = time.perf_counter()
    page = _start(client, seen)
    progress = page.replace("change/", "progress/")
    finished, moved, still, longest, longest_page, looks = 0, time.perf_counter(), 0.0, 0.0, 0.0, 0
    ended = False
    while not ended:
        asked = time.perf_counter()
        news = client.get(progress).json()
        now = time.perf_counter()
        longest = max(longest, now - asked)
        if news["finished"] > finished:
            still, finished, moved = max(still, now - moved), news["finished"], now
        ended = news["ended"]
        looks += 1
        if looks % 20 == 0:
            longest_page = max(longest_page, _seconds(lambda: client.get(page)))
        time.sleep(0.2)
    from campaigns.models import Batch

    done = Batch.objects.get().done
    took = time.perf_counter() - begun
    return {"batch": took, "still": still, "progress": longest, "page": longest_page, "done": done}


def _calls(address: str) -> dict[str, int]:
    """Count the calls at Flow, from when they had begun for long enough."""

    def began_long_ago() -> bool:
        calls = ledger(address)["calls"]
        return bool(calls) and time.monotonic() - calls[0] >= SECONDS + WINDOW

    until(began_long_ago, lambda: "Flow was not called for long enough", patience=60 + SECONDS + WINDOW, poll=1)
    calls = ledger(address)["calls"]
    since = calls[-1] - SECONDS
    return {"fullest": fullest(calls, WINDOW), "calls": sum(moment > since for moment in calls)}


def _median(work: Callable[[], object]) -> float:
    return statistics.median(_seconds(work) for _ in range(3))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2])))
