"""What a column of a list holds as a plain value: what spreadsheets can count, sort and add up."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from campaigns.models.choices import label
from campaigns.services.spreadsheets import Value

HIDDEN = re.compile(r"<span[^>]*aria-hidden[^>]*>[^<]*</span>")


@dataclass(frozen=True)
class Column:
    """A column of an exported file."""

    title: str
    value: Callable[[Any], Value]


Columns = tuple[Column, ...]


def text(title: str, value: Callable[[Any], str]) -> Columns:
    """Return a column of texts."""
    return (Column(title, value),)


def words(title: str, field: str) -> Columns:
    """Return a column of a state, phase or the like, in the words of the pages."""
    return (Column(title, lambda row: label(getattr(row, field))),)


def money(title: str, amount: Callable[[Any], Decimal | None], currency: Callable[[Any], str] | None = None) -> Columns:
    """Return a column of amounts and one of their currency, the site's unless given; both empty where there is none."""

    def currency_of(row: Any) -> str:
        if amount(row) is None:
            return ""
        return currency(row) if currency else settings.CURRENCY

    return (Column(title, amount), Column(f"{title}, currency", currency_of))


def moment(title: str, of: Callable[[Any], datetime | None], zone: Callable[[Any], ZoneInfo] | None = None) -> Columns:
    """Return a column of moments on the clock of their zone, the site's unless given, and one of the zone's abbreviation."""

    def local(row: Any) -> datetime | None:
        at = of(row)
        in_zone = zone(row) if zone else ZoneInfo(settings.TIME_ZONE)
        return at.astimezone(in_zone).replace(microsecond=0) if at else None

    def abbreviation(row: Any) -> str:
        at = local(row)
        return f"{at:%Z}" if at else ""

    return (Column(title, local), Column(f"{title}, zone", abbreviation))


def columns_of(rooms: Any, entry: Any, plain: dict[str, Columns]) -> Columns:
    """Return the columns of the file for one column of the list: as `plain` says, else by its field, else as text."""
    name = entry if isinstance(entry, str) else entry.__name__
    if name in plain:
        return plain[name]
    title = str(label_for_field(entry, rooms.model, model_admin=rooms))
    try:
        field = rooms.opts.get_field(name)
    except FieldDoesNotExist:
        shown = entry if callable(entry) else getattr(rooms, name)
        return text(title, lambda row: _text(shown(row)))
    return _of_field(title, field)


def _of_field(title: str, field: Any) -> Columns:
    name = field.name
    if isinstance(field, models.DecimalField):
        return money(title, lambda row: getattr(row, name))
    if isinstance(field, models.DateTimeField):
        return moment(title, lambda row: getattr(row, name))
    if isinstance(field, models.BooleanField):
        return text(title, lambda row: "yes" if getattr(row, name) else "no")
    if isinstance(field, models.IntegerField):
        return (Column(title, lambda row: getattr(row, name)),)
    if field.choices:
        return words(title, name)
    return text(title, lambda row: "" if getattr(row, name) is None else str(getattr(row, name)))


def _text(shown: Any) -> str:
    """Return what a cell of the page says, without its markup and icons."""
    if not isinstance(shown, SafeString):
        return "" if shown is None else str(shown)
    return " ".join(unescape(strip_tags(HIDDEN.sub("", shown))).split())
