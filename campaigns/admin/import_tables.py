"""The tables of the import's pages, for Unfold's table component. What a file holds is shown as plain text, and cut."""

from collections.abc import Iterable
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.admin import look
from campaigns.services.catalogue.findings import Finding, Findings, Verdict
from campaigns.services.imports import ColumnHelp

VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.WRONG: ("danger", "error"),
    Verdict.NEW: ("success", "add_circle"),
    Verdict.CHANGED: ("warning", "edit"),
    Verdict.UNCHANGED: ("default", "check"),
}
AMOUNTS = {"price", "default_budget", "monthly_budget", "approval_threshold", "budget_override"}
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


def rows(findings: Findings, found: Iterable[Finding]) -> dict[str, list[Any]]:
    """Return the rows of the file, with what would become of each."""
    cells = [[row.line, look.short(row.key, 60), _badge(row.verdict), _what(row)] for row in found]
    return {"headers": [findings.place, "Id", "What", "Why, or what changes"], "rows": cells}


def _badge(verdict: Verdict) -> SafeString:
    variant, symbol = VERDICTS[verdict]
    text = format_html("{}{}", look.icon(symbol), verdict.capitalize())
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def _what(row: Finding) -> SafeString | str:
    if row.verdict is Verdict.WRONG:
        lines = format_html_join(
            "",
            "<li><strong>{}</strong>{}{}</li>",
            ((e.column, ": " if e.column else "", e.message) for e in row.errors),
        )
    elif row.verdict is Verdict.NEW:
        values = ((column, _new(row, column)) for column, (_, new) in row.changes.items() if new not in (None, ""))
        lines = format_html_join("", "<li><strong>{}</strong>: {}</li>", values)
    elif row.verdict is Verdict.CHANGED:
        both = ((column, _old(row, column), _new(row, column)) for column in row.changes)
        lines = format_html_join("", "<li><strong>{}</strong>: <del>{}</del> → <ins>{}</ins></li>", both)
    else:
        return look.NOTHING
    return format_html('<ul class="console-changes">{}</ul>', lines)


def _old(row: Finding, column: str) -> str | SafeString:
    return _shown(column, row.changes[column][0], row.currencies[0])


def _new(row: Finding, column: str) -> str | SafeString:
    return _shown(column, row.changes[column][1], row.currencies[1])


def _shown(column: str, value: Any, currency: str) -> str | SafeString:
    if value in (None, ""):
        return "empty"
    if column in AMOUNTS:
        return look.amount(value, currency)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return look.short(", ".join(value) if isinstance(value, list) else str(value), LONGEST)
