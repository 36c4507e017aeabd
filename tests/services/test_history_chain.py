"""Each line of history carries the hash of the one before: what was changed behind the console's back is noticed."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection

from campaigns.domain.states import ActorKind
from campaigns.models import Event, HistoryHead, guards
from campaigns.services.history import append, broken_link, record
from tests.services.building import NOW, at_once, queued

pytestmark = pytest.mark.django_db
WRITERS = 8


def tell(text: str, **fields: object) -> Event:
    return record("test.told", text, now=NOW, by=ActorKind.SCHEDULER, **fields)  # type: ignore[arg-type]  # any of record's


def three_lines() -> list[Event]:
    return [tell("one"), tell("two", data={"list": [1, "é"], "nothing": None}), tell("three", subject="branch:B1")]


def sql(statement: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_the_first_line_follows_nothing_and_each_other_the_one_before() -> None:
    lines = three_lines()

    first, second, third = Event.objects.order_by("pk")
    assert first.previous_sha256 == ""
    said = '["", "2030-01-01T09:00:00.000000+00:00", "test.told", "one", {}, "scheduler", null, null, null, ""]'
    assert second.previous_sha256 == sha256(said.encode()).hexdigest()
    assert len({second.previous_sha256, third.previous_sha256, HistoryHead.objects.get().sha256}) == 3
    assert HistoryHead.objects.get().event_id == lines[-1].pk
    assert broken_link() == ""


def test_no_history_is_whole() -> None:
    assert broken_link() == ""


def test_lines_written_together_are_chained_in_their_order() -> None:
    tell("before")
    append(Event(at=NOW, kind="test.told", text=str(number), actor_kind="flow") for number in range(2500))
    tell("after")

    assert broken_link() == ""
    assert list(Event.objects.order_by("pk").values_list("text", flat=True)) == [
        "before",
        *map(str, range(2500)),
        "after",
    ]


def test_writing_no_lines_writes_nothing() -> None:
    append([])
    assert not Event.objects.exists()
    assert not HistoryHead.objects.exclude(event=None).exists()


TAMPERING: dict[str, tuple[Callable[[list[Event]], object], str]] = {
    "a text is changed": (
        lambda lines: sql("UPDATE campaigns_event SET text = 'another' WHERE id = %s", lines[1].pk),
        "History was changed: line {2} does not follow line {1} as it was written.",
    ),
    "the person is changed": (
        lambda lines: sql("UPDATE campaigns_event SET actor_kind = 'flow' WHERE id = %s", lines[0].pk),
        "History was changed: line {1} does not follow line {0} as it was written.",
    ),
    "the time is changed": (
        lambda lines: Event.objects.filter(pk=lines[1].pk).update(at=NOW + timedelta(microseconds=1)),
        "History was changed: line {2} does not follow line {1} as it was written.",
    ),
    "the first is removed": (
        lambda lines: sql("DELETE FROM campaigns_event WHERE id = %s", lines[0].pk),
        "History was changed: line {1} does not follow the beginning as it was written.",
    ),
    "one in the middle is removed": (
        lambda lines: sql("DELETE FROM campaigns_event WHERE id = %s", lines[1].pk),
        "History was changed: line {2} does not follow line {0} as it was written.",
    ),
    "the last is changed": (
        lambda lines: sql("UPDATE campaigns_event SET text = 'another' WHERE id = %s", lines[2].pk),
        "History was changed: its last line, {2}, is not as it was written.",
    ),
    "the last is made to belong to somebody else, with its hash": (
        lambda lines: sql("UPDATE campaigns_event SET previous_sha256 = 'x' WHERE id = %s", lines[2].pk),
        "History was changed: line {2} does not follow line {1} as it was written.",
    ),
    "one is added at the end": (
        lambda _: Event.objects.create(at=NOW, kind="x", text="x", actor_kind="flow", previous_sha256="x"),
        "History was changed: line {added} was added by something else than the console.",
    ),
}


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("how", TAMPERING)
def test_history_that_was_changed_is_noticed_where(how: str) -> None:
    deed, words = TAMPERING[how]
    lines = three_lines()

    deed(lines)

    newest = Event.objects.order_by("-pk").values_list("pk", flat=True)[0]
    assert broken_link() == words.format(*(line.pk for line in lines), added=newest)


@pytest.mark.usefixtures("unguarded")
def test_a_last_line_that_was_removed_is_missed() -> None:
    lines = three_lines()

    sql("UPDATE campaigns_historyhead SET event_id = NULL")
    sql("DELETE FROM campaigns_event WHERE id = %s", lines[2].pk)
    sql("UPDATE campaigns_historyhead SET event_id = %s", lines[1].pk)

    assert broken_link() == f"History was changed: its last line, {lines[1].pk}, is not as it was written."


@pytest.mark.usefixtures("unguarded")
def test_history_whose_head_was_removed_is_noticed() -> None:
    lines = three_lines()

    sql("DELETE FROM campaigns_historyhead")

    assert broken_link() == f"History was changed: line {lines[0].pk} was added by something else than the console."


@pytest.mark.usefixtures("unguarded")
def test_history_that_was_emptied_together_with_its_head_is_missed(author: User) -> None:
    queued(author)

    sql("UPDATE campaigns_historyhead SET event_id = NULL, sha256 = ''")
    sql("DELETE FROM campaigns_event")

    assert broken_link() == "History was changed: there are orders, and not one line tells of them."


UNREADABLE = {
    "sqlite": [
        ("at", "'garbage'"),
        ("at", "'2030-13-45 09:00:00'"),
        ("text", "CAST(x'ff' AS TEXT)"),
        ("text", "x'ff'"),
    ],
    "postgresql": [("at", "'infinity'")],
}


@pytest.mark.usefixtures("unguarded")
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(("column", "value"), UNREADABLE[connection.vendor])
def test_a_line_that_cannot_be_read_is_told(column: str, value: str, which: int) -> None:
    lines = three_lines()

    sql(f"UPDATE campaigns_event SET {column} = {value} WHERE id = %s", lines[which].pk)

    assert broken_link() == f"History was changed: line {lines[which].pk} can't be read."


@pytest.mark.usefixtures("unguarded")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL takes nothing but JSON")
def test_a_line_whose_data_is_no_json_is_told() -> None:
    lines = three_lines()

    sql("PRAGMA ignore_check_constraints = ON")
    sql("UPDATE campaigns_event SET data = '{broken' WHERE id = %s", lines[1].pk)
    sql("PRAGMA ignore_check_constraints = OFF")

    words = f"History was changed: line {lines[2].pk} does not follow line {lines[1].pk} as it was written."
    assert broken_link() == words
    sql("UPDATE campaigns_event SET data = '{}' WHERE id = %s", lines[1].pk)  # else the database's own check fails


@pytest.mark.usefixtures("unguarded")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL takes nothing but numbers")
def test_a_head_that_cannot_be_read_is_told() -> None:
    tell("one")

    sql("UPDATE campaigns_historyhead SET event_id = 'garbage'")

    assert broken_link() == "History was changed: the number of its last line can't be read."
    sql("UPDATE campaigns_historyhead SET event_id = NULL")  # else the database's own check fails


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_chain(author: User) -> None:
    def write(number: int) -> None:
        for _ in range(10):
            tell(f"{number}")

    at_once(*[lambda number=number: write(number) for number in range(WRITERS)])

    assert Event.objects.count() == 10 * WRITERS
    assert broken_link() == ""


def test_what_orders_do_is_chained(author: User) -> None:
    queued(author)
    assert Event.objects.count() == 2
    assert broken_link() == ""


def test_history_from_before_the_chain_is_chained_as_it_is(author: User) -> None:
    order = queued(author)
    with_order = Event.objects.filter(order=order).count()
    guards.remove(connection)
    HistoryHead.objects.all().delete()
    Event.objects.update(previous_sha256="")
    guards.install(connection)

    with connection.cursor() as cursor:
        schema_editor = SimpleNamespace(connection=connection, execute=cursor.execute)
        import_module("campaigns.migrations.0004_chain_history").chain(apps, schema_editor)
    guards.install(connection)

    assert with_order == 2
    assert broken_link() == ""
    tell("one more")
    assert broken_link() == ""
