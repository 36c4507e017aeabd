"""Settings out of the environment: typed, and every wrong one remembered instead of raised.

A wrong value never stops Python from importing the settings. It is kept in `problems`, its default stands in, and the
system checks refuse to start, so that somebody with three wrong settings reads all three at once.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from email.utils import parseaddr
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

    def mail_server(self, name: str, default: str) -> dict[str, Any]:
        """Return Django's EMAIL_… settings for the mail server, or for printing mails on the console."""
        remedy = (
            "set it to smtp+tls://user:password@host:587, smtp+ssl://user:password@host:465, smtp://host:25 or consolemail:// "
            "(prints mails in the log), with signs such as # ? / @ in the password percent-encoded."
        )
        return self._parse(name, default, _mail_server, remedy)

    def sender(self, name: str, default: str) -> str:
        """Return whom mails come from: an address, perhaps with a name before it."""
        remedy = f"set it to an address such as {default}, or Name <{default}>."
        return self._parse(name, default, _sender, remedy)

    def site(self, name: str) -> str:
        """Return the address under which people reach the site, without a slash at its end; empty where it is not set."""
        remedy = "set it to an address such as https://console.example.com, or leave it empty."
        return self._parse(name, "", _site, remedy)

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


def _mail_server(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    # Asked before the library, which takes smtps:// for STARTTLS and reads past what does not belong there.
    if parts.scheme not in {"smtp", "smtp+tls", "smtp+ssl", "consolemail"}:
        raise ValueError("only SMTP and the console are supported")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("nothing comes behind the port")
    if parts.scheme != "consolemail" and not parts.hostname:
        raise ValueError("the host is missing")
    parsed: dict[str, Any] = environ.Env.email_url_config(url)
    default_port = {"smtp+tls": 587, "smtp+ssl": 465}.get(parts.scheme, 25)
    return {
        "EMAIL_BACKEND": parsed["EMAIL_BACKEND"],
        "EMAIL_HOST": parsed["EMAIL_HOST"] or "localhost",
        "EMAIL_PORT": parsed["EMAIL_PORT"] or default_port,
        "EMAIL_HOST_USER": parsed["EMAIL_HOST_USER"] or "",
        "EMAIL_HOST_PASSWORD": parsed["EMAIL_HOST_PASSWORD"] or "",
        "EMAIL_USE_TLS": parsed.get("EMAIL_USE_TLS", False),
        "EMAIL_USE_SSL": parsed.get("EMAIL_USE_SSL", False),
    }


def _sender(text: str) -> str:
    address = parseaddr(text)[1]
    if not all(address.rpartition("@")) or not text.isprintable():
        raise ValueError(text)
    return text


def _site(address: str) -> str:
    parts = urlsplit(address)
    parts.port  # noqa: B018 - reading it raises where it is no number
    plain = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    if address and (not plain or parts.query or parts.fragment or not address.isprintable() or " " in address):
        raise ValueError(address)
    return address.rstrip("/")
