"""What the database itself refuses, whatever door is used: queryset.update, raw SQL, the shell.

Triggers, because a constraint can't compare the old row with the new one. They are made anew after each `migrate`, from the
moves that domain/states.py allows, so that no migration that rebuilds a table can lose them.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from campaigns.domain.states import MOVES, OrderState, Outcome

CONTENT = ("plan_id", "branch_id", "agent_id", "start_at", "end_at", "budget_override")
SOURCE = ("copied_from_id", "copied_how")
FROZEN = ("payload", "payload_sha256", "budget", "currency", "rehearsal")
ORDER, LINES, ATTEMPTS, EVENTS, HEAD = (
    f"campaigns_{name}" for name in ("order", "orderlisting", "attempt", "event", "historyhead")
)
DRAFT, AWAITING, QUEUED = OrderState.DRAFT.value, OrderState.AWAITING_APPROVAL.value, OrderState.QUEUED.value


def _differs(columns: tuple[str, ...], distinct: str) -> str:
    return " OR ".join(f"NEW.{column} {distinct} OLD.{column}" for column in columns)


def _moves() -> str:
    pairs = sorted({(old.value, new.value) for paths in MOVES.values() for old, news in paths.items() for new in news})
    return " OR ".join(f"(OLD.state = '{old}' AND NEW.state = '{new}')" for old, new in pairs)


def _line_of_submitted_order(row: str) -> str:
    return f"EXISTS (SELECT 1 FROM {ORDER} WHERE id = {row}.order_id AND state <> '{DRAFT}')"  # noqa: S608 - constants


Rule = tuple[str, str, str, str, str]


def rules(vendor: str) -> list[Rule]:
    """Return (name, table, deed, when, words) of every guard on SQLite or PostgreSQL."""
    postgresql = vendor == "postgresql"
    # Either has its own null-safe “is not”, and its own way past the guards of rows.
    return _rows("IS DISTINCT FROM" if postgresql else "IS NOT") + (_truncations() if postgresql else _replacements())


def _truncations() -> list[Rule]:
    tables = {"order": ORDER, "attempt": ATTEMPTS, "event": EVENTS, "head": HEAD}
    words = "orders, attempts and history cannot be emptied"
    return [(f"guard_{name}_truncate", table, "TRUNCATE", "1 = 1", words) for name, table in tables.items()]


def _replacements() -> list[Rule]:
    """Return the guards against OR REPLACE, which takes rows with the same key away without asking those of DELETE."""
    same = "id = NEW.id"
    order = f"{same} OR order_ref = NEW.order_ref"
    alone = f"outcome = NEW.outcome AND outcome IN ('{Outcome.OPEN.value}', '{Outcome.PUBLISHED.value}')"
    attempt = f"{same} OR (order_id = NEW.order_id AND (number = NEW.number OR ({alone})))"
    history = "history cannot be rewritten"
    tables = (
        ("order", ORDER, order, "there is such an order already"),
        ("attempt", ATTEMPTS, attempt, "there is such an attempt already"),
        ("event", EVENTS, same, history),
        ("head", HEAD, same, history),
    )
    return [
        rule
        for name, table, key, words in tables
        for rule in (
            (f"guard_{name}_replace", table, "INSERT", _taken(table, key), words),
            (f"guard_{name}_oust", table, "UPDATE", _taken(table, f"id <> OLD.id AND ({key})"), words),
        )
    ]


def _taken(table: str, key: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} WHERE {key})"  # noqa: S608 - constants


def _rows(distinct: str) -> list[Rule]:
    fixed = "a submitted order cannot be changed: return it to draft first"
    lines = "the listings of a submitted order cannot be changed: return it to draft first"
    history = "history cannot be rewritten"
    approval = f"OLD.state = '{AWAITING}' AND NEW.state = '{QUEUED}' AND NEW.approved_by_id IS NULL"
    return [
        ("guard_order_ref", ORDER, "UPDATE", "NEW.order_ref <> OLD.order_ref", "an order_ref never changes"),
        (
            "guard_order_source",
            ORDER,
            "UPDATE",
            _differs(SOURCE, distinct),
            "what an order was copied from never changes",
        ),
        ("guard_order_content", ORDER, "UPDATE", f"OLD.state <> '{DRAFT}' AND ({_differs(CONTENT, distinct)})", fixed),
        (
            "guard_order_payload",
            ORDER,
            "UPDATE",
            f"OLD.state <> '{DRAFT}' AND NEW.state <> '{DRAFT}' AND ({_differs(FROZEN, distinct)})",
            fixed,
        ),
        (
            "guard_order_move",
            ORDER,
            "UPDATE",
            f"NEW.state <> OLD.state AND NOT ({_moves()})",
            "an order cannot make this move",
        ),
        (
            "guard_order_version",
            ORDER,
            "UPDATE",
            "NEW.state <> OLD.state AND NEW.version <> OLD.version + 1",
            "a move raises the version by one: use the services",
        ),
        ("guard_order_approval", ORDER, "UPDATE", approval, "somebody must approve this order"),
        ("guard_order_new", ORDER, "INSERT", f"NEW.state <> '{DRAFT}'", "an order begins as a draft"),
        (
            "guard_order_delete",
            ORDER,
            "DELETE",
            f"OLD.state <> '{DRAFT}'",
            "a submitted order cannot be deleted: cancel it",
        ),
        ("guard_line_insert", LINES, "INSERT", _line_of_submitted_order("NEW"), lines),
        (
            "guard_line_update",
            LINES,
            "UPDATE",
            f"{_line_of_submitted_order('OLD')} OR {_line_of_submitted_order('NEW')}",
            lines,
        ),
        ("guard_line_delete", LINES, "DELETE", _line_of_submitted_order("OLD"), lines),
        (
            "guard_attempt_update",
            ATTEMPTS,
            "UPDATE",
            f"OLD.sent_at IS NOT NULL AND NEW.sent_at {distinct} OLD.sent_at",
            "when an attempt began to send cannot be changed",
        ),
        ("guard_attempt_delete", ATTEMPTS, "DELETE", "1 = 1", "attempts cannot be deleted"),
        ("guard_event_update", EVENTS, "UPDATE", "1 = 1", history),
        ("guard_event_delete", EVENTS, "DELETE", "1 = 1", history),
        ("guard_head_update", HEAD, "UPDATE", "OLD.event_id >= NEW.event_id OR NEW.event_id IS NULL", history),
        ("guard_head_delete", HEAD, "DELETE", "1 = 1", history),
    ]


def _sqlite(name: str, table: str, deed: str, when: str, words: str) -> list[str]:
    return [
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} FOR EACH ROW WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
    ]


def _postgresql(name: str, table: str, deed: str, when: str, words: str) -> list[str]:
    kept = {"DELETE": "OLD", "TRUNCATE": "NULL"}.get(deed, "NEW")
    each = "STATEMENT" if deed == "TRUNCATE" else "ROW"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {when} THEN "
        f"RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {kept}; END $$",
        f"CREATE TRIGGER {name} BEFORE {deed} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()",
    ]


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every guard in place, replacing those that are there."""
    remove(connection)
    make = _postgresql if connection.vendor == "postgresql" else _sqlite
    with connection.cursor() as cursor:
        for rule in rules(connection.vendor):
            for statement in make(*rule):
                cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every guard away, for the few who must: a test that empties its tables."""
    with connection.cursor() as cursor:
        for name, table, *_ in rules(connection.vendor):
            cursor.execute(
                f"DROP TRIGGER IF EXISTS {name} ON {table}"
                if connection.vendor == "postgresql"
                else f"DROP TRIGGER IF EXISTS {name}"
            )


def install_after_migrate(*, using: str, **_: Any) -> None:
    """Put the guards in place once the tables are there."""
    connection = connections[using]
    tables = connection.introspection.table_names()
    if {ORDER, LINES, ATTEMPTS, EVENTS, HEAD} <= set(tables):
        install(connection)
