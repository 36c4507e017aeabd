"""A list as an address asks for it: its filters, search, columns and order."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR, IncorrectLookupParameters
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.utils.http import urlencode

from campaigns.admin.pages import BigList
from campaigns.services.views import ViewState

COLUMNS = "columns"
COLUMN = "column"
"""One of several, as the chooser sends them."""

TICK = "tick"
"""The name of the column of boxes to tick, which is no column to choose or to export."""

NO_FILTERS = frozenset({COLUMNS, COLUMN, ORDER_VAR, PAGE_VAR, ERROR_FLAG, ALL_VAR, IS_POPUP_VAR, TO_FIELD_VAR})
WRONG = (IncorrectLookupParameters, SuspiciousOperation, OverflowError)
"""What Django raises for filters that a list does not have, may not be asked for, or that no database can hold."""


class ListOfColumns(BigList):
    """A list whose address may name its columns, which are no filter."""

    def get_filters_params(self, params: Any = None) -> Any:
        """Return the filters."""
        filters = super().get_filters_params(params)
        return {name: value for name, value in filters.items() if name != COLUMNS}


def name_of(entry: Any) -> str:
    """Return the name of an entry of `list_display`."""
    return entry if isinstance(entry, str) else str(entry.__name__)


def chosen(asked: QueryDict, columns: Sequence[Any]) -> list[Any]:
    """Return those of the columns that an address asks for; none where it asks for none that there is."""
    names = set(asked.get(COLUMNS, "").split(","))
    return [entry for entry in columns if name_of(entry) in names]


def listed(rooms: Any, request: HttpRequest, asked: str) -> Any:
    """Return the list, within what the user may see, that an address asks for. Raises one of `WRONG`."""
    as_if: Any = copy.copy(request)
    get = QueryDict(asked, mutable=True)
    for name in (PAGE_VAR, ALL_VAR, ERROR_FLAG, IS_POPUP_VAR, TO_FIELD_VAR):
        get.pop(name, None)
    as_if.GET = get
    as_if.method = "GET"
    return rooms.get_changelist_instance(as_if)


def state_of(asked: QueryDict, shown: Sequence[Any]) -> ViewState:
    """Return what an address asks for; `shown` are the columns that its order counts."""
    filters = sorted(
        (name, value) for name, values in asked.lists() if name not in NO_FILTERS for value in values if value
    )
    names = [name_of(entry) for entry in shown]
    ordering = []
    for part in asked.get(ORDER_VAR, "").split("."):
        down, digits = part.startswith("-"), part.removeprefix("-")
        if digits.isdecimal() and len(digits) < 4 and int(digits) < len(names):
            ordering.append(f"-{names[int(digits)]}" if down else names[int(digits)])
    columns = [name for name in asked.get(COLUMNS, "").split(",") if name in names]
    return ViewState(tuple(filters), tuple(columns), tuple(ordering))


def address(state: ViewState, shown: Sequence[Any]) -> str:
    """Return the address that asks for this of a list which shows these columns, such as `?state__exact=draft`."""
    names = [name_of(entry) for entry in shown]
    order = [
        f"{'-' if part.startswith('-') else ''}{names.index(part.removeprefix('-'))}"
        for part in state.ordering
        if part.removeprefix("-") in names
    ]
    pairs: list[tuple[str, str]] = list(state.filters)
    pairs += [(COLUMNS, ",".join(state.columns))] if state.columns else []
    pairs += [(ORDER_VAR, ".".join(order))] if order else []
    return f"?{urlencode(pairs)}" if pairs else "?"


def fitting(rooms: Any, request: HttpRequest, state: ViewState, allowed: Iterable[Any]) -> tuple[ViewState, list[str]]:
    """Return as much of the state as the list takes from this user, and what had to be left out."""
    names = {name_of(entry) for entry in allowed}
    columns = tuple(name for name in state.columns if name in names)
    ordering = tuple(part for part in state.ordering if part.removeprefix("-") in names)
    filters = state.filters
    if not _is_taken(rooms, request, filters):
        filters = tuple(pair for pair in filters if _is_taken(rooms, request, (pair,)))
        filters = filters if _is_taken(rooms, request, filters) else ()
    kept = {*filters, *columns, *ordering}
    dropped = [pair[0] for pair in state.filters if pair not in kept]
    dropped += [name for name in state.columns if name not in kept]
    dropped += [part.removeprefix("-") for part in state.ordering if part not in kept]
    return ViewState(filters, columns, ordering), list(dict.fromkeys(dropped))


def _is_taken(rooms: Any, request: HttpRequest, filters: tuple[tuple[str, str], ...]) -> bool:
    try:
        listed(rooms, request, urlencode(filters))
    except WRONG:
        return False
    return True
