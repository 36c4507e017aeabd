"""Row `home`: all figures and charts of the home page; beside it, the same figures counted one by one as they come."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from benchmarks.growth import note
from benchmarks.stage import Stage

SIZES = (10_000, 100_000, 1_000_000)
RUNS = 5
GOAL = 150  # ms of SQL
PEOPLE = {"root": "superuser", "scoped": "staff of 10 branches"}


def measure(stage: Stage) -> str:
    """Return the row's section."""
    databases = {"PostgreSQL": stage.postgresql, "SQLite": stage.sqlite}
    lines, largest = [], {}
    for name, database in databases.items():
        for size in SIZES:
            with database(size) as address:
                # The orders made up are no rehearsals, and those count where Flow itself is asked alone.
                found = stage.run("benchmarks.home", DATABASE_URL=address, FLOW_BASE_URL="https://flow.example.com")
            note(f"home, {name}", size, found["ours"]["root"]["sql"])
            for person, title in PEOPLE.items():
                ours, plain = found["ours"][person], found["plain"][person]
                figures = f"{ours['sql']:.0f} | {plain['sql']:.0f} | {ours['queries']} | {plain['queries']}"
                lines.append(f"| {plain['sql'] / ours['sql']:.1f} × | {name} | {size:,} | {title} | {figures} |")
            largest[name] = {**found["ours"], "counting": found["counting"], "watching": found["watching"]}
    ours = largest["PostgreSQL"]
    slowest = max(ours[person]["sql"] for person in PEOPLE)
    return "\n".join(
        [
            "## home: what needs somebody, and the charts",
            "",
            "| faster by | database | campaigns | for | ms of SQL | plain, ms of SQL | queries | plain, queries |",
            "|---|---|---|---|---|---|---|---|",
            *lines,
            "",
            f"The goal is {GOAL} ms of SQL at a million on PostgreSQL: {'met' if slowest <= GOAL else 'missed'} "
            f"with {slowest:.0f} ms. Beside it stands what a plain dashboard does: for each card the number and the sum, the "
            "months, branches and phases grouped over all rows, with the ORM and the same indexes; both found the same. "
            "All figures are exact but one: the campaigns by phase are counted every five minutes where there are 100,000 or "
            f"more, which took {ours['counting']:.0f} ms, and the chart says when. The search for campaigns to propose a pause "
            f"for, once a minute, took {ours['watching']:.0f} ms at a million (SQLite {largest['SQLite']['watching']:.0f} ms).",
        ]
    )


class Statements:
    """Counts what a piece of work asks of the database, and for how long."""

    def __init__(self) -> None:
        self.seconds, self.number = 0.0, 0

    def __call__(self, execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        """Run a statement."""
        begun = time.perf_counter()
        try:
            return execute(sql, values, many, context)
        finally:
            self.seconds, self.number = self.seconds + time.perf_counter() - begun, self.number + 1


def statements_of(work: Callable[[], Any]) -> dict[str, float]:
    """Return the milliseconds in the database and the number of statements: the median of some runs after the first."""
    from django.db import connection

    found = []
    for _ in range(RUNS + 1):
        statements = Statements()
        with connection.execute_wrapper(statements):
            work()
        found.append(statements)
    return {"sql": 1000 * statistics.median(each.seconds for each in found[1:]), "queries": found[-1].number}


def milliseconds(work: Callable[[], Any]) -> float:
    """Return the median of three runs."""
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def ours(user: Any) -> list[int]:
    """Make the home page's figures; return the numbers of its cards of campaigns."""
    from django.test import RequestFactory

    from campaigns.admin.dashboard import dashboard

    request = RequestFactory().get("/admin/")
    request.user = type(user).objects.get(pk=user.pk)  # who has no permissions in memory yet
    cards = {card["need"]: card["count"] for card in dashboard(request, {})["cards"]}
    needs = ("settling", "by_mistake", "mending", "hurry", "attention", "confirmation", "gone", "ending")
    return [cards[need] for need in needs]


def plain(user: Any) -> list[int]:
    """Count and add up what the cards and charts tell, each by its condition, as is usual.

    It leaves out who is live twice, of which there is nobody here: ours finds out.
    """
    from django.db.models import Count, Q, Sum
    from django.db.models.functions import TruncMonth
    from django.utils import timezone

    from campaigns.models import Branch, Campaign, Listing, Order

    now = timezone.now()
    mine = {} if user.is_superuser else {"branch__staff": user}
    orders, campaigns = Order.objects.filter(**mine), Campaign.objects.filter(**mine)
    not_over = ["in_progress", "live", "paused", "queued", "unrecognised"]
    running = [phase for phase in not_over if phase != "paused"]
    gone = Listing.objects.filter(Q(active=False) | Q(status__iexact="sold") | Q(status__iexact="withdrawn"))
    cards = [
        orders.filter(state="unknown"),
        orders.filter(state__in=["draft", "rejected", "cancelled"], campaigns__phase__in=not_over).distinct(),
        orders.filter(state="rejected"),
        orders.filter(state="awaiting_approval", start_at__lte=now + timedelta(hours=24)),
        campaigns.filter(phase__in=not_over).exclude(problem=""),
        campaigns.filter(commands__state__in=["asked", "sent"]).distinct(),
        campaigns.filter(phase__in=running, order__listings__in=gone).distinct(),
        campaigns.filter(phase__in=not_over, ends_at__gt=now, ends_at__lte=now + timedelta(days=3)),
    ]
    for card in cards:
        budget = "budget" if card.model is Order else "order__budget"
        card.aggregate(total=Sum(budget))
    committed = orders.filter(state__in=["awaiting_approval", "queued", "publishing", "published", "unknown"])
    list(committed.annotate(month=TruncMonth("start_at")).order_by().values("month").annotate(total=Sum("budget")))
    list(committed.order_by().values("branch__name").annotate(total=Sum("budget")))
    list(campaigns.order_by().values("phase").annotate(number=Count("pk")))
    list(Branch.objects.annotate(total=Sum("orders__budget", filter=Q(orders__start_at__month=now.month))))
    return [card.count() for card in cards]


def main() -> None:
    """Measure the database of DATABASE_URL."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")
    django.setup()
    from django.contrib.auth.models import User
    from django.utils import timezone

    from campaigns import selectors
    from campaigns.services.counting import count_phases

    now: Callable[[], datetime] = timezone.now
    found: dict[str, Any] = {
        "counting": milliseconds(lambda: count_phases(now())),
        "watching": milliseconds(lambda: len(selectors.to_propose())),
        "ours": {},
        "plain": {},
    }
    for name in PEOPLE:
        user = User.objects.get(username=name)
        if ours(user) != plain(user):
            sys.exit(f"{name} sees {ours(user)}, and a plain count gives {plain(user)}")
        for way, work in (("ours", ours), ("plain", plain)):
            found[way][name] = statements_of(lambda work=work, user=user: work(user))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
