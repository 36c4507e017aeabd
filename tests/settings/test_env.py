"""Settings out of the environment: what is understood, and what is remembered as a problem while a default stands in."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import environ
import pytest

from flowsite.env import Problem, Reader

NAME = "A_SETTING"


@pytest.fixture
def reader() -> Reader:
    return Reader(environ.Env())


def problem_of(reader: Reader) -> Problem:
    (problem,) = reader.problems
    assert problem.setting == NAME
    return problem


@pytest.mark.parametrize("text", ["$HOME", "$nothing", "a$b", "a#b", "  plain ", "ünïcode"])
def test_a_text_is_taken_letter_by_letter(reader: Reader, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)
    assert reader.text(NAME, "default") == text.strip()


def test_what_is_not_set_is_the_default(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert reader.text(NAME, "default") == "default"
    assert reader.boolean(NAME, default=True) is True
    assert reader.seconds(NAME, 1.5) == 1.5
    assert reader.whole(NAME, 3) == 3
    assert reader.amount(NAME) is None
    assert reader.names(NAME, "a,b") == ["a", "b"]
    assert reader.pairs(NAME, "a=b") == {"a": "b"}
    assert reader.time_zone(NAME, "UTC") == "UTC"
    assert reader.currency(NAME, "ZAR") == "ZAR"
    assert reader.problems == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, True) for text in ("true", "TRUE", " 1 ", "yes", "on")],
        *[(text, False) for text in ("false", "False", "0", "no", "off")],
    ],
)
def test_a_boolean_is_understood(reader: Reader, monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv(NAME, text)
    assert reader.boolean(NAME, default=not value) is value
    assert reader.problems == []


def read(reader: Reader, kind: str) -> Any:
    defaults: dict[str, tuple[Any, ...]] = {
        "boolean": (True,),
        "seconds": (30,),
        "whole": (3,),
        "amount": (),
        "pairs": ("a=b",),
        "time_zone": ("UTC",),
        "currency": ("ZAR",),
        "database": ("sqlite:////data/db.sqlite3", Path("/base")),
        "mail_server": ("consolemail://",),
        "sender": ("console@localhost",),
        "site": (),
    }
    return getattr(reader, kind)(NAME, *defaults[kind])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("seconds", "0.5", 0.5),
        ("seconds", "20", 20.0),
        ("whole", "7", 7),
        ("amount", "5000", Decimal("5000")),
        ("amount", "5000.50", Decimal("5000.50")),
        ("amount", "0", Decimal(0)),
        ("amount", "", None),
        ("pairs", " running = live , ended=completed,", {"running": "live", "ended": "completed"}),
        ("pairs", "", {}),
        ("time_zone", "Africa/Johannesburg", "Africa/Johannesburg"),
        ("currency", "EUR", "EUR"),
        ("sender", "console@example.com", "console@example.com"),
        ("sender", "The console <console@example.com>", "The console <console@example.com>"),
        ("site", "", ""),
        ("site", "https://console.example.com/", "https://console.example.com"),
        ("site", "http://127.0.0.1:8000/below", "http://127.0.0.1:8000/below"),
    ],
)
def test_a_right_value_is_understood(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, value: object
) -> None:
    monkeypatch.setenv(NAME, text)
    assert read(reader, kind) == value
    assert reader.problems == []


@pytest.mark.parametrize(
    ("kind", "text", "remedy"),
    [
        *[("boolean", text, "set it to true or false.") for text in ("", "maybe", "2")],
        *[("seconds", text, "number of seconds above zero") for text in ("", "soon", "0", "-1", "nan", "inf", "1e999")],
        *[("whole", text, "whole number above zero") for text in ("", "many", "0", "-1", "1.5", "1e3")],
        *[("amount", text, "an amount such as 5000") for text in ("a lot", "-1", "NaN", "Infinity", "5 000", "R5")],
        *[("pairs", text, "word=value pairs") for text in ("running", "a=b,c")],
        *[("time_zone", text, "such as Africa/Johannesburg") for text in ("", "Africa", "Mars/Base", "../etc/passwd")],
        *[("currency", text, "three capital letters") for text in ("", "rand", "zar", "ZARR", "Z R")],
        *[
            ("database", text, "postgres://user:password@host:5432/name")
            for text in ("", "db", "mysql://u:p@h/n", "postgres://u:p@h:port/n", "postgres://u:p@h", "oracle://x/y")
        ],
        *[
            ("mail_server", text, "smtp+tls://user:password@host:587")
            for text in (
                *("", "mail.example.com", "smtp://", "smtp://:25", "smtps://host", "http://host", "dummymail://"),
                *("smtp://host:port", "smtp://u:p#x@host:25", "smtp://u:p/x@host:25", "smtp://u:p?x@host:25"),
                *("smtp://host/path", "smtp+tls://host?use_ssl=1", "consolemail:///path"),
            )
        ],
        *[
            ("sender", text, "an address such as console@localhost")
            for text in ("", "console", "@host", "console@", "a@b\nBcc: c@d")
        ],
        *[
            ("site", text, "such as https://console.example.com")
            for text in (
                "console.example.com",
                "ftp://host",
                "https://",
                "https://u:p@host",
                "https://h/?a=b",
                "https://h:x",
            )
        ],
    ],
)
def test_a_wrong_value_is_remembered_with_its_remedy_and_the_default_stands_in(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, remedy: str
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    default = read(reader, kind)
    monkeypatch.setenv(NAME, text)
    assert read(reader, kind) == default
    assert remedy in problem_of(reader).remedy


@pytest.mark.parametrize(
    ("kind", "text"),
    [("database", "mysql://console:hunter2@db/console"), ("mail_server", "smtps://console:hunter2@mail.example.com")],
)
def test_a_problem_does_not_hold_the_value_which_may_be_a_secret(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    monkeypatch.setenv(NAME, text)
    read(reader, kind)
    assert "hunter2" not in repr(problem_of(reader))


@pytest.mark.parametrize(
    ("address", "port", "starttls", "ssl"),
    [
        ("smtp://u:p%23%2Fw@mail.example.com", 25, False, False),
        ("smtp://u:p%23%2Fw@mail.example.com:2525", 2525, False, False),
        ("smtp+tls://u:p%23%2Fw@mail.example.com", 587, True, False),
        ("smtp+ssl://u:p%23%2Fw@mail.example.com/", 465, False, True),
    ],
)
def test_a_mail_server_is_understood(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, address: str, port: int, starttls: bool, ssl: bool
) -> None:
    monkeypatch.setenv(NAME, address)
    assert read(reader, "mail_server") == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example.com",
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": "u",
        "EMAIL_HOST_PASSWORD": "p#/w",
        "EMAIL_USE_TLS": starttls,
        "EMAIL_USE_SSL": ssl,
    }
    assert reader.problems == []


def test_mails_are_printed_unless_a_mail_server_is_set(reader: Reader) -> None:
    assert read(reader, "mail_server")["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend"


def test_every_wrong_setting_is_remembered(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "x")
    monkeypatch.setenv("TWO", "x")
    reader.seconds("ONE", 1)
    reader.whole("TWO", 1)
    assert [problem.setting for problem in reader.problems] == ["ONE", "TWO"]


@pytest.mark.parametrize(
    ("address", "name"),
    [("sqlite:///var/db.sqlite3", "/base/var/db.sqlite3"), ("sqlite:////data/db.sqlite3", "/data/db.sqlite3")],
)
def test_a_relative_sqlite_path_is_taken_from_the_project(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, address: str, name: str
) -> None:
    monkeypatch.setenv(NAME, address)
    database = read(reader, "database")
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", name)


def test_a_postgresql_address_may_name_a_socket(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgres:///console?host=/run/postgresql")
    database = read(reader, "database")
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.postgresql", "console")
    assert database["OPTIONS"] == {"host": "/run/postgresql"}


def test_folders_are_made_where_they_are_not_there(reader: Reader, tmp_path: Path) -> None:
    for _ in range(2):
        reader.make_folders(NAME, tmp_path / "a" / "b", tmp_path / "c")
    assert (tmp_path / "a" / "b").is_dir()
    assert (tmp_path / "c").is_dir()
    assert reader.problems == []


def test_a_folder_that_cannot_be_made_is_a_problem(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reader.make_folders(NAME, tmp_path / "file" / "b")
    assert problem_of(reader).remedy == "set it to a folder in which this user may write."
