"""Settings out of the environment: typed, and every wrong one remembered instead of raised.

A wrong value never stops Python from importing the settings. It is kept in `problems`, its default stands in, and the
system checks refuse to start, so that somebody with three wrong settings reads all three at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ

T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """A setting that can't be used, and how to set it. Never holds the value: it may be a secret."""

    setting: str
    remedy: str


class Reader:
    """Read settings by name; keep a Problem for each that is wrong."""

    def __init__(self, env: environ.Env) -> None:
        self.env = env
        self.problems: list[Problem] = []

    def text(self, name: str, default: str) -> str:
        """Return the setting as it stands, without white space around it."""
        # Not through the library's own look-up, which takes a value that begins with $ for the name of another variable.
        return str(self.env.ENVIRON.get(name, default)).strip()

    def boolean(self, name: str, default: bool) -> bool:
        """Return true or false."""
        known = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }
        return self._parse(name, str(default), lambda text: known[text.lower()], "set it to true or false.")

    def seconds(self, name: str, default: float) -> float:
        """Return a number of seconds above zero."""
        remedy = f"set it to a number of seconds above zero, such as {default:g}."
        return self._parse(name, str(default), lambda text: _above_zero(float(text)), remedy)

    def whole(self, name: str, default: int) -> int:
        """Return a whole number above zero."""
        remedy = f"set it to a whole number above zero, such as {default}."
        return self._parse(name, str(default), lambda text: int(_above_zero(int(text))), remedy)

    def amount(self, name: str) -> Decimal | None:
        """Return an amount of money of at least zero, or None where the setting is empty."""
        remedy = "set it to an amount such as 5000 or 5000.00, or leave it empty for none."
        return self._parse(name, "", lambda text: _amount(text) if text else None, remedy)

    def names(self, name: str, default: str) -> list[str]:
        """Return a list written with commas."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def pairs(self, name: str, default: str) -> dict[str, str]:
        """Return a mapping written as `word=value,word=value`."""
        remedy = "write it as word=value pairs with commas between them, such as running=live,ended=completed."
        return self._parse(name, default, _pairs, remedy)

    def time_zone(self, name: str, default: str) -> str:
        """Return the name of a time zone that this machine knows."""
        return self._parse(
            name, default, lambda text: ZoneInfo(text).key, "set it to a name such as Africa/Johannesburg."
        )

    def currency(self, name: str, default: str) -> str:
        """Return the code of a currency."""
        return self._parse(name, default, _currency, "set it to three capital letters, such as ZAR.")

    def make_folders(self, name: str, *folders: Path) -> None:
        """Make the folders that the setting asks for, where they are not there."""
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            self.problems.append(Problem(name, "set it to a folder in which this user may write."))

    def database(self, name: str, default: str, base: Path) -> dict[str, Any]:
        """Return Django's description of the database; a relative SQLite path is taken from `base`."""
        remedy = (
            "set it to an address such as postgres://user:password@host:5432/name, postgres:///name?host=/run/postgresql "
            "or sqlite:///var/db.sqlite3."
        )
        parsed = self._parse(name, default, _database, remedy)
        if parsed["ENGINE"].endswith("sqlite3") and parsed["NAME"] != ":memory:":
            parsed["NAME"] = str(base / parsed["NAME"])
        return parsed

    def _parse(self, name: str, default: str, parse: Callable[[str], T], remedy: str) -> T:
        try:
            return parse(self.text(name, default))
        except (ValueError, KeyError, ArithmeticError, OSError, environ.ImproperlyConfigured):
            self.problems.append(Problem(name, remedy))
            return parse(default)


def is_local(address: str) -> bool:
    """Say whether the address is on this machine's own loopback."""
    try:
        return urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}
    except ValueError:
        return False


def _above_zero(number: float) -> float:
    if not 0 < number < float("inf"):
        raise ValueError(number)
    return number


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite() or amount < 0:
        raise InvalidOperation
    return amount


def _currency(text: str) -> str:
    if not re.fullmatch("[A-Z]{3}", text):
        raise ValueError(text)
    return text


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.split("=", 1) for part in text.split(",") if part.strip()]
    return {word.strip(): value.strip() for word, value in pairs}


def _database(url: str) -> dict[str, Any]:
    # Asked before the library, which prints an address that it does not know, password and all.
    if urlsplit(url).scheme not in {"sqlite", "postgres", "postgresql"}:
        raise ValueError("only SQLite and PostgreSQL are supported")
    parsed: dict[str, Any] = environ.Env.db_url_config(url)
    if not parsed["NAME"]:
        raise ValueError("the name is missing")
    return parsed
