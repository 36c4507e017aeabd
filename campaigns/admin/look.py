"""How things look: environment, colours, badges, times and amounts."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.domain.batches import RowState
from campaigns.domain.money import format_money, parse_amount
from campaigns.domain.states import Action, ActorKind, CommandState, OrderState, Outcome, Phase
from campaigns.domain.texts import clean, one_line
from campaigns.domain.times import shown
from campaigns.models import Campaign, Command
from campaigns.models.choices import label

NOTHING = "–"
# In a cell of a table: a phone, where each cell is a line of a card, leaves the line out.
NOTHING_IN_CELL = format_html('<span class="console-nothing">{}</span>', NOTHING)
LONGEST_HINT = 1000
UTC = ZoneInfo("UTC")

# Tailwind's teal, one step darker than there, so that white text on it can be read.
SANDBOX_PRIMARY = {
    "50": "oklch(98.4% .014 180.72)",
    "100": "oklch(95.3% .051 180.801)",
    "200": "oklch(91% .096 180.426)",
    "300": "oklch(85.5% .138 181.071)",
    "400": "oklch(77.7% .152 181.912)",
    "500": "oklch(70.4% .14 182.503)",
    "600": "oklch(51.1% .096 186.391)",
    "700": "oklch(43.7% .078 188.216)",
    "800": "oklch(38.6% .063 188.416)",
    "900": "oklch(32% .05 190)",
    "950": "oklch(27.7% .046 192.524)",
}
# Tailwind's violet.
MONEY_PRIMARY = {
    "50": "oklch(96.9% .016 293.756)",
    "100": "oklch(94.3% .029 294.588)",
    "200": "oklch(89.4% .057 293.283)",
    "300": "oklch(81.1% .111 293.571)",
    "400": "oklch(70.2% .183 293.541)",
    "500": "oklch(60.6% .25 292.717)",
    "600": "oklch(54.1% .281 293.009)",
    "700": "oklch(49.1% .27 292.581)",
    "800": "oklch(43.2% .232 292.759)",
    "900": "oklch(38% .189 293.745)",
    "950": "oklch(28.3% .141 291.089)",
}

# Red is for failures and doubt alone.
STATES: dict[str, tuple[str, str]] = {
    OrderState.DRAFT: ("default", "edit_note"),
    OrderState.AWAITING_APPROVAL: ("warning", "how_to_reg"),
    OrderState.QUEUED: ("info", "schedule_send"),
    OrderState.PUBLISHING: ("info", "sync"),
    OrderState.PUBLISHED: ("success", "check_circle"),
    OrderState.REJECTED: ("danger", "block"),
    OrderState.UNKNOWN: ("danger", "help"),
    OrderState.CANCELLED: ("default", "cancel"),
}
PHASES: dict[str, tuple[str, str]] = {
    Phase.QUEUED: ("info", "schedule"),
    Phase.IN_PROGRESS: ("info", "hourglass_top"),
    Phase.LIVE: ("success", "play_circle"),
    Phase.PAUSED: ("warning", "pause_circle"),
    Phase.COMPLETED: ("default", "task_alt"),
    Phase.CANCELLED: ("default", "cancel"),
    Phase.FAILED: ("danger", "error"),
    Phase.UNRECOGNISED: ("warning", "question_mark"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    Outcome.OPEN: ("info", "sync"),
    Outcome.PUBLISHED: ("success", "check_circle"),
    Outcome.REJECTED: ("danger", "block"),
    Outcome.NOT_SENT: ("warning", "cloud_off"),
    Outcome.UNKNOWN: ("danger", "help"),
}
COMMANDS: dict[str, tuple[str, str]] = {
    CommandState.ASKED: ("warning", "schedule_send"),
    CommandState.SENT: ("warning", "send"),
    CommandState.CONFIRMED: ("success", "check_circle"),
    CommandState.FAILED: ("danger", "error"),
    CommandState.SUPERSEDED: ("default", "swap_horiz"),
}
# What was asked of a campaign and Flow has not confirmed.
ASKED: dict[str, tuple[str, str]] = {
    "pausing…": ("warning", "pause"),
    "resuming…": ("warning", "play_arrow"),
    "cancelling…": ("warning", "cancel"),
}
ASKING: dict[str, str] = {Action.PAUSE: "pausing…", Action.RESUME: "resuming…", Action.CANCEL: "cancelling…"}
BATCHES: dict[str, tuple[str, str]] = {
    "running": ("info", "sync"),
    "ended": ("success", "check_circle"),
    "ended_with_failures": ("danger", "error"),
}
BATCH_ROWS: dict[str, tuple[str, str]] = {
    RowState.WAITING: ("default", "schedule"),
    RowState.DONE: ("success", "check_circle"),
    RowState.SKIPPED: ("warning", "skip_next"),
    RowState.FAILED: ("danger", "error"),
}
ACTORS: dict[str, str] = {
    ActorKind.PERSON: "person",
    ActorKind.SCHEDULER: "schedule",
    ActorKind.FLOW: "cloud",
}


def environment(_request: HttpRequest) -> tuple[str, str]:
    """Return the label of the header and its colour: nobody must mistake the sandbox for money, or money for it."""
    if settings.FLOW_IS_SANDBOX:
        return "SANDBOX · no real money", "warning"
    return f"REAL MONEY · {urlsplit(settings.FLOW_BASE_URL).netloc}", "danger"


def title_prefix(_request: HttpRequest) -> str:
    """Return what the browser's tab begins with."""
    return "[sandbox]" if settings.FLOW_IS_SANDBOX else ""


def primary(_request: HttpRequest) -> dict[str, str]:
    """Return the colour of buttons and links: teal in the sandbox, violet with real money."""
    return SANDBOX_PRIMARY if settings.FLOW_IS_SANDBOX else MONEY_PRIMARY


def icon(name: str) -> SafeString:
    """Return an icon that screen readers pass over, because text says the same."""
    return format_html(
        '<span class="material-symbols-outlined text-sm! align-[-3px] mr-1" aria-hidden="true">{}</span>', name
    )


def badge(value: str, looks: dict[str, tuple[str, str]], more: str = "") -> SafeString:
    """Return a state, phase or outcome as text, with more of it behind, icon and colour."""
    variant, symbol = looks[value]
    text = format_html("{}{}{}", icon(symbol), label(value), more)
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def phase(campaign: Campaign, asked: Command | None) -> SafeString:
    """Return a campaign's phase and, beside it, what was asked of it and is not confirmed yet, such as `Pausing…`."""
    said = badge(campaign.phase, PHASES)
    if asked is None:
        return said
    return format_html(
        '<span class="inline-flex flex-wrap gap-2">{} {}</span>', said, badge(ASKING[asked.action], ASKED)
    )


def when(moment: datetime | None, zone: ZoneInfo | None = None) -> str:
    """Return a moment in a zone (the site's unless given) with its abbreviation, such as `12 Mar 2026, 09:00 SAST`."""
    if moment is None:
        return NOTHING
    return shown(moment, zone or ZoneInfo(settings.TIME_ZONE))


def amount(value: Any, currency: str = "") -> str:
    """Return an amount, as a number or as it is written, with its currency (the site's unless given); else what it says."""
    try:
        number = value if isinstance(value, Decimal) else parse_amount(str(value))
    except ValueError:
        return str(value)
    return format_money(number, currency or settings.CURRENCY)


def at(moment: datetime | None, zone: ZoneInfo | None = None) -> SafeString:
    """Return a moment as `when` does, for a table: where there is no room it breaks before the time and nowhere else."""
    if moment is None:
        return NOTHING_IN_CELL
    parts = [(part,) for part in when(moment, zone).split(", ")]
    return format_html("<span>{}</span>", format_html_join(", ", '<span class="whitespace-nowrap">{}</span>', parts))


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was, such as `3 min ago`."""
    seconds = int((now - moment).total_seconds())
    if seconds < 60:
        return "just now"
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {'day' if unit == 'days' and seconds // size == 1 else unit} ago"
    return "just now"


def checked(moment: datetime | None, now: datetime) -> SafeString | str:
    """Return when we last heard from Flow, with the exact time to point at."""
    if moment is None:
        return "not checked yet"
    return format_html('<span title="{}">checked {}</span>', when(moment), ago(moment, now))


def link(user: User, model: str, pk: int, text: object) -> SafeString | str:
    """Return a link to the page of a row, such as an `order`; its text alone for those who may not see that page."""
    if not user.has_perm(f"campaigns.view_{model}"):
        return str(text)
    page = f"campaigns_{model}_change"
    return format_html('<a class="text-link" href="{}">{}</a>', reverse(f"admin:{page}", args=[pk]), text)


def short(text: str, length: int = 90) -> SafeString | str:
    """Return the beginning of a long text, with more of it to point at; never what would turn the text beside it around."""
    text = clean(text)
    if len(text) <= length:
        return text or NOTHING_IN_CELL
    return format_html('<span title="{}">{}…</span>', one_line(text, LONGEST_HINT), text[: length - 1].rstrip())


def style(_request: HttpRequest) -> str:
    """Return the address of this site's few styles."""
    return static("campaigns/console.css")


def labels_script(_request: HttpRequest) -> str:
    """Return the address of the script that names what has no name."""
    return static("campaigns/labels.js")


def once_script(_request: HttpRequest) -> str:
    """Return the address of the script that sends a form once."""
    return static("campaigns/once.js")


def favicon(_request: HttpRequest) -> str:
    """Return the address of the browser tab's picture: another colour in the sandbox."""
    return static("campaigns/sandbox.svg" if settings.FLOW_IS_SANDBOX else "campaigns/money.svg")
