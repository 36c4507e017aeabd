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
        values = ((column, _shown(new)) for column, (_, new) in row.changes.items() if new not in (None, ""))
        lines = format_html_join("", "<li><strong>{}</strong>: {}</li>", values)
    elif row.verdict is Verdict.CHANGED:
        both = ((column, _shown(old), _shown(new)) for column, (old, new) in row.changes.items())
        lines = format_html_join("", "<li><strong>{}</strong>: <del>{}</del> → <ins>{}</ins></li>", both)
    else:
        return look.NOTHING
    return format_html('<ul class="console-changes">{}</ul>', lines)


def _shown(value: Any) -> str | SafeString:
    if value in (None, ""):
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return look.short(", ".join(value) if isinstance(value, list) else str(value), LONGEST)
