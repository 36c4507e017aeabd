"""What the database itself refuses, whatever door is used: queryset.update, raw SQL, the shell.

Triggers, because a constraint can't compare the old row with the new one. They are made anew after each `migrate`, so that no
migration that rebuilds a table can lose them; what they refuse is in guard_rules.py.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from campaigns.models.guard_rules import TABLES, Rule, rules


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every guard in place, replacing those that are there, with no moment between in which one is away.

    SQLite does so in one transaction. PostgreSQL replaces each by itself: one that took all these tables for itself at once
    and those who work meanwhile could wait for each other in a circle.
    """
    if connection.vendor == "postgresql":
        _execute(connection, _postgresql)
        return
    with transaction.atomic(using=connection.alias):
        remove(connection)
        _execute(connection, _sqlite)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every guard away, for the few who must: a test that empties its tables."""
    with connection.cursor() as cursor:
        for rule in rules(connection.vendor):
            cursor.execute(
                f"DROP TRIGGER IF EXISTS {rule.name} ON {rule.table}"
                if connection.vendor == "postgresql"
                else f"DROP TRIGGER IF EXISTS {rule.name}"
            )


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the guards that are not in place, or are switched off."""
    there = (
        "SELECT tgname FROM pg_trigger WHERE tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(there)
        names = {name for (name,) in cursor.fetchall()}
    return sorted(rule.name for rule in rules(connection.vendor) if rule.name not in names)


def remove_before_migrate(*, using: str, plan: Iterable[tuple[Migration, bool]], **_: Any) -> None:
    """Take the guards away on SQLite, where many changes of a table make a new one, and guards of others look for the old.

    Not where there is nothing to change: people and workers may be at work meanwhile. Should the migration fail they stay away
    until the next one: `flow_doctor` tells of that.
    """
    connection = connections[using]
    if connection.vendor == "sqlite" and any(migration.app_label == "campaigns" for migration, _ in plan):
        remove(connection)


def install_after_migrate(*, using: str, **_: Any) -> None:
    """Put the guards in place once the tables are there."""
    connection = connections[using]
    if set(TABLES) <= set(connection.introspection.table_names()):
        install(connection)


def _execute(connection: BaseDatabaseWrapper, make: Callable[[Rule], list[str]]) -> None:
    with connection.cursor() as cursor:
        for rule in rules(connection.vendor):
            for statement in make(rule):
                cursor.execute(statement)


def _sqlite(rule: Rule) -> list[str]:
    return [
        f"CREATE TRIGGER {rule.name} BEFORE {rule.deed} ON {rule.table} FOR EACH ROW WHEN {rule.when} "
        f"BEGIN SELECT RAISE(ABORT, '{rule.words}'); END"
    ]


def _postgresql(rule: Rule) -> list[str]:
    kept = {"DELETE": "OLD", "TRUNCATE": "NULL"}.get(rule.deed, "NEW")
    each = "STATEMENT" if rule.deed == "TRUNCATE" else "ROW"
    return [
        f"CREATE OR REPLACE FUNCTION {rule.name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {rule.when} THEN "
        f"RAISE EXCEPTION '{rule.words}' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {kept}; END $$",
        f"CREATE OR REPLACE TRIGGER {rule.name} BEFORE {rule.deed} ON {rule.table} FOR EACH {each} "
        f"EXECUTE FUNCTION {rule.name}()",
    ]
