"""A seeded agency group of any size: `python -m benchmarks.population CAMPAIGNS` fills the empty database of DATABASE_URL.

The same seed and size give the same rows on PostgreSQL and SQLite, but for the moment that they lie around: now. For each ten
campaigns there are two orders, one listing and one agent; for each campaign and order one line of history.
"""

import argparse
import hashlib
import itertools
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.utils.duration import duration_microseconds
from psycopg.types.json import Jsonb

SEED = 20
DAY = timedelta(days=1)
YEARS_BACK = 730  # days over which orders were created
AT_ONCE = 10_000
CITIES = ("Sea Point", "Gardens", "Rondebosch", "Durbanville", "Stellenbosch", "Paarl", "Umhlanga", "Sandton", "Menlyn")
KINDS = ("Flat", "House", "Townhouse", "Cottage", "Farm", "Office", "Shop", "Loft", "Duplex", "Villa")
VIEWS = ("sea", "mountain", "garden", "park", "harbour", "valley", "city", "vineyard", "river", "golf course")
PLANS = 20
CAMPAIGNS_AN_ORDER = 5

WAYS: dict[str, dict[type, Callable[[Any], Any]]] = {
    "postgresql": {dict: Jsonb},
    "sqlite": {
        dict: json.dumps,
        Decimal: str,
        datetime: lambda value: str(value.astimezone(UTC).replace(tzinfo=None)),
        timedelta: duration_microseconds,
    },
}
"""How either database takes a value, as Django's fields would give it; ten times faster than asking them."""


@dataclass(frozen=True)
class Size:
    """How many rows there are of what, from the number of campaigns."""

    campaigns: int

    @property
    def orders(self) -> int:
        """Return the number of orders."""
        return max(1, self.campaigns // CAMPAIGNS_AN_ORDER)

    @property
    def listings(self) -> int:
        """Return the number of listings, which is that of agents too."""
        return max(100, self.campaigns // 10)

    @property
    def branches(self) -> int:
        """Return the number of branches."""
        return min(200, max(20, self.campaigns // 1000))


def fill(campaigns: int, *, seed: int = SEED) -> None:
    """Fill an empty, migrated database; the guards of rows are away while that happens."""
    from django.db import connection

    from campaigns.models import guards

    chance, size = random.Random(seed), Size(campaigns)
    now = datetime.fromtimestamp(time.time() // 3600 * 3600, tz=UTC)
    guards.remove(connection)
    try:
        _people_and_catalogue(size, chance)
        _orders(size, chance, now)
        _history()
    finally:
        guards.install(connection)
    _settle()


class Table:
    """A table that takes many rows at once; columns that are not named get the model's defaults."""

    def __init__(self, model: Any, *columns: str) -> None:
        from django.db import connections

        self.connection = connections["default"]
        named = {field.attname: field for field in model._meta.concrete_fields}
        blank = model()
        rest = {
            name: getattr(blank, name) for name, field in named.items() if not (name in columns or field.primary_key)
        }
        self.ways = WAYS[self.connection.vendor]
        self.rest = tuple(self._ready(rest.values()))
        quoted = self.connection.ops.quote_name
        self.name = quoted(model._meta.db_table)
        self.columns = ", ".join(quoted(named[name].column) for name in (*columns, *rest))

    def take(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write the rows."""
        from django.db import transaction

        ready = ((*self._ready(row), *self.rest) for row in rows)
        with transaction.atomic(), self.connection.cursor() as cursor:
            if self.connection.vendor == "postgresql":
                with cursor.copy(f"COPY {self.name} ({self.columns}) FROM STDIN") as copy:
                    for row in ready:
                        copy.write_row(row)
                return
            while some := list(itertools.islice(ready, AT_ONCE)):
                marks = ", ".join(["%s"] * len(some[0]))
                words = f"INSERT INTO {self.name} ({self.columns}) VALUES ({marks})"
                cursor.executemany(words, some)

    def _ready(self, values: Iterable[Any]) -> Iterator[Any]:
        return (self.ways[type(value)](value) if type(value) in self.ways else value for value in values)


def _people_and_catalogue(size: Size, chance: random.Random) -> None:
    from django.contrib.auth.models import Group, User

    from campaigns.models import Agent, Branch, Listing, Plan

    root = User.objects.create_superuser("root", password="root")
    scoped = User.objects.create_user("scoped", password="scoped", is_staff=True)
    scoped.groups.set(Group.objects.filter(name__in=["Publisher", "Approver"]))
    if (root.pk, scoped.pk) != (1, 2):
        raise SystemExit("The database must be empty: migrate a new one.")
    branches = Table(Branch, "id", "external_id", "name", "time_zone", "monthly_budget", "approval_threshold")
    branches.take(
        (n, f"B-{n:04}", f"{CITIES[n % len(CITIES)]} {n}", "Africa/Johannesburg", Decimal(500_000), Decimal(20_000))
        for n in range(1, size.branches + 1)
    )
    scoped.branches.set(Branch.objects.filter(pk__lte=10))
    Table(Plan, "id", "ref", "name", "default_budget", "currency", "duration_days").take(
        (n, f"plan-{n:02}", f"Reach {n}", Decimal(500 * n), "ZAR", 7 * (1 + n % 6)) for n in range(1, PLANS + 1)
    )
    Table(Agent, "id", "external_id", "branch_id", "name", "email").take(
        (n, f"A-{n:06}", 1 + n % size.branches, f"Agent {n:06}", f"agent{n}@example.com")
        for n in range(1, size.listings + 1)
    )
    columns = ("id", "external_id", "branch_id", "agent_id", "title", "address", "price", "url", "status", "active")
    Table(Listing, *columns).take(
        (
            n,
            f"L-{n:07}",
            1 + n % size.branches,
            n,
            f"{chance.choice(KINDS)} with a {chance.choice(VIEWS)} view, {1 + n % 6} bedrooms",
            f"{1 + n % 900} Main Road, {chance.choice(CITIES)}",
            Decimal(1000 * chance.randrange(500, 20_000)),
            f"https://portal.example.com/listings/{n}",
            "for sale" if n % 50 else "sold",
            bool(n % 50),
        )
        for n in range(1, size.listings + 1)
    )
    _move_counters(Branch, Plan, Agent, Listing)


def _orders(size: Size, chance: random.Random, now: datetime) -> None:
    from campaigns.models import Attempt, Campaign, Order, OrderListing

    orders = list(_made_up(size, chance, now))
    Table(
        Order,
        *("id", "order_ref", "plan_id", "branch_id", "agent_id", "start_at", "end_at", "state", "version", "payload"),
        *("payload_sha256", "budget", "currency", "created_by_id", "created_at", "submitted_by_id", "submitted_at"),
        *("approved_by_id", "approved_at", "problem"),
    ).take(order.row() for order in orders)
    Table(OrderListing, "order_id", "listing_id").take(
        (order.number, listing) for order in orders for listing in order.listings
    )
    Table(
        Attempt,
        *("id", "order_id", "number", "order_version", "payload_sha256", "worker", "claimed_at", "lease_until"),
        *("sent_at", "finished_at", "outcome", "http_status"),
    ).take(order.attempt() for order in orders if order.outcome)
    Table(
        Campaign,
        *("id", "tracking_id", "order_id", "attempt_id", "branch_id", "starts_at", "ends_at", "flow_campaign_id"),
        *("flow_status", "phase", "message", "created_at", "checked_at", "changed_at", "next_check_at"),
        "check_interval",
    ).take(row for order in orders if order.outcome == "published" for row in order.campaigns(now))
    _move_counters(Order, Attempt, Campaign)


PROBLEMS = {
    "rejected": "Flow said no: Unknown plan reference. Nothing was published.",
    "unknown": "Nobody knows whether Flow published this order.",
    "cancelled": "Flow answered late that this order is live already.",
}
STATUSES = {
    "completed": ("ended", "Campaign has ended."),
    "live": ("active", "Campaign is live."),
    "paused": ("paused", "Campaign is paused."),
    "in_progress": ("in_review", "Campaign is being reviewed."),
    "cancelled": ("cancelled", "Campaign was cancelled."),
    "failed": ("failed", "The picture of the listing could not be read."),
}


@dataclass(frozen=True)
class MadeUp:
    """An order with all that hangs on it."""

    number: int
    first_campaign: int
    branch: int
    plan: int
    agent: int
    listings: tuple[int, ...]
    created_at: datetime
    start_at: datetime
    end_at: datetime
    state: str
    outcome: str
    luck: float

    def row(self) -> tuple[Any, ...]:
        """Return the order."""
        drafted, waits = self.state == "draft", self.state == "awaiting_approval"
        submitted = None if drafted else self.created_at + timedelta(minutes=20)
        approved = None if drafted or waits else self.created_at + timedelta(hours=2)
        payload = "" if drafted else f'{{"order_ref":"{self.ref}"}}'
        return (
            *(self.number, self.ref, self.plan, self.branch, self.agent, self.start_at, self.end_at, self.state),
            *(1 if drafted else 5, payload, hashlib.sha256(payload.encode()).hexdigest() if payload else ""),
            *(None if drafted else Decimal(500 * self.plan), "" if drafted else "ZAR", 2, self.created_at),
            *(None if drafted else 2, submitted, 1 if approved else None, approved, PROBLEMS.get(self.state, "")),
        )

    @property
    def ref(self) -> str:
        """Return the order_ref."""
        return f"ORD-{self.created_at:%Y%m}-{self.number:07}"

    def attempt(self) -> tuple[Any, ...]:
        """Return its one attempt."""
        at = self.created_at + timedelta(hours=2)
        status = {"published": 202, "rejected": 400}.get(self.outcome)
        finished = None if self.outcome == "unknown" else at + timedelta(seconds=2)
        sha256 = hashlib.sha256(f'{{"order_ref":"{self.ref}"}}'.encode()).hexdigest()
        return (
            *(self.number, self.number, 1, 4, sha256, "worker@benchmark", at, at + timedelta(minutes=5)),
            *(at, finished, self.outcome, status),
        )

    def campaigns(self, now: datetime) -> Iterator[tuple[Any, ...]]:
        """Return its campaigns, one a listing."""
        for offset, _ in enumerate(self.listings):
            number = self.first_campaign + offset
            phase = self._phase(now, (number * 7919 % 1000) / 1000)
            status, message = STATUSES[phase]
            since = {"completed": self.end_at, "live": self.start_at}.get(phase, self.created_at + timedelta(hours=3))
            open_ = phase in {"live", "paused", "in_progress"}
            yield (
                *(number, f"queue_{number:08x}{self.number:06x}", self.number, self.number, self.branch),
                *(self.start_at, self.end_at, f"camp_{number}", status, phase, message),
                *(self.created_at + timedelta(hours=2), min(now, since + timedelta(minutes=1)), min(now, since)),
                *(now + timedelta(seconds=number % 3600) if open_ else None, timedelta(hours=1)),
            )

    def _phase(self, now: datetime, luck: float) -> str:
        if luck < 0.02:
            return "cancelled" if luck < 0.01 else "failed"
        if self.end_at <= now:
            return "completed"
        if self.start_at <= now:
            return "paused" if luck < 0.1 else "live"
        return "in_progress"


def _made_up(size: Size, chance: random.Random, now: datetime) -> Iterator[MadeUp]:
    for number in range(1, size.orders + 1):
        branch = chance.randrange(size.branches)
        mine = range(branch or size.branches, size.listings + 1, size.branches)  # whose branch has this number
        created = now - DAY * YEARS_BACK + DAY * YEARS_BACK * (number / (size.orders + 1))
        start = created + timedelta(days=chance.randrange(1, 15), hours=chance.randrange(24))
        plan = chance.randrange(1, PLANS + 1)
        luck = chance.random()
        state, outcome = _fate(luck, recent=now - created < 14 * DAY)
        yield MadeUp(
            number=number,
            first_campaign=1 + (number - 1) * CAMPAIGNS_AN_ORDER,
            branch=branch + 1,
            plan=plan,
            agent=chance.choice(mine),
            listings=tuple(chance.sample(mine, min(len(mine), CAMPAIGNS_AN_ORDER))),
            created_at=created,
            start_at=start,
            end_at=start + DAY * 7 * (1 + plan % 6),
            state=state,
            outcome=outcome,
            luck=luck,
        )


def _fate(luck: float, *, recent: bool) -> tuple[str, str]:
    """Return the order's state and its attempt's outcome: what is not settled yet is recent."""
    if not recent:
        return ("published", "published") if luck < 0.99 else ("rejected", "rejected")
    if luck < 0.9:
        return "published", "published"
    for share, state, outcome in (
        (0.902, "cancelled", "published"),
        (0.95, "draft", ""),
        (0.98, "awaiting_approval", ""),
        (0.999, "rejected", "rejected"),
    ):
        if luck < share:
            return state, outcome
    return "unknown", "unknown"


def _history() -> None:
    """Write the chain of history: when each order was created, and each campaign's last news."""
    from campaigns.models import Campaign, Event, HistoryHead, Order
    from campaigns.services.history import sha256_of

    orders = Order.objects.order_by("pk").values_list("pk", "order_ref", "created_at")
    campaigns = Campaign.objects.order_by("pk").values_list("pk", "order_id", "flow_status", "phase", "changed_at")
    last: dict[str, Any] = {"sha256": "", "number": 0}

    def lines() -> Iterator[tuple[Any, ...]]:
        for event in itertools.chain(
            (_created(*row) for row in orders.iterator(AT_ONCE)),
            (_news(*row) for row in campaigns.iterator(AT_ONCE)),
        ):
            event.previous_sha256 = last["sha256"]
            last["sha256"], last["number"] = sha256_of(event), last["number"] + 1
            yield (
                *(last["number"], event.at, event.kind, event.text, event.data, event.actor_kind, event.actor_id),
                *(event.order_id, event.campaign_id, event.previous_sha256),
            )

    columns = ("id", "at", "kind", "text", "data", "actor_kind", "actor_id", "order_id", "campaign_id")
    table = Table(Event, *columns, "previous_sha256")
    read = lines()
    while some := list(itertools.islice(read, AT_ONCE * 10)):  # PostgreSQL reads nothing while it takes a COPY
        table.take(some)
    _move_counters(Event)
    HistoryHead.objects.all().delete()
    HistoryHead.objects.create(pk=HistoryHead.SINGLETON, event_id=last["number"], sha256=last["sha256"])


NOTHING: dict[str, Any] = {"data": {}, "actor_id": None, "campaign_id": None, "subject": ""}


def _created(pk: int, ref: str, at: datetime) -> Any:
    said = {"at": at, "kind": "order.created", "text": f"Order {ref} created.", "actor_kind": "person"}
    return SimpleNamespace(**NOTHING | said | {"actor_id": 2, "order_id": pk})


def _news(pk: int, order: int, status: str, phase: str, at: datetime | None) -> Any:
    said = {"at": at, "kind": "campaign.status", "text": f"Flow: {status} ({phase}).", "actor_kind": "flow"}
    data = {"flow_status": ["", status], "phase": ["queued", phase]}
    return SimpleNamespace(**NOTHING | said | {"data": data, "order_id": order, "campaign_id": pk})


def _move_counters(*models: Any) -> None:
    """Let the next rows get the next numbers."""
    from django.core.management.color import no_style
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _settle() -> None:
    """Give the planner its figures, as autovacuum does in time."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def main(arguments: list[str]) -> None:
    """Migrate the database of DATABASE_URL and fill it."""
    import django
    from django.core.management import call_command
    from django.db import connections

    parser = argparse.ArgumentParser(prog="python -m benchmarks.population", description=__doc__)
    parser.add_argument("campaigns", type=int)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowsite.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    begun = time.perf_counter()
    fill(options.campaigns, seed=options.seed)
    connections.close_all()  # else what SQLite wrote last stays in a file beside, which is not copied with it
    print(f"{options.campaigns:,} campaigns in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
