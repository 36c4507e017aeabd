"""Row `calls`: when Flow is asked, simulated with the console's own schedule; beside it, other schedules."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

from benchmarks.stage import Stage
from campaigns.domain.schedule import Followed, next_check
from campaigns.domain.states import FINAL_PHASES, Phase

SEED = 20
CAMPAIGNS, SAMPLE, DAYS = 100_000, 1_000, 30
OF_THE_FIRST = 10  # of so many campaigns one is simulated with the first schedule, which takes ten times as many calls
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNPLANNED = 0.3  # of the campaigns are paused for an hour by somebody at Flow while live
PLANNED = 0.25  # of the campaigns have a start within a day; the others begin when they have been reviewed

Schedule = Callable[[Followed, datetime, float], datetime | None]


@dataclass(frozen=True)
class Life:
    """What Flow does with a campaign: its phases, and from when on each holds; why each began."""

    created_at: datetime
    starts_at: datetime | None
    ends_at: datetime
    changes: tuple[tuple[datetime, Phase, str], ...]

    def phase(self, at: datetime) -> Phase:
        """Return the phase at a moment."""
        return [phase for since, phase, _ in self.changes if since <= at][-1]


@dataclass
class Tally:
    """The calls that a schedule made, and after how many seconds it saw what."""

    campaigns: int
    calls: int = 0
    lags: dict[str, list[float]] = field(default_factory=lambda: {"": [], "new": [], "planned": [], "unplanned": []})

    def a_day(self) -> float:
        """Return the calls a day for all campaigns."""
        return self.calls * CAMPAIGNS / self.campaigns / DAYS

    def lag(self, why: str) -> float:
        """Return the median lag."""
        return median(self.lags[why])


def measure(stage: Stage) -> str:  # noqa: ARG001 - the same for every row
    """Return the section."""
    lives = list(made_up(random.Random(SEED)))
    tallies = {name: simulate(schedule, lives) for name, schedule in list(SCHEDULES.items())[1:]}
    first = next(iter(SCHEDULES))
    waiting = list(made_up(random.Random(SEED), share_planned=1, longest_wait=14 * DAY))
    tenths = [simulate(SCHEDULES[first], each[::OF_THE_FIRST]) for each in (lives, waiting)]
    share = simulate(next_check, waiting[:: OF_THE_FIRST // 2]).calls / tenths[1].calls / 2
    return section({first: tenths[0], **tallies}, share)


def made_up(chance: random.Random, *, share_planned: float = PLANNED, longest_wait: timedelta = DAY) -> Iterator[Life]:
    """Yield the lives: half of the campaigns there are at the beginning, half are published in the days simulated."""
    for number in range(SAMPLE):
        old = number % 2
        created = BEGIN + DAY * (chance.uniform(-DAYS, 0) if old else chance.uniform(0, DAYS))
        reviewed = created + MINUTE * chance.expovariate(1 / 30)
        planned = chance.random() < share_planned
        start = reviewed + longest_wait * chance.random() if planned else reviewed
        end = start + DAY * chance.choice((7, 14, 21, 28, 35, 42))
        late = start + MINUTE * chance.expovariate(1 / 3)
        changes = [
            (created, Phase.QUEUED, ""),
            *(
                [(reviewed, Phase.IN_PROGRESS, "new"), (late, Phase.LIVE, "planned")]
                if planned
                else [(reviewed, Phase.LIVE, "new")]
            ),
            (end + MINUTE * chance.expovariate(1 / 3), Phase.COMPLETED, "planned"),
        ]
        if chance.random() < UNPLANNED:
            paused = start + (end - start) * chance.uniform(0.1, 0.9)
            changes[-1:-1] = [(paused, Phase.PAUSED, "unplanned"), (paused + HOUR, Phase.LIVE, "")]
        yield Life(created, start if planned else None, end, tuple(changes))


def simulate(schedule: Schedule, lives: list[Life]) -> Tally:
    """Follow every life through the days; those from before begin with what was known of them then."""
    tally, chance = Tally(len(lives)), random.Random(SEED)
    for life in lives:
        _follow(life, schedule, tally, chance)
    return tally


def _follow(life: Life, schedule: Schedule, tally: Tally, chance: random.Random) -> None:
    begin, end = max(BEGIN, life.created_at), BEGIN + DAY * DAYS
    known = life.phase(begin)
    interval = timedelta(seconds=30) if begin == life.created_at else timedelta(minutes=5)
    now: datetime | None = begin + interval * chance.random()
    news = [(at, phase, why) for at, phase, why in life.changes if at > begin]
    while now is not None and now < end and known not in FINAL_PHASES:
        tally.calls += 1
        while news and news[0][0] <= now:
            at, known, why = news.pop(0)
            tally.lags[why].append((now - at).total_seconds())
        followed = Followed(known, life.created_at, life.starts_at, life.ends_at, interval)
        due = schedule(followed, now, chance.random())
        interval = due - now if due else interval
        now = due


def _spread(seconds: float, chance: float) -> timedelta:
    return timedelta(seconds=seconds * (0.9 + 0.2 * chance))


def every_five_minutes(_: Followed, now: datetime, chance: float) -> datetime | None:
    """Ask every five minutes."""
    return now + _spread(300, chance)


def slower_and_slower(campaign: Followed, now: datetime, chance: float) -> datetime | None:
    """Ask every 30 s for ten minutes, then half as long again each time up to an hour."""
    if now - campaign.created_at < 10 * MINUTE:
        return now + _spread(30, chance)
    return now + _spread(min(3600.0, campaign.previous_interval.total_seconds() * 1.5), chance)


def with_windows(campaign: Followed, now: datetime, chance: float) -> datetime | None:
    """Do the same, and ask every 60 s in the half hours around start and end."""
    planned = [moment for moment in (campaign.starts_at, campaign.ends_at) if moment]
    if any(abs(now - moment) <= 30 * MINUTE for moment in planned):
        return now + _spread(60, chance)
    due = slower_and_slower(campaign, now, chance) or now
    return min([due, *(moment - 30 * MINUTE for moment in planned if moment - 30 * MINUTE > now)])


def six_hours_when_live(campaign: Followed, now: datetime, chance: float) -> datetime | None:
    """Ask as the console does, and only every six hours while nothing is due and the campaign is live."""
    due = next_check(campaign, now, chance)
    if due is None or campaign.phase is not Phase.LIVE or due - now < 50 * MINUTE:
        return due
    later = now + _spread(6 * 3600, chance)
    opening = campaign.ends_at - 5 * MINUTE if campaign.ends_at else later
    return min(later, opening) if opening > now else later


SCHEDULES: dict[str, Schedule] = {
    "every 5 min until final": every_five_minutes,
    "30 s for 10 min, × 1.5 up to 1 h, no windows": slower_and_slower,
    "the same, every 60 s in the half hours around start and end": with_windows,
    "**ours**: × 1.15 up to 5 min while not live; 1 h when live; windows": next_check,
    "ours with 6 h when live": six_hours_when_live,
}


def section(tallies: dict[str, Tally], share_of_the_patient: float) -> str:
    """Return the table."""
    first = next(iter(tallies.values())).a_day()
    rows = [
        f"| {name} | {tally.a_day() / first:.3f} | {tally.a_day() / 1e6:.2f} | {tally.lag('new'):,.0f} s | "
        f"{tally.lag('planned'):,.0f} s | {tally.lag('unplanned') / 60:,.0f} min |"
        for name, tally in tallies.items()
    ]
    return "\n".join(
        (
            f"## calls: when to ask about {CAMPAIGNS:,} campaigns, over {DAYS} days",
            "",
            "| schedule | calls, the first's being 1 | million calls a day | median lag: new | start "
            "and end | unplanned change |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"Simulated with `campaigns/domain/schedule.py` itself on {SAMPLE:,} campaigns of a "
            f"seeded generator (with the first schedule "
            f"on each {OF_THE_FIRST}th of them), and scaled. Half are there at the beginning, half "
            f"are published on the way; a review takes "
            f"half an hour in the mean, {PLANNED:.0%} then wait for a start within a day, runs last "
            f"one to six weeks, and {UNPLANNED:.0%} are "
            "paused by somebody at Flow for an hour. Goals of ours: a tenth of the calls; 90 s, 35 s "
            "and 31 min. While a campaign waits for "
            f"its start it is asked about every five minutes: where all starts are planned up to two weeks ahead, ours takes "
            f"{share_of_the_patient:.2f} of the first's calls. Less than 1/12 can't be with one call an hour while live.",
        )
    )
