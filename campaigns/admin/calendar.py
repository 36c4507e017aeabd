"""The calendar: campaigns as bars over some weeks, and the same as a list in words. It only shows."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from unfold.widgets import SELECT_CLASSES

from campaigns import selectors
from campaigns.admin import calendar_bars, look
from campaigns.admin.base import ModelAdmin, person
from campaigns.admin.ids import row_id
from campaigns.domain.calendar import Weeks, weeks_around
from campaigns.models import Branch, Campaign
from campaigns.selectors.calendar import (
    Line,
    Meetings,
    Pair,
    campaigns_in,
    lines,
    meetings,
    pairs_by_branch,
    pairs_by_listing,
)

PER_PAGE = 100
MOST_BRANCHES = 1_000
MOST_NAMED = 3
LENGTHS = (4, 6)
WAYS = {"branch": "By branch", "listing": "By listing"}
HEADERS = ["Listing", "Branch", "Campaign", "Phase", "From", "To", "Overlap"]


@dataclass(frozen=True)
class Asked:
    """What of the calendar a person asks for."""

    weeks: Weeks
    by: str
    branch: Branch | None

    def query(self, **changes: Any) -> str:
        """Return the address's end that asks for the same, but for the changes; None leaves a word out."""
        words = {"from": self.weeks.monday.isoformat(), "weeks": self.weeks.number, "by": self.by}
        if self.branch:
            words["branch"] = self.branch.pk
        query = QueryDict(mutable=True)
        query.update({name: str(word) for name, word in {**words, **changes}.items() if word is not None})
        return f"?{query.urlencode()}"


@require_safe
def view(request: HttpRequest, rooms: ModelAdmin[Campaign]) -> HttpResponse:
    """Show the weeks that are asked for, in the rooms of the campaigns."""
    user, now = person(request), timezone.now()
    if not user.has_perm("campaigns.view_campaign"):
        raise PermissionDenied
    asked = _asked(request.GET, user, now)
    everything = campaigns_in(selectors.campaigns_for(user), asked.weeks)
    campaigns = everything.filter(branch=asked.branch) if asked.branch else everything
    pairs = pairs_by_listing(campaigns) if asked.by == "listing" else pairs_by_branch(campaigns)
    page: Page[Pair] = Paginator(pairs, PER_PAGE).get_page(request.GET.get("page"))
    shown = lines(list(page))
    met = meetings(everything, shown)
    context = {
        **rooms.admin_site.each_context(request),
        **_tools(asked, user, now),
        "opts": rooms.opts,
        "title": "Calendar",
        "page": page,
        "complete": met.complete,
        "overlapping": any(met.of(line) for line in shown),
        "table": {"headers": HEADERS, "rows": [_row(line, met, user) for line in shown]},
        "heads": calendar_bars.heads(asked.weeks),
        "today": calendar_bars.today(asked.weeks, now),
        "today_anchor": calendar_bars.today_anchor(asked.weeks, now),
        "groups": calendar_bars.groups(shown, met, asked.weeks, by_listing=asked.by == "listing"),
    }
    return TemplateResponse(request, "admin/campaigns/calendar.html", context)


def _asked(words: QueryDict, user: User, now: datetime) -> Asked:
    """Read what is asked for; nonsense is what nobody asked for, and a branch of others is not found."""
    branch = _branch(words.get("branch", ""), user)
    zone = branch.zone if branch else ZoneInfo(settings.TIME_ZONE)
    number = next((length for length in LENGTHS if words.get("weeks") == str(length)), LENGTHS[-1])
    try:
        day = date.fromisoformat(words.get("from", ""))
    except ValueError:
        day = now.astimezone(zone).date()
    by = words.get("by", "")
    return Asked(weeks_around(day, number, zone), by if by in WAYS else "branch", branch)


def _branch(text: str, user: User) -> Branch | None:
    if not text:
        return None
    branch = selectors.branches_for(user).filter(pk=row_id(text) or 0).first()
    if branch is None:
        raise Http404("No such branch among yours.")
    return branch


def _tools(asked: Asked, user: User, now: datetime) -> dict[str, Any]:
    """Return the links and the choice above the calendar."""
    weeks = asked.weeks
    branches = list(selectors.branches_for(user).values_list("pk", "name")[: MOST_BRANCHES + 1])
    if asked.branch and asked.branch.pk not in dict(branches):
        branches.insert(0, (asked.branch.pk, asked.branch.name))
    today = weeks_around(now.astimezone(weeks.zone).date(), weeks.number, weeks.zone)
    return {
        "asked": asked,
        "first_day": f"{weeks.monday:%-d %b %Y}",
        "last_day": f"{weeks.day_of(weeks.number, -1):%-d %b %Y}",
        "zone": f"{weeks.start.astimezone(weeks.zone):%Z} ({weeks.zone.key})",
        "earlier": asked.query(**{"from": weeks.day_of(-weeks.number).isoformat()}),
        "later": asked.query(**{"from": weeks.day_of(weeks.number).isoformat()}),
        "this_week": asked.query(**{"from": None}) if today != weeks else "",
        "lengths": [(f"{length} weeks", asked.query(weeks=length), length == weeks.number) for length in LENGTHS],
        "ways": [(words, asked.query(by=way), way == asked.by) for way, words in WAYS.items()],
        "branches": branches[:MOST_BRANCHES],
        "more_branches": len(branches) > MOST_BRANCHES,
        "select_classes": " ".join(SELECT_CLASSES),
    }


def _row(line: Line, met: Meetings, user: User) -> list[Any]:
    campaign = line.campaign
    zone = campaign.branch.zone
    return [
        _listings(line),
        look.short(campaign.branch.name, 40),
        format_html(
            '<span class="calendar-campaign">{} <span class="text-subtle">{}</span></span>',
            look.link(user, "campaign", campaign.pk, campaign.order.order_ref),
            look.short(campaign.tracking_id, 40),
        ),
        look.badge(campaign.phase, look.PHASES),
        format_html(
            "{}{}", look.at(line.run.start, zone), "" if campaign.starts_at else ", its creation: no start given"
        ),
        look.at(line.run.end, zone) if line.run.end else "open: no end given",
        _overlap(line, met, user),
    ]


def _listings(line: Line) -> SafeString:
    names = [(look.short(name, 60),) for name in list(line.listings.values())[:MOST_NAMED]]
    return format_html("{}{}", format_html_join(", ", "{}", names), _more(len(line.listings)))


def _more(number: int) -> str:
    return f" and {number - MOST_NAMED} more" if number > MOST_NAMED else ""


def _overlap(line: Line, met: Meetings, user: User) -> SafeString | str:
    """Return in words which orders have campaigns at the same time for the line's listings; each once, with its listings."""
    others: dict[int, list[int]] = {}
    for listing, runs in met.of(line).items():
        for order in dict.fromkeys(run.order for run in runs):
            others.setdefault(order, []).append(listing)
    if not others:
        return "none" if met.complete else "not compared"
    named = [
        (look.link(user, "order", order, met.order_refs[order]), _titles(line, listings))
        for order, listings in list(others.items())[:MOST_NAMED]
    ]
    names = format_html_join(", ", "{} ({})", named)
    text = format_html("{}Overlaps with {}{}", look.icon("warning"), names, _more(len(others)))
    return format_html('<span class="calendar-overlap">{}</span>', text)


def _titles(line: Line, listings: list[int]) -> SafeString:
    return format_html("{}{}", look.short(line.listings[listings[0]], 40), calendar_bars.more(len(listings)))
