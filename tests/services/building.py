"""Orders for tests, built through the services, and looks at all that they have written."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connections

from campaigns.models import Attempt, Campaign, Event, Hold, Order, OrderListing, Settlement
from campaigns.services import orders, publishing
from campaigns.services.content import Content
from campaigns.services.publishing import PublishResult
from tests.factories import make_branch, make_listing, make_plan

NOW = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
LEASE = timedelta(seconds=180)


class Clock:
    """A clock that stands still unless a test moves it."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def content(**changes: Any) -> Content:
    """Return a content that keeps all rules: one listing, for the plan's 1,500.00 ZAR."""
    branch = changes.pop("branch", None) or make_branch()
    plan = changes.pop("plan", None) or make_plan()
    listings = changes.pop("listings", None)
    return Content(plan, branch, (make_listing(branch),) if listings is None else listings, **changes)


def draft(author: User, **changes: Any) -> Order:
    return orders.create_order(content(**changes), user=author, now=NOW)


def queued(author: User, **changes: Any) -> Order:
    order = draft(author, **changes)
    return orders.submit(order.pk, order.version, user=author, now=NOW)


def awaiting(author: User, **changes: Any) -> Order:
    """Return an order that a second person must approve."""
    return queued(author, branch=make_branch(approval_threshold=0), **changes)


def publish(order: Order, now: datetime = NOW) -> PublishResult:
    return publishing.publish_order(order.pk, clock=Clock(now))


def reload(order: Order) -> Order:
    return Order.objects.select_related("plan", "branch", "agent").get(pk=order.pk)


def kinds(order: Order) -> list[str]:
    """Return the kinds of the order's events, oldest first."""
    return list(order.events.order_by("pk").values_list("kind", flat=True))


def last_event(order: Order) -> Event:
    return order.events.order_by("-pk")[:1].get()


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row that the services of orders may write, to see that nothing was."""
    models = (Order, OrderListing, Attempt, Campaign, Settlement, Event, Hold)
    return {model.__name__: [dict(row) for row in model._default_manager.order_by("pk").values()] for model in models}


def rows_of_others(order: Order) -> list[dict[str, Any]]:
    """Return the rows of all other orders, and of their attempts, campaigns and settlements."""
    rows = [dict(row) for row in Order.objects.exclude(pk=order.pk).order_by("pk").values()]
    for model in (Attempt, Campaign, Settlement):
        rows += [dict(row) for row in model._default_manager.exclude(order=order).order_by("pk").values()]
    return rows


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Do all deeds at the same time, each in a thread with a connection of its own; return what each returned or raised."""
    barrier = threading.Barrier(len(deeds))
    results: list[object] = [None] * len(deeds)

    def run(index: int, deed: Callable[[], object]) -> None:
        barrier.wait(30)
        try:
            results[index] = deed()
        except Exception as error:  # noqa: BLE001 - the test looks at whatever it is
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return results
