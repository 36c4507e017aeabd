"""The charts of the home page. Each is a table whose rows have a bar, so that everybody reads the same numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.safestring import SafeString

from campaigns import selectors
from campaigns.admin import look
from campaigns.domain.money import format_money
from campaigns.domain.states import Phase
from campaigns.domain.times import midnight, weeks_about
from campaigns.models import Branch
from campaigns.selectors import WeekSum
from campaigns.services.wording import when

WEEKS_BEFORE, WEEKS_COMING = 8, 4
MOST_BRANCHES = 10


@dataclass(frozen=True)
class Row:
    """A row of a chart; the length of its bar is in percent of the longest, as SVG wants it."""

    label: SafeString | str
    value: str
    length: str
    url: str = ""
    mark: str = ""
    coming: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart: what its rows are, what their values are, and the rows."""

    title: str
    row: str
    value: str
    rows: list[Row]


def mondays(now: datetime) -> list[date]:
    """Return the Mondays of the weeks whose money is shown, on the site's clock."""
    return weeks_about(now, ZoneInfo(settings.TIME_ZONE), WEEKS_BEFORE, WEEKS_COMING)


def committed(user: User, now: datetime) -> list[Chart]:
    """Return what the person's branches have committed by week and by branch, for each currency: before, now and coming."""
    zone, days = ZoneInfo(settings.TIME_ZONE), mondays(now)
    starts = [midnight(day, zone) for day in (*days, days[-1] + timedelta(weeks=1))]
    sums = selectors.committed_by_week(selectors.orders_for(user), starts)
    charts = []
    for currency in sorted({each.currency for each in sums}):
        of_currency = [each for each in sums if each.currency == currency]
        charts += [_by_week(of_currency, currency, days), _by_branch(of_currency, currency)]
    return charts


def phases(user: User) -> Chart | None:
    """Return how many campaigns are in each phase, None where there are none."""
    found = selectors.by_phase(user)
    numbers = found.numbers
    if not numbers:
        return None
    title = f"Campaigns by phase, as counted at {when(found.counted_at)}" if found.counted_at else "Campaigns by phase"
    page, most = reverse("admin:campaigns_campaign_changelist"), max(numbers.values())
    rows = [
        Row(look.badge(phase, look.PHASES), f"{number:,}", _length(number, most), f"{page}?phase__exact={phase.value}")
        for phase in Phase
        if (number := numbers.get(phase.value, 0))
    ]
    return Chart(title, "Phase", "Campaigns", rows)


def _by_week(sums: Iterable[WeekSum], currency: str, days: list[date]) -> Chart:
    amounts = dict.fromkeys(range(len(days)), Decimal(0))
    for each in sums:
        amounts[each.week] += each.amount
    page, most = reverse("admin:campaigns_order_changelist"), max(amounts.values())
    rows = [
        Row(
            f"{day:%-d\N{NO-BREAK SPACE}%b\N{NO-BREAK SPACE}%Y}",
            format_money(amounts[week], currency),
            _length(amounts[week], most),
            f"{page}?week={day.isoformat()}",
            "this week" if week == WEEKS_BEFORE else "",
            week > WEEKS_BEFORE,
        )
        for week, day in enumerate(days)
    ]
    return Chart(f"Committed by week, {currency}", "Week from Monday", "Committed", rows)


def _by_branch(sums: Iterable[WeekSum], currency: str) -> Chart:
    """Return the branches with the most; the others are one row."""
    amounts: dict[int, Decimal] = {}
    for each in sums:
        amounts[each.branch] = amounts.get(each.branch, Decimal(0)) + each.amount
    in_order = sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0]))
    first, rest = in_order[:MOST_BRANCHES], in_order[MOST_BRANCHES:]
    names = Branch.objects.in_bulk([pk for pk, _ in first])
    pairs = [(names[pk].name, amount) for pk, amount in first]
    if rest:
        pairs.append((f"{len(rest):,} more", sum((amount for _, amount in rest), Decimal(0))))
    most = max(amount for _, amount in pairs)
    rows = [Row(look.short(name, 40), format_money(amount, currency), _length(amount, most)) for name, amount in pairs]
    return Chart(f"Committed by branch, {currency}", "Branch", "Committed", rows)


def _length(part: Decimal | int, most: Decimal | int) -> str:
    return f"{100 * part / most:.1f}%" if most else "0%"
