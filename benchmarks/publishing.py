"""What `publish` runs in processes of their own: `python -m benchmarks.publishing WAY COUNT`; each prints figures as JSON."""

import json
import queue
import sys
import threading
import time
from typing import Any

from benchmarks.console import until


def make(count: int) -> dict[str, Any]:
    """Create and submit so many orders through the services, as staff do; nobody is told of them."""
    from django.contrib.auth.models import User
    from django.utils import timezone

    from campaigns.models import Listing, Plan
    from campaigns.services import orders
    from campaigns.services.content import Content

    user, plan = User.objects.get(username="root"), Plan.objects.order_by("default_budget")[0]
    listings = list(Listing.objects.filter(active=True).select_related("branch")[:count])
    for number in range(count):
        listing, now = listings[number % len(listings)], timezone.now()
        order = orders.create_order(Content(plan, listing.branch, (listing,)), user=user, now=now)
        orders.submit(order.pk, order.version, user=user, now=now)
    return {}


def ours(count: int) -> dict[str, Any]:
    """Send a message for each of so many queued orders, and wait until all are published."""
    from django.db import connection

    from campaigns.models import Order
    from campaigns.tasks import publish_order

    ids = list(Order.objects.filter(state="queued").order_by("pk").values_list("pk", flat=True)[:count])
    if len(ids) != count:
        raise SystemExit(f"Only {len(ids)} orders are queued.")
    mine, before = Order.objects.filter(pk__in=ids), _commits(connection)
    began = time.perf_counter()
    for pk in ids:
        publish_order.delay(order_id=pk)
    left = mine.exclude(state="published")
    until(lambda: not left.exists(), lambda: f"{left.count()} orders are not published", patience=600, poll=0.1)
    return {"seconds": time.perf_counter() - began, "sessions": _commits(connection) - before}


def _commits(connection: Any) -> int:
    """Return how many sessions the database has had."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def bare(count: int) -> dict[str, Any]:
    """Send so many POSTs, with as many under way, on connections that are kept."""
    import requests
    from django.conf import settings
    from requests.adapters import HTTPAdapter

    session, left = requests.Session(), queue.SimpleQueue[int]()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=settings.FLOW_CONCURRENCY))
    for number in range(count):
        left.put(number)

    def post() -> None:
        while True:
            try:
                number = left.get_nowait()
            except queue.Empty:
                return
            address = f"{settings.FLOW_BASE_URL}/campaigns/publish?clientId=c"
            order = {"orderRef": f"{number}", "listingExternalIds": ["1"]}
            answer = session.post(
                address,
                json=order,
                headers={"Authorization": "Bearer a-token"},
                timeout=20,
            )
            answer.raise_for_status()

    threads = [threading.Thread(target=post) for _ in range(settings.FLOW_CONCURRENCY)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps({"make": make, "ours": ours, "bare": bare}[sys.argv[1]](int(sys.argv[2]))))
