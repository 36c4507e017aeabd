"""The tables of the import's pages, for Unfold's table component. What a file holds is shown as plain text, and cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.admin import changes, look
from campaigns.models import Branch, Order
from campaigns.services.catalogue.findings import Finding, Findings, Verdict
from campaigns.services.imports import ColumnHelp

VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.WRONG: ("danger", "error"),
    Verdict.NEW: ("success", "add_circle"),
    Verdict.CHANGED: ("warning", "edit"),
    Verdict.UNCHANGED: ("default", "check"),
}
AMOUNTS = {"price", "default_budget", "monthly_budget", "approval_threshold", "budget_override"}
TIMES = {"start", "end"}
LONGEST = 120


def columns(help_texts: Iterable[ColumnHelp]) -> dict[str, list[Any]]:
    """Return what each column of a file takes."""
    rows = [
        [
            format_html("<code>{}</code>", column.name),
            "Needed" if column.is_required else "Optional",
            format_html('<span class="console-words">{}</span>', column.text),
        ]
        for column in help_texts
    ]
    return {"headers": ["Column", "Needed?", "What it takes"], "rows": rows}


def tabs(counts: dict[Verdict, int], shown: Verdict | None) -> list[dict[str, Any]]:
    """Return a link for all rows and one for each verdict, with how many there are."""
    everything = {"name": "All rows", "count": sum(counts.values()), "query": "?", "is_shown": shown is None}
    return [
        everything,
        *(
            {"name": verdict.capitalize(), "count": count, "query": f"?show={verdict}", "is_shown": shown is verdict}
            for verdict, count in counts.items()
        ),
    ]


@dataclass(frozen=True)
class Told:
    """What values are told with: the names of the rows that they name by id, and the clock of each line's branch."""

    names: changes.Names
    zones: dict[int, ZoneInfo]


def rows(findings: Findings, found: Sequence[Finding], user: User) -> dict[str, list[Any]]:
    """Return the rows of the file, with what would become of each."""
    told = Told(changes.names([dict(row.changes.items()) for row in found], user), _zones(found))
    cells = [[row.line, look.short(row.key, 60), _badge(row.verdict), _what(row, told)] for row in found]
    return {"headers": [findings.place, "Id", "What", "Why, or what changes"], "rows": cells}


def _badge(verdict: Verdict) -> SafeString:
    variant, symbol = VERDICTS[verdict]
    text = format_html("{}{}", look.icon(symbol), verdict.capitalize())
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def _what(row: Finding, told: Told) -> SafeString | str:
    if row.verdict is Verdict.WRONG:
        lines = format_html_join(
            "",
            "<li><strong>{}</strong>{}{}</li>",
            ((e.column, ": " if e.column else "", e.message) for e in row.errors),
        )
    elif row.verdict is Verdict.NEW:
        values = (
            (column, _new(row, column, told)) for column, (_, new) in row.changes.items() if new not in (None, "")
        )
        lines = format_html_join("", "<li><strong>{}</strong>: {}</li>", values)
    elif row.verdict is Verdict.CHANGED:
        both = ((column, _old(row, column, told), _new(row, column, told)) for column in row.changes)
        lines = format_html_join("", "<li><strong>{}</strong>: <del>{}</del> → <ins>{}</ins></li>", both)
    else:
        return look.NOTHING
    return format_html('<ul class="console-changes">{}</ul>', lines)


def _old(row: Finding, column: str, told: Told) -> str | SafeString:
    return _shown(column, row.changes[column][0], row.currencies[0], told, row.line)


def _new(row: Finding, column: str, told: Told) -> str | SafeString:
    return _shown(column, row.changes[column][1], row.currencies[1], told, row.line)


def _zones(found: Iterable[Finding]) -> dict[int, ZoneInfo]:
    """Return by line the zone of the branch of each order with times: as the file names it, else of the draft to edit."""
    timed = [row for row in found if not TIMES.isdisjoint(row.changes)]
    ids = {row.line: row.changes["branch"][1] for row in timed if "branch" in row.changes}
    drafts = Order.objects.filter(order_ref__in=[row.key for row in timed if row.line not in ids])
    of_branch = dict(Branch.objects.filter(external_id__in=set(ids.values())).values_list("external_id", "time_zone"))
    of_draft = dict(drafts.order_by().values_list("order_ref", "branch__time_zone"))
    zones = {row.line: of_branch.get(ids.get(row.line, "")) or of_draft.get(row.key) for row in timed}
    return {line: ZoneInfo(zone) for line, zone in zones.items() if zone}


def _shown(column: str, value: Any, currency: str, told: Told, line: int) -> str | SafeString:
    if value in (None, ""):
        return "empty"
    if column in TIMES:
        return look.when(datetime.fromisoformat(value), told.zones.get(line))
    if column in AMOUNTS:
        return look.amount(value, currency)
    if isinstance(value, bool):
        return "yes" if value else "no"
    values = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    known = told.names.get(column, {})
    return look.short(", ".join(f"{known[each]} ({each})" if each in known else each for each in values), LONGEST)
