"""Years, months and days above a list.

Django's own names only those with rows, and reads every row to know; here the calendar and the ends of the table are enough.
"""

import calendar
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format


def choices(found: Any, name: str) -> dict[str, Any]:
    """Return the choices of a list by its column of moments, and the way back to the wider ones."""
    fields = {part: f"{name}__{part}" for part in ("year", "month", "day")}
    year, month, day = (_whole(found.params.get(field)) for field in fields.values())

    def link(**asked: int) -> str:
        text: str = found.get_query_string({fields[part]: number for part, number in asked.items()}, [f"{name}__"])
        return text

    if year and month and day:
        back, now = {"link": link(year=year, month=month), "title": _month(year, month)}, date(year, month, day)
        return {"back": back, "choices": [{"title": date_format(now, "MONTH_DAY_FORMAT")}]}
    if year and month:
        days = range(1, calendar.monthrange(year, month)[1] + 1)
        titles = [(date_format(date(year, month, each), "MONTH_DAY_FORMAT"), each) for each in days]
        back = {"link": link(year=year), "title": str(year)}
        return {
            "back": back,
            "choices": [{"link": link(year=year, month=month, day=each), "title": title} for title, each in titles],
        }
    if year:
        months = [{"link": link(year=year, month=each), "title": _month(year, each)} for each in range(1, 13)]
        return {"back": {"link": link(), "title": "All dates"}, "choices": months}
    return {"choices": [{"link": link(year=each), "title": str(each)} for each in _years(found.model, name)]}


def chosen(found: Any, name: str) -> str:
    """Return the year, month or day that the list is of, in words."""
    year, month, day = (_whole(found.params.get(f"{name}__{part}")) for part in ("year", "month", "day"))
    if year and month and day:
        return date_format(date(year, month, day), "DATE_FORMAT")
    if year and month:
        return _month(year, month)
    # An address may ask for a thirteenth month, of no year.
    named = calendar.month_name[month] if month and 0 < month <= 12 else month
    return " ".join(str(part) for part in (day, named, year) if part is not None)


def _years(model: Any, name: str) -> range:
    """Return the years from the first row to the last; two questions, for SQLite answers both at once by reading all rows."""
    rows = model._default_manager.filter(**{f"{name}__isnull": False}).values_list(name, flat=True)
    ends: list[datetime] = [*rows.order_by(name)[:1], *rows.order_by(f"-{name}")[:1]]
    years = [timezone.localtime(end).year for end in ends]
    return range(years[0], years[1] + 1) if years else range(0)


def _month(year: int, month: int) -> str:
    return date_format(date(year, month, 1), "YEAR_MONTH_FORMAT")


def _whole(values: Any) -> int | None:
    """Return a number of the address; the list itself has refused what is no date."""
    return int(values) if values else None
