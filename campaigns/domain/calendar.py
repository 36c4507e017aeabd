"""A calendar of some weeks: where in it something lies, and what of one listing runs at the same time. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.domain.states import FINAL_PHASES, Phase
from campaigns.domain.times import midnight, monday_of

# The years that orders may have; beyond them no campaign lies, and at the ends of the calendar weeks can't be counted.
FIRST_DAY, LAST_DAY = date(2000, 1, 3), date(2999, 12, 23)

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Weeks:
    """So many whole weeks from a Monday on, on a zone's clocks."""

    monday: date
    number: int
    zone: ZoneInfo
    start: datetime = field(init=False)
    after: datetime = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", midnight(self.monday, self.zone))
        object.__setattr__(self, "after", midnight(self.monday + timedelta(weeks=self.number), self.zone))

    def day_of(self, week: int, day: int = 0) -> date:
        """Return a day of a week, both counted from the first one; negative ones lie before."""
        return self.monday + timedelta(weeks=week, days=day)

    def midnight(self, day: date) -> datetime:
        """Return when the day begins on the weeks' clocks."""
        return midnight(day, self.zone)

    def place(self, moment: datetime) -> float:
        """Return where the moment lies between the first (0) and the end of the last week (1); outside, the nearer end."""
        share = (moment - self.start) / (self.after - self.start)
        return min(1.0, max(0.0, share))


def weeks_around(day: date, number: int, zone: ZoneInfo) -> Weeks:
    """Return so many weeks, the first of which has the day; a day that no campaign can have is moved to one that may."""
    return Weeks(monday_of(min(max(day, FIRST_DAY), LAST_DAY - timedelta(weeks=number))), number, zone)


@dataclass(frozen=True)
class Run:
    """When a campaign runs, from its start until just before its end; without an end, nobody here knows one."""

    campaign: int
    order: int
    start: datetime
    end: datetime | None

    def meets(self, other: "Run") -> bool:
        """Say whether there is a moment when both run."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)


def end_of(phase: str, ends_at: datetime | None, changed_at: datetime | None) -> datetime | None:
    """Return when a campaign ends: as planned, or when it was over, if that was before; None where nobody knows."""
    if Phase(phase) not in FINAL_PHASES or changed_at is None:
        return ends_at
    return changed_at if ends_at is None else min(ends_at, changed_at)


def overlaps(runs: Iterable[Run]) -> dict[int, list[Run]]:
    """Return, of the runs for one listing, those that run at the same time as each campaign for another order.

    Campaigns of one order are no overlap: Flow makes as many of it as it likes. The earlier start comes first; a campaign
    without an overlap is left out.
    """
    found: dict[int, list[Run]] = {}
    open_runs: list[Run] = []
    for run in sorted(runs, key=lambda each: (each.start, each.campaign)):
        open_runs = [each for each in open_runs if each.meets(run)]
        for each in open_runs:
            if each.order != run.order:
                found.setdefault(run.campaign, []).append(each)
                found.setdefault(each.campaign, []).append(run)
        open_runs.append(run)
    return found


def shared(run: Run, others: Iterable[Run], weeks: Weeks) -> list[Stretch]:
    """Return the stretches of the weeks in which the run and at least one of the others run; none touches the next."""
    end = run.end or weeks.after
    cuts = [
        (max(weeks.start, run.start, other.start), min(weeks.after, end, other.end or weeks.after)) for other in others
    ]
    joined: list[Stretch] = []
    for first, after in sorted(cut for cut in cuts if cut[0] < cut[1]):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], after))
        else:
            joined.append((first, after))
    return joined
