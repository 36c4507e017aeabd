"""What a list says of itself besides its rows: each filter in words with the list without it, and its orders as links."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst

from campaigns.admin import dates, look
from campaigns.admin.ids import row_id
from campaigns.domain.texts import one_line

LONGEST = 60
UP, DOWN = "▲", "▼"
SOMETHING = "one that you may not see"
OF_A_ROW = ("", "exact", "id__exact", "pk__exact")


@dataclass(frozen=True)
class Chip:
    """One filter, and the address of the list without it."""

    name: str
    value: str
    url: str


@dataclass(frozen=True)
class Sort:
    """A column to sort by, and the address of the list in that order; of the column that it is sorted by, turned around."""

    name: str
    url: str
    arrow: str
    """Empty where the list is not sorted by it."""


def chips(found: Any, request: HttpRequest) -> list[Chip]:
    """Return the search and the filters that narrow the list."""
    asked = {name: values for name, values in found.get_filters_params().items() if any(values)}
    made = [_chip(found, "search", f"“{found.query}”", SEARCH_VAR)] if found.query else []
    for spec in found.filter_specs:
        for name in spec.expected_parameters():
            if values := asked.pop(name, None):
                made.append(_chip(found, spec.title, _words(found, spec, name, values[-1]), name))
    hierarchy = found.date_hierarchy
    parts = [f"{hierarchy}__{part}" for part in ("year", "month", "day")]
    if not asked.keys().isdisjoint(parts):
        made.append(_chip(found, _label(found, hierarchy), dates.chosen(found, hierarchy), *parts))
    others = [(name, values) for name, values in asked.items() if name not in parts]
    return [*made, *(_other(found, request, name, values) for name, values in others)]


def sorts(found: Any) -> list[Sort]:
    """Return the columns that the list can be sorted by."""
    made = []
    for place, header in enumerate(result_headers(found)):
        if header["sortable"]:
            arrow = _arrow(header)
            url = found.get_query_string({ORDER_VAR: f"-{place}" if arrow == UP else str(place)})
            made.append(Sort(str(header["text"]), url, arrow))
    return made


def _arrow(header: dict[str, Any]) -> str:
    if not header["sorted"]:
        return ""
    return UP if header["ascending"] else DOWN


def _chip(found: Any, name: object, value: str, *parameters: str) -> Chip:
    return Chip(capfirst(str(name)), one_line(value, LONGEST), found.get_query_string(remove=list(parameters)))


def _words(found: Any, spec: Any, name: str, value: str) -> str:
    """Return what a filter of the drawer calls its value."""
    for choice in spec.choices(found):
        if "form" not in choice:
            if choice["selected"]:
                return str(choice["display"])
            continue
        field = choice["form"].fields.get(name)
        if hasattr(field, "queryset"):
            return _row(field.queryset, value)
        return str(dict(getattr(field, "choices", ())).get(value, value))
    return value


def _row(rows: Any, value: str) -> str:
    pk = row_id(value)
    row = rows.filter(pk=pk).first() if pk is not None else None
    return str(row) if row is not None else SOMETHING


def _other(found: Any, request: HttpRequest, name: str, values: list[str]) -> Chip:
    """Return the chip of a filter that the drawer does not have: an address of the console led here."""
    field_name, _, lookup = name.partition("__")
    value = values[-1]
    try:
        field = found.lookup_opts.get_field(field_name)
    except FieldDoesNotExist:
        return _chip(found, name, value, name)
    if field.is_relation and lookup in OF_A_ROW and admin.site.is_registered(field.related_model):
        rooms = admin.site.get_model_admin(field.related_model)
        # A list that has rows tells by them what it is asked for; an empty one must not tell who else is there.
        seen = (found.result_list and len(values) == 1) or rooms.has_view_permission(request)
        value = _row(rooms.get_queryset(request), value) if seen else SOMETHING
    elif (moment := _moment(value)) is not None:
        value = look.when(moment)
    return _chip(found, field.verbose_name, value, name)


def _moment(value: str) -> Any:
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _label(found: Any, name: str) -> str:
    return str(found.lookup_opts.get_field(name).verbose_name)
