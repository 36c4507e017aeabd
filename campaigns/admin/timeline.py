"""The timeline of an order or a campaign: all that happened, the newest first, with who did it and what it changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import changes, look
from campaigns.admin.commenting import CommentForm
from campaigns.admin.events import actor
from campaigns.admin.ids import row_id
from campaigns.domain.states import ActorKind, Phase
from campaigns.domain.texts import clean
from campaigns.models import Attempt, Campaign, Event, Order
from campaigns.services.commenting import MENTION

ICONS = {
    "order.created": "note_add",
    "order.edited": "edit",
    "order.submitted": "send",
    "order.approved": "check",
    "order.not_approved": "undo",
    "order.returned": "edit_note",
    "order.cancelled": "cancel",
    "order.claimed": "outbox",
    "order.published": "check_circle",
    "order.rejected": "block",
    "order.in_doubt": "help",
    "order.not_sent": "cloud_off",
    "order.stuck": "hourglass_disabled",
    "order.reminded": "mail",
    "order.dry_run": "science",
    "order.settlement_proposed": "gavel",
    "order.settled": "gavel",
    "order.commented": "comment",
    "campaign.status": "cloud",
}
ALARMING = ("order.rejected", "order.in_doubt", "order.stuck")
# Beside the name: somebody may well be called Flow.
SAID_BY = {ActorKind.PERSON: "Person", ActorKind.SCHEDULER: "Automatic", ActorKind.FLOW: "Ad platform"}


@dataclass(frozen=True)
class Item:
    """One line of history, ready to be shown."""

    icon: str
    alarm: bool
    said_by: str
    who: SafeString
    at: SafeString
    text: str | SafeString
    is_comment: bool
    about: str | SafeString
    facts: list[str | SafeString]
    changes: list[tuple[str, str]]
    answer: str
    """What Flow answered to a dry run, as it came."""


def context(subject: Order | Campaign, user: User, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return what the timeline's template needs; `asked` is the address's query: which sort of lines, before which id."""
    sort, before = asked.get("history", ""), row_id(asked.get("before", ""))
    sort = sort if sort in selectors.SORTS else ""
    page = selectors.timeline(subject, sort, before)
    order = subject if isinstance(subject, Order) else subject.order
    return {
        "items": _items(page.events, order, user, on_order=isinstance(subject, Order)),
        "sorts": [_sort("", "All", sort), *(_sort(name, title, sort) for name, (title, _) in selectors.SORTS.items())],
        "older": _address(sort, page.older) if page.older else "",
        "newest": _address(sort, None) if before is not None else "",
        "comment_form": CommentForm()
        if isinstance(subject, Order) and user.has_perm("campaigns.comment_order")
        else None,
        "comment_url": reverse("admin:campaigns_order_comment", args=[order.pk]),
    }


def _sort(name: str, title: str, chosen: str) -> dict[str, Any]:
    return {"title": title, "url": _address(name, None), "chosen": name == chosen}


def _address(sort: str, before: int | None) -> str:
    return f"?history={sort}{f'&before={before}' if before else ''}#timeline"


def _items(events: list[Event], order: Order, user: User, *, on_order: bool) -> list[Item]:
    attempts = selectors.attempts_told_of(order.pk, events) if on_order else {}
    names = changes.names(map(changes.edits_of, events), user)
    return [
        Item(
            icon=ICONS.get(event.kind, "settings_remote" if event.kind.startswith("campaign.") else "history"),
            alarm=event.kind in ALARMING or event.kind.endswith("_failed") or _failed(event),
            said_by=SAID_BY[ActorKind(event.actor_kind)],
            who=actor(event),
            at=look.at(event.at, order.branch.zone),
            text=_text(event),
            is_comment=event.kind == "order.commented",
            about=_about(event, user) if on_order else "",
            facts=_facts(event, attempts.get(event.data.get("attempt", 0)), order, user),
            changes=changes.changes(changes.edits_of(event), order, names),
            answer=clean(event.data.get("answer", "")) if event.kind == "order.dry_run" else "",
        )
        for event in events
    ]


def _failed(event: Event) -> bool:
    return event.kind == "campaign.status" and event.data.get("phase", [])[1:] == [Phase.FAILED.value]


def _about(event: Event, user: User) -> str | SafeString:
    return look.link(user, "campaign", event.campaign.pk, event.campaign.tracking_id) if event.campaign else ""


def _text(event: Event) -> str | SafeString:
    if event.kind == "order.commented":
        return highlighted(event.data["text"], event.data["mentions"])
    if event.kind == "order.edited" and event.actor:  # what it changed is listed beneath
        return f"{event.actor.get_username()} edited the order."
    return event.text


def highlighted(text: str, mentions: Iterable[str]) -> SafeString:
    """Return a comment, escaped, with the people whom it mentions made to stand out; nothing in it becomes a link."""
    known, parts, end = set(mentions), [], 0
    for found in MENTION.finditer(text):
        name = next((name for name in (found[1], found[1].rstrip(".-+@")) if name in known), None)
        if name:
            parts += [(text[end : found.start()], "", ""), ("", "@", name)]
            end = found.start() + 1 + len(name)
    parts.append((text[end:], "", ""))
    return format_html_join(
        "",
        "{}{}",
        (
            (before, format_html('<strong class="timeline-mention">{}{}</strong>', sign, name) if name else "")
            for before, sign, name in parts
        ),
    )


def _facts(event: Event, attempt: Attempt | None, order: Order, user: User) -> list[str | SafeString]:
    """Return what is known of the attempt that the line tells of: its number, how it ended, and when its POST began."""
    facts: list[str | SafeString] = []
    if attempt:
        facts.append(look.link(user, "attempt", attempt.pk, f"Attempt {attempt.number}"))
    if event.kind == "order.claimed" and attempt:
        sent = (
            f"began to send at {look.when(attempt.sent_at, order.branch.zone)}" if attempt.sent_at else "sent nothing"
        )
        facts += [look.badge(attempt.outcome, look.OUTCOMES), sent]
    elif "http_status" in event.data:
        facts.append(f"HTTP {event.data['http_status']}" if event.data["http_status"] else "no answer code")
    if event.kind == "order.dry_run":
        facts += [f"{name}: {value}" for name, value in event.data.get("facts", [])]
    return facts
