"""Times of pages of the console through Django's test client, in a process of its own; and a stock admin on the same rows."""

import os
import statistics
import time
from typing import Any

RUNS = 3
STOCK_TAKES_AT_MOST = 60
"""Seconds of a query: its admin sorts a million rows for the last page, which takes SQLite longer than anybody waits."""


def set_up(*, stock: bool = False) -> None:
    """Start Django; with `stock`, with Django's and Unfold's own list and form in place of ours."""
    os.environ["DEBUG"] = "true"  # else every page wants HTTPS and a manifest of static files
    import django

    django.setup()
    from django.conf import settings

    settings.DEBUG, settings.ALLOWED_HOSTS = False, ["testserver"]
    if stock:
        _use_stock_admin()


def _use_stock_admin() -> None:
    """Register what a beginner would write, with Unfold's templates: the page looks the same and shows the same columns."""
    from django.conf import settings
    from django.contrib import admin
    from unfold.admin import ModelAdmin

    from campaigns.models import Campaign, Order

    settings.UNFOLD = {}
    settings.TEMPLATES[0]["DIRS"] = []
    settings.MIDDLEWARE.remove("campaigns.admin.timeouts.ListTimeout")
    processors = settings.TEMPLATES[0]["OPTIONS"]["context_processors"]
    processors[:] = [name for name in processors if name.startswith("django.")]

    class StockCampaign(ModelAdmin):  # type: ignore[misc]  # Unfold has no types
        list_display = ("tracking_id", "order", "branch", "phase", "flow_status", "checked_at", "starts_at")
        list_filter = ("phase", "branch")
        list_per_page = 25
        date_hierarchy = "created_at"
        search_fields = ("tracking_id", "order__order_ref")

    class StockOrder(ModelAdmin):  # type: ignore[misc]  # as above
        """With a select of agents; one of listings for each line of an order would take minutes."""

    for model, rooms in ((Campaign, StockCampaign), (Order, StockOrder)):
        admin.site.unregister(model)
        admin.site.register(model, rooms)


def end_long_queries(seconds: float) -> None:
    """Let the database end each query after so many seconds, as `visit` then tells."""
    from django.db import connection

    connection.ensure_connection()
    if connection.vendor == "postgresql":
        connection.cursor().execute(f"SET statement_timeout = '{seconds}s'")
        return
    began = time.monotonic()

    def is_over() -> bool:
        return time.monotonic() - began > seconds

    def begin(execute: Any, *asked: Any) -> Any:
        nonlocal began
        began = time.monotonic()
        return execute(*asked)

    connection.execute_wrappers.append(begin)
    connection.connection.set_progress_handler(is_over, 1_000_000)


def client_of(username: str) -> Any:
    """Return a client in which the person is logged in."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username=username))
    return client


def visit(client: Any, address: str, runs: int) -> dict[str, float]:
    """Return the median milliseconds of a page after a first visit, its statements, its rows if it is a list, and its bytes.

    Of one that the database did not finish in time: the milliseconds until then, and no rows.
    """
    from django.db import OperationalError, connection

    times, statements = [], 0
    begun = time.perf_counter()
    try:
        answer = client.get(address)
    except OperationalError:
        return {"ms": 1000 * (time.perf_counter() - begun), "queries": 0, "rows": 0, "bytes": 0}

    def count(execute: Any, *asked: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*asked)

    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    for _ in range(runs):
        statements, begun = 0, time.perf_counter()
        with connection.execute_wrapper(count):
            client.get(address)
        times.append(1000 * (time.perf_counter() - begun))
    found = (getattr(answer, "context_data", None) or {}).get("cl")
    return {
        "ms": statistics.median(times),
        "queries": statements,
        "rows": len(found.result_list) if found else 0,
        "bytes": len(answer.content),
    }
