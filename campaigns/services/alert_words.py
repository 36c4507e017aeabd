"""Alerts in words, the same in the mail and in the console."""

from campaigns.domain.alerts import TITLES, AlertKind
from campaigns.domain.money import format_money
from campaigns.domain.proposals import what_became
from campaigns.domain.texts import one_line
from campaigns.models import Alert
from campaigns.selectors import AlertTotal, Figure

LONGEST = 400
LONGEST_NAME = 60
MOST_BRANCHES = 5


def total_line(total: AlertTotal) -> str:
    """Return what alerts of a kind are together, such as `Published: 3 orders, 4,500.00 ZAR (Sea Point 2, Umhlanga 1)`."""
    rehearsal = "Rehearsal. " if total.rehearsal else ""
    told = [_many(total.orders, "order")] if total.orders else []
    if total.listings:
        told += [_many(total.listings, "listing"), _many(total.campaigns, "campaign")]
    told += _amounts(total)
    return f"{rehearsal}{TITLES[total.kind]}: {', '.join(told)} ({_branches(total.branches)})"


def subject_of(alert: Alert) -> str:
    """Return what an alert is about, such as `order ORD-1`."""
    if alert.listing:
        return f"listing {one_line(str(alert.listing), LONGEST_NAME)}"
    if alert.campaign:
        return f"campaign {one_line(alert.campaign.tracking_id, LONGEST)} of order {alert.order.order_ref}"
    return f"order {alert.order.order_ref}"


def text_of(alert: Alert, figure: Figure | None) -> str:
    """Return what happened; for a listing, what its campaigns are together: `figure` is what may be paused for it."""
    if not alert.listing or figure is None:
        return one_line(alert.event.text, LONGEST)
    if not figure.number:
        return "No pause is proposed for it any more."
    became = what_became(alert.listing.status, active=alert.listing.active)
    several = figure.number > 1
    return (
        f"The listing is {became}, and {_many(figure.number, 'campaign')} {'run' if several else 'runs'} for it: "
        f"pause {'them' if several else 'it'}? {'Their orders are' if several else 'The order is'} for "
        f"{' and '.join(_amounts(figure))}."
    )


def kind_of(alert: Alert) -> str:
    """Return the title of an alert's kind."""
    return TITLES[AlertKind(alert.kind)]


def _amounts(figure: AlertTotal | Figure) -> list[str]:
    return [format_money(amount, currency) for currency, amount in sorted(figure.money.items())]


def _branches(numbers: dict[str, int]) -> str:
    most = sorted(numbers.items(), key=lambda each: (-each[1], each[0]))
    told = [f"{one_line(name, LONGEST_NAME)} {number:,}" for name, number in most[:MOST_BRANCHES]]
    rest = sum(number for _, number in most[MOST_BRANCHES:])
    others = f"{_many(len(most) - MOST_BRANCHES, 'other branch', 'other branches')} {rest:,}"
    return ", ".join([*told, *([others] if rest else [])])


def _many(number: int, word: str, plural: str = "") -> str:
    return f"{number:,} {word if number == 1 else plural or f'{word}s'}"
