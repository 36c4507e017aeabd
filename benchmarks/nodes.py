"""Row `nodes`: orders published by one, two and four worker nodes on one PostgreSQL and one Redis, each order once."""

import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.console import table, until, worker
from benchmarks.flow import ledger, running
from benchmarks.stage import Stage

POPULATION = 10_000
ORDERS = 300
LISTINGS = 2
PROCESSES = 4  # of each node: all of them wait for Flow nearly all of the time, so two processors bear four nodes
ANSWER = 0.2
NODES = (1, 2, 4)
RUNS = 3


def measure(stage: Stage) -> str:
    """Measure it, each time on a database of its own; more nodes and fewer take turns."""
    found: dict[int, list[dict[str, float]]] = {nodes: [] for nodes in NODES}
    for _ in range(RUNS):
        for nodes in NODES:
            found[nodes].append(_once(stage, nodes))
    return _section({nodes: statistics.median(run["per_second"] for run in runs) for nodes, runs in found.items()})


def _once(stage: Stage, nodes: int) -> dict[str, float]:
    with stage.postgresql(POPULATION) as database, tempfile.TemporaryDirectory() as folder, running(ANSWER) as address:
        said: dict[str, float] = stage.run(
            "benchmarks.nodes",
            folder,
            address,
            nodes,
            DATABASE_URL=database,
            CELERY_BROKER_URL=stage.redis,
            FLOW_BASE_URL=address,
            FLOW_MAX_PER_SECOND="1000",
        )
    return said


def _section(per_second: dict[int, float]) -> str:
    rows = [("worker nodes", "beside one node", "share of the ideal", "orders a second", "ideal")]
    for nodes, speed in per_second.items():
        ideal = nodes * PROCESSES / ANSWER
        rows.append(
            (str(nodes), f"{speed / per_second[1]:.2f} ×", f"{speed / ideal:.2f}", f"{speed:.1f}", f"{ideal:.0f}")
        )
    return f"""## nodes: several worker nodes on one database

{table(rows)}

{ORDERS:,} queued orders of {LISTINGS} listings each are published on the full way (claim, `sent_at`, POST, result) by worker
nodes of {PROCESSES} processes, each node a process group with a name of its own; Flow answers after {ANSWER * 1000:.0f} ms.
The ideal is what as many processes reach that do nothing but wait. All nodes share this machine with PostgreSQL, Redis and
Flow's stand-in. After every one of the {RUNS * len(NODES)} runs the stand-in's ledger was laid beside the database: every
order was published once, by one attempt, and the tracking ids that were given are those of the campaigns.
"""


def main(folder: Path, address: str, nodes: int) -> dict[str, float]:
    """Do it in a console whose settings are in the environment; raise RuntimeError where an order was lost or doubled."""
    import django

    django.setup()
    from campaigns import tasks
    from campaigns.models import Order

    ids = _queue()
    mine = Order.objects.filter(pk__in=ids)
    with ExitStack() as stack:
        for number in range(1, nodes + 1):
            name, log = f"node{number}", folder / f"node{number}.log"
            stack.enter_context(worker(name, "--concurrency", str(PROCESSES), log=log))
        for order_id in ids:
            tasks.nudge_publish(order_id)
        until(lambda: not mine.filter(state__in=["queued", "publishing"]).exists(), lambda: "Orders wait.", 600, 0.2)
    said = ledger(address)
    _check(said, ids)
    return {"per_second": len(ids) / (max(said["calls"]) - min(said["calls"]) + ANSWER)}


def _queue() -> list[int]:
    """Submit the orders, as people do."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from campaigns.models import Listing, Plan
    from campaigns.services import orders
    from campaigns.services.content import Content

    user, plan = User.objects.get(username="root"), Plan.objects.order_by("pk")[0]
    start_at = timezone.now() + timedelta(days=2)
    listings = list(Listing.objects.filter(active=True).select_related("branch").order_by("branch_id", "pk"))
    ids: list[int] = []
    for number in range(ORDERS):
        first = listings[number * LISTINGS % (len(listings) - LISTINGS)]
        same = [each for each in listings if each.branch_id == first.branch_id][:LISTINGS]
        content = Content(plan=plan, branch=first.branch, listings=tuple(same), start_at=start_at)
        order = orders.create_order(content, user=user, now=timezone.now(), order_ref=f"NODES-{number:05}")
        ids.append(orders.submit(order.pk, order.version, user=user, now=timezone.now()).pk)
    return ids


def _check(said: dict[str, Any], ids: list[int]) -> None:
    """Lay the ledger beside the database."""
    from campaigns.models import Attempt, Campaign, Order

    refs = sorted(Order.objects.filter(pk__in=ids, state="published").values_list("order_ref", flat=True))
    given = sorted(tracking_id for _, those in said["published"] for tracking_id in those)
    known = sorted(Campaign.objects.filter(order__in=ids).values_list("tracking_id", flat=True))
    attempts = sorted(Attempt.objects.filter(order__in=ids, outcome="published").values_list("order_id", flat=True))
    facts = {
        "each order is published": len(refs) == len(ids),
        "each was sent once": sorted(ref for ref, _ in said["published"]) == refs,
        "each by one attempt": attempts == sorted(ids) and Attempt.objects.filter(order__in=ids).count() == len(ids),
        "the campaigns are those that were given": given == known,
    }
    if wrong := [fact for fact, holds in facts.items() if not holds]:
        raise RuntimeError(f"It does not hold that {' or that '.join(wrong)}.")


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
