"""What the database itself refuses, whoever asks and through whatever door."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from campaigns.domain.states import Move, OrderState, is_allowed
from campaigns.models import Attempt, Event, HistoryHead, Order, OrderListing, guards
from campaigns.services import orders
from tests.factories import make_agent, make_branch, make_listing, make_plan
from tests.services.building import DAY, NOW, awaiting, draft, everything, publish, queued, reload
from tests.services.flow_server import Flow

FIXED = "a submitted order cannot be changed: return it to draft first"
LINES = "the listings of a submitted order cannot be changed: return it to draft first"
HISTORY = "history cannot be rewritten"
Door = Callable[[Order], object]


def refuses(words: str, door: Callable[[], object]) -> None:
    """Go through the door; expect the database to refuse with these words, and nothing to have changed."""
    before = everything()
    with pytest.raises(IntegrityError, match=words), transaction.atomic():
        door()
    assert everything() == before


def sql(statement: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def saved(order: Order, **changes: object) -> None:
    for name, value in changes.items():
        setattr(order, name, value)
    order.save()


def bulk_updated(order: Order, **changes: object) -> None:
    for name, value in changes.items():
        setattr(order, name, value)
    Order.objects.bulk_update([order], list(changes))


CONTENT_DOORS: dict[str, Door] = {
    "update of the plan": lambda _: Order.objects.update(plan=make_plan()),
    "update of the branch": lambda _: Order.objects.update(branch=make_branch()),
    "update of the agent": lambda order: Order.objects.update(agent=make_agent(order.branch)),
    "update of the start": lambda _: Order.objects.update(start_at=NOW + DAY),
    "update of the end": lambda _: Order.objects.update(end_at=NOW + DAY),
    "update of the budget": lambda _: Order.objects.update(budget_override="99.00"),
    "save": lambda order: saved(order, budget_override=Decimal("99.00")),
    "bulk update": lambda order: bulk_updated(order, budget_override=Decimal("99.00")),
    "SQL": lambda _: sql("UPDATE campaigns_order SET budget_override = 99"),
    "SQL that changes the state as well": lambda _: sql(
        "UPDATE campaigns_order SET budget_override = 99, state = 'draft', version = version + 1"
    ),
}
FROZEN_DOORS: dict[str, Door] = {
    "payload": lambda _: Order.objects.update(payload="{}"),
    "hash": lambda _: Order.objects.update(payload_sha256="0" * 64),
    "budget": lambda _: Order.objects.update(budget="1.00"),
    "no budget": lambda _: Order.objects.update(budget=None),
    "currency": lambda _: Order.objects.update(currency="EUR"),
    "rehearsal": lambda order: Order.objects.update(rehearsal=not order.rehearsal),
    "on the way to another state": lambda _: Order.objects.update(
        state="cancelled", version=F("version") + 1, payload="{}"
    ),
}
LINE_DOORS: dict[str, Door] = {
    "add": lambda order: order.listings.add(make_listing(order.branch)),
    "set": lambda order: order.listings.set([make_listing(order.branch)]),
    "remove": lambda order: order.listings.remove(order.listings.get()),
    "clear": lambda order: order.listings.clear(),
    "create": lambda order: OrderListing.objects.create(order=order, listing=make_listing(order.branch)),
    "bulk create": lambda order: OrderListing.objects.bulk_create(
        [OrderListing(order=order, listing=make_listing(order.branch))]
    ),
    "update": lambda order: OrderListing.objects.filter(order=order).update(listing=make_listing(order.branch)),
    "delete": lambda order: OrderListing.objects.filter(order=order).delete(),
    "SQL insert": lambda order: sql(
        "INSERT INTO campaigns_orderlisting (order_id, listing_id) VALUES (%s, %s)", order.pk, make_listing().pk
    ),
    "SQL update": lambda _: sql("UPDATE campaigns_orderlisting SET listing_id = %s", make_listing().pk),
    "SQL delete": lambda _: sql("DELETE FROM campaigns_orderlisting"),
}


@pytest.mark.parametrize("make", [queued, awaiting])
@pytest.mark.parametrize("door", CONTENT_DOORS.values(), ids=CONTENT_DOORS.keys())
def test_refuses_another_content_for_a_submitted_order(author: User, make: Any, door: Door) -> None:
    order = reload(make(author))

    refuses(FIXED, lambda: door(order))


def test_refuses_an_upsert_of_a_submitted_order(author: User) -> None:
    order = reload(queued(author))
    order.budget_override = Decimal("99.00")
    how: dict[str, Any] = {"update_conflicts": True, "unique_fields": ["id"], "update_fields": ["budget_override"]}

    words = "an order begins as a draft|there is such an order already"  # SQLite asks its guards in no certain order
    refuses(words, lambda: Order.objects.bulk_create([order], **how))


@pytest.mark.parametrize("door", FROZEN_DOORS.values(), ids=FROZEN_DOORS.keys())
def test_refuses_another_payload_or_price_for_a_submitted_order(author: User, door: Door) -> None:
    order = queued(author)

    refuses(FIXED, lambda: door(order))


@pytest.mark.parametrize("door", LINE_DOORS.values(), ids=LINE_DOORS.keys())
def test_refuses_other_listings_for_a_submitted_order(author: User, door: Door) -> None:
    order = queued(author)

    refuses(LINES, lambda: door(order))


def test_refuses_to_hand_a_listing_to_a_submitted_order_or_to_take_one_from_it(author: User) -> None:
    submitted, open_still = queued(author), draft(author)

    refuses(LINES, lambda: OrderListing.objects.filter(order=open_still).update(order=submitted))
    refuses(LINES, lambda: OrderListing.objects.filter(order=submitted).update(order=open_still))


@pytest.mark.parametrize("state", ["published", "rejected", "cancelled"])
def test_refuses_another_content_for_an_order_that_is_done(author: User, flow: Flow, state: str) -> None:
    if state == "cancelled":
        order = orders.cancel(draft(author).pk, 1, reason="Sold.", user=author, now=NOW)
    else:
        order = queued(author, start_at=NOW + DAY)
        publish(order, NOW if state == "published" else NOW + DAY)
    assert reload(order).state == state

    refuses(FIXED, lambda: Order.objects.update(budget_override="99.00"))
    refuses(LINES, lambda: OrderListing.objects.all().delete())


def test_lets_a_draft_be_changed(author: User) -> None:
    order = draft(author)

    Order.objects.update(budget_override="99.00", agent=make_agent(order.branch), start_at=NOW + DAY)
    order.listings.set([make_listing(order.branch), make_listing(order.branch)])

    assert (reload(order).budget_override, order.listings.count()) == (Decimal("99.00"), 2)


def test_lets_the_workers_write_what_they_must(author: User) -> None:
    order = queued(author)

    Order.objects.update(next_attempt_at=NOW + DAY, failures=3, problem="No token.")

    assert (reload(order).failures, reload(order).problem) == (3, "No token.")


@pytest.mark.parametrize("make", [draft, queued])
def test_refuses_another_order_ref(author: User, make: Any) -> None:
    make(author)

    refuses("an order_ref never changes", lambda: Order.objects.update(order_ref="another"))


@pytest.mark.parametrize("make", [draft, queued])
def test_refuses_another_source_of_a_copy(author: User, make: Any) -> None:
    order, other = make(author), draft(author)
    words = "what an order was copied from never changes"

    refuses(words, lambda: Order.objects.filter(pk=order.pk).update(copied_from=other))
    refuses(words, lambda: Order.objects.filter(pk=order.pk).update(copied_how="renewal"))


@pytest.mark.parametrize("new", OrderState)
@pytest.mark.parametrize("make", [draft, awaiting, queued])
def test_refuses_moves_that_the_table_does_not_have(author: User, make: Any, new: OrderState) -> None:
    order = make(author)
    old = OrderState(order.state)

    changes: dict[str, Any] = {"version": F("version") + 1, "approved_by": author}
    if new is old or any(is_allowed(move, old, new) for move in Move):
        Order.objects.update(state=new.value, **changes)
        assert reload(order).state == new
    else:
        refuses("an order cannot make this move", lambda: Order.objects.update(state=new.value, **changes))


def test_refuses_a_move_that_does_not_raise_the_version(author: User) -> None:
    queued(author)

    refuses("a move raises the version by one", lambda: Order.objects.update(state="cancelled"))


def test_refuses_to_queue_what_nobody_approved(author: User) -> None:
    awaiting(author)

    refuses(
        "somebody must approve this order",
        lambda: Order.objects.update(state="queued", version=F("version") + 1, approved_by=None),
    )


@pytest.mark.parametrize("sent_at", [None, NOW + timedelta(days=1)])
def test_refuses_to_change_when_an_attempt_began_to_send(author: User, flow: Flow, sent_at: datetime | None) -> None:
    order = queued(author)
    publish(order)

    refuses("when an attempt began to send cannot be changed", lambda: Attempt.objects.update(sent_at=sent_at))


def test_refuses_to_delete_an_attempt(author: User, flow: Flow) -> None:
    publish(queued(author))

    refuses("attempts cannot be deleted", lambda: sql("DELETE FROM campaigns_attempt"))


@pytest.mark.parametrize("state", [state for state in OrderState if state is not OrderState.DRAFT])
def test_refuses_an_order_that_does_not_begin_as_a_draft(author: User, state: OrderState) -> None:
    like = draft(author)
    fields = {"plan": like.plan, "branch": like.branch, "created_by": author, "created_at": NOW}

    refuses(
        "an order begins as a draft",
        lambda: Order.objects.create(order_ref="smuggled", state=state.value, **fields),
    )


@pytest.mark.parametrize("door", ["queryset", "SQL"])
def test_refuses_to_delete_a_submitted_order(author: User, door: str) -> None:
    order = queued(author)
    deletions = {
        "queryset": lambda: Order.objects.all()._raw_delete(using="default"),
        "SQL": lambda: sql("DELETE FROM campaigns_order WHERE id = %s", order.pk),
    }

    refuses("a submitted order cannot be deleted: cancel it", deletions[door])


@pytest.mark.parametrize("make", [draft, queued])
def test_refuses_to_delete_an_order_that_has_a_history(author: User, make: Any) -> None:
    make(author)
    before = everything()

    with pytest.raises(DatabaseError), transaction.atomic():
        Order.objects.all().delete()

    assert everything() == before


EVENT_DOORS: dict[str, Callable[[], object]] = {
    "update": lambda: Event.objects.update(text="It was somebody else."),
    "save": lambda: Event.objects.get().save(),
    "delete": lambda: Event.objects.all().delete(),
    "raw delete": lambda: Event.objects.all()._raw_delete(using="default"),
    "SQL update": lambda: sql("UPDATE campaigns_event SET actor_id = NULL"),
    "SQL delete": lambda: sql("DELETE FROM campaigns_event"),
}


@pytest.mark.parametrize("door", EVENT_DOORS.values(), ids=EVENT_DOORS.keys())
def test_refuses_to_rewrite_history(author: User, door: Callable[[], object]) -> None:
    draft(author)

    refuses(HISTORY, door)


ON_SQLITE = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no REPLACE")
ORDER, ATTEMPT = "there is such an order already", "there is such an attempt already"
# The whole row as it is, but for what is given.
REPLACEMENTS = {
    "a line of history": ("campaigns_event", {"text": "'It was somebody else.'"}, HISTORY),
    "the end of history": ("campaigns_historyhead", {"event_id": "NULL", "sha256": "''"}, HISTORY),
    "an order": ("campaigns_order", {"state": "'draft'", "budget_override": "99"}, ORDER),
    "an order, by its ref": ("campaigns_order", {"id": "999", "state": "'draft'"}, ORDER),
    "an attempt": ("campaigns_attempt", {"sent_at": "NULL"}, ATTEMPT),
    "an attempt, by its number": ("campaigns_attempt", {"id": "999", "outcome": "'not_sent'"}, ATTEMPT),
    "an attempt, by its outcome": ("campaigns_attempt", {"id": "999", "number": "999"}, ATTEMPT),
}


@ON_SQLITE
@pytest.mark.parametrize("what", REPLACEMENTS)
def test_refuses_to_replace(author: User, flow: Flow, what: str) -> None:
    publish(queued(author))
    table, changes, words = REPLACEMENTS[what]
    before = HistoryHead.objects.values().get()
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(changes.get(column, column) for column in columns)

    refuses(words, lambda: sql(f"REPLACE INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}"))

    assert HistoryHead.objects.values().get() == before


@ON_SQLITE
def test_refuses_to_oust_an_order_or_an_attempt_by_another(author: User, flow: Flow) -> None:
    order, other = queued(author), draft(author)
    publish(order)
    first = order.attempts.get()
    fields = {"claimed_at": NOW, "lease_until": NOW, "outcome": "not_sent"}
    second = Attempt.objects.create(order=order, number=2, order_version=1, **fields)

    refuses(ORDER, lambda: sql("UPDATE OR REPLACE campaigns_order SET id = %s WHERE id = %s", order.pk, other.pk))
    refuses(ATTEMPT, lambda: sql("UPDATE OR REPLACE campaigns_attempt SET id = %s WHERE id = %s", first.pk, second.pk))
    refuses(ATTEMPT, lambda: sql("UPDATE OR REPLACE campaigns_attempt SET number = 1 WHERE id = %s", second.pk))


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["order", "attempt", "event", "historyhead"])
def test_refuses_to_empty_a_table(author: User, flow: Flow, table: str) -> None:
    publish(queued(author))
    with connection.cursor() as cursor:
        cursor.execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # else PostgreSQL has checks to do before it looks at the guards
    before = HistoryHead.objects.values().get()

    refuses("orders, attempts and history cannot be emptied", lambda: sql(f"TRUNCATE campaigns_{table} CASCADE"))

    assert HistoryHead.objects.values().get() == before


def guard_names() -> set[str]:
    tables = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    with connection.cursor() as cursor:
        cursor.execute(tables[connection.vendor])
        return {name for (name,) in cursor.fetchall() if name.startswith("guard_")}


def test_puts_every_guard_back_after_each_migrate(author: User) -> None:
    queued(author)
    all_of_them = {rule[0] for rule in guards.rules(connection.vendor)}
    assert guard_names() == all_of_them

    guards.remove(connection)
    assert guard_names() == set()
    call_command("migrate", verbosity=0)

    assert guard_names() == all_of_them
    refuses(FIXED, lambda: Order.objects.update(budget_override="99.00"))


def test_takes_guards_twice_without_a_word(db: None) -> None:
    guards.install(connection)
    guards.install(connection)

    assert len(guard_names()) == len(guards.rules(connection.vendor))
