"""The bars of the calendar, as SVG wants them: all lengths in percent of the weeks."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.urls import reverse

from campaigns.domain.calendar import Weeks, shared
from campaigns.domain.texts import clean
from campaigns.models.choices import label
from campaigns.selectors.calendar import Line, Meetings

EDGE = 0.05


@dataclass(frozen=True)
class Stretch:
    """From where a rectangle goes, and how long it is."""

    x: str
    width: str


@dataclass(frozen=True)
class Bar:
    """A campaign's bar: whose it is and its phase in words, and where in it others run for the same listing."""

    name: str
    order_ref: str
    about: str
    url: str
    phase: str
    phase_words: str
    title: str
    stretch: Stretch
    overlaps: list[Stretch]


@dataclass(frozen=True)
class Group:
    """The bars of a branch or of a listing."""

    name: str
    bars: list[Bar]


def heads(weeks: Weeks) -> list[tuple[str, str]]:
    """Return where each week begins, and the day."""
    mondays = [weeks.day_of(week) for week in range(weeks.number)]
    return [(_percent(weeks.place(weeks.midnight(day))), f"{day:%-d %b}") for day in mondays]


def today(weeks: Weeks, now: datetime) -> str:
    """Return where now is, nothing where it is in none of the weeks."""
    return _percent(weeks.place(now)) if weeks.start <= now < weeks.after else ""


def today_anchor(weeks: Weeks, now: datetime) -> str:
    """Return which part of the word for now stands where now is: near an edge the outer half of it would be cut off."""
    place = weeks.place(now)
    return "start" if place < EDGE else "end" if place > 1 - EDGE else "middle"


def groups(shown: list[Line], met: Meetings, weeks: Weeks, *, by_listing: bool) -> list[Group]:
    """Return the bars of the lines, which come group after group."""

    def group_of(line: Line) -> tuple[int, str]:
        if by_listing:
            return next(iter(line.listings.items()))
        return line.campaign.branch_id, line.campaign.branch.name

    return [
        Group(name, [_bar(line, met, weeks, by_listing=by_listing) for line in of_group])
        for (_, name), of_group in groupby(shown, key=group_of)
    ]


def _bar(line: Line, met: Meetings, weeks: Weeks, *, by_listing: bool) -> Bar:
    campaign, run = line.campaign, line.run
    others = {other.campaign: other for runs in met.of(line).values() for other in runs}
    names = list(line.listings.values())
    listings = f"{clean(names[0])[:60] if names else 'no listing'}{more(len(names))}"
    about, order_ref = campaign.branch.name if by_listing else listings, campaign.order.order_ref
    title = f"{listings}, order {order_ref}: {label(campaign.phase)}{', overlaps' if others else ''}"
    return Bar(
        campaign.tracking_id,
        order_ref,
        about,
        reverse("admin:campaigns_campaign_change", args=[campaign.pk]),
        campaign.phase,
        label(campaign.phase),
        title,
        _stretch(weeks, run.start, run.end or weeks.after),
        [_stretch(weeks, *cut) for cut in shared(run, others.values(), weeks)],
    )


def more(number: int) -> str:
    """Return how many more there are than the one that is named."""
    return f" and {number - 1} more" if number > 1 else ""


def _stretch(weeks: Weeks, first: datetime, after: datetime) -> Stretch:
    left, right = weeks.place(first), weeks.place(after)
    return Stretch(_percent(left), _percent(right - left))


def _percent(share: float) -> str:
    return f"{100 * share:.3f}%"
