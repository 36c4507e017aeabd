"""The mail that tells somebody of their alerts: how many and how much money, then the newest. It holds no secret."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Case, Count, QuerySet, When
from django.urls import reverse

from campaigns import selectors
from campaigns.domain.alerts import GOOD_NEWS, TITLES, AlertKind, Channel
from campaigns.domain.money import format_money
from campaigns.domain.texts import one_line
from campaigns.flow import redact
from campaigns.models import Alert
from campaigns.selectors import AlertTotal, Figure
from campaigns.services.alert_words import LONGEST, kind_of, subject_of, text_of, total_line
from campaigns.services.wording import when

MOST_SHOWN = 30
NO_MONEY = "Rehearsal, no real money: "


def message(address: str, alerts: QuerySet[Alert], channel: Channel) -> EmailMessage:
    """Return the mail of a person's alerts: their totals, and the newest of them."""
    counts = dict(alerts.order_by().values_list("kind").annotate(number=Count("*")))
    numbers = {kind: counts[kind.value] for kind in AlertKind if kind.value in counts}
    asking_first = alerts.order_by(Case(When(kind__in=GOOD_NEWS, then=1), default=0), "-event_id", "-pk")
    shown = list(
        asking_first.select_related("order__branch", "order__plan", "campaign", "listing", "event")[:MOST_SHOWN]
    )
    totals, pauses = selectors.alert_totals(alerts), selectors.pauses_told_of(shown)
    lines = [
        *(
            ["Rehearsal: a stand-in is in Flow's place, and no real money is spent.", ""]
            if settings.FLOW_IS_LOCAL
            else []
        ),
        *_head(totals, sum(numbers.values()), mixed=len({kind in GOOD_NEWS for kind in counts}) > 1),
        *[line for alert in shown for line in _lines(alert, pauses.get(alert.pk))],
        *_rest(sum(numbers.values()) - len(shown), counts),
        f"How you are told of what: {_at('alert_settings') or 'in the console, Alerts, Settings'}",
    ]
    return EmailMessage(_subject(shown, numbers, totals, channel), redact("\n".join(lines)), to=[address])


def _subject(shown: list[Alert], numbers: dict[AlertKind, int], totals: list[AlertTotal], channel: Channel) -> str:
    rehearsals = [total.rehearsal for total in totals]
    partly = "Partly rehearsal: " if any(rehearsals) else ""
    rehearsal = NO_MONEY if settings.FLOW_IS_LOCAL or all(rehearsals) else partly
    number = sum(numbers.values())
    if number == 1 and channel is not Channel.DIGEST:
        return f"{rehearsal}{kind_of(shown[0])}: {subject_of(shown[0])}"
    digest = "Daily digest, " if channel is Channel.DIGEST else ""
    kinds = [TITLES[kind].lower() + (f" {of_kind:,}" if len(numbers) > 1 else "") for kind, of_kind in numbers.items()]
    return f"{rehearsal}{digest}{number:,} alert{'' if number == 1 else 's'}: {', '.join(kinds)}"


def _head(totals: list[AlertTotal], number: int, *, mixed: bool) -> list[str]:
    """Return what the alerts are together, and which of them follow; nothing of a single one."""
    if number == 1:
        return []
    some = f"{MOST_SHOWN} of {number:,}" if number > MOST_SHOWN else "One by one"
    order = "what asks for you first, then the newest" if mixed else "the newest first"
    return [*map(total_line, totals), "", f"{some}, {order}:", ""]


def _lines(alert: Alert, figure: Figure | None) -> list[str]:
    order = alert.order
    rehearsal = "Rehearsal. " if order.rehearsal or settings.FLOW_IS_LOCAL else ""
    often = f" ({alert.count} times)" if alert.count > 1 and not alert.listing else ""
    money = "" if alert.listing else f", {format_money(order.amount, order.amount_currency)}"
    link = _link(alert)
    return [
        f"{rehearsal}{kind_of(alert)}{often}: {subject_of(alert)}{money}, "
        f"branch {one_line(order.branch.name, LONGEST)}, {when(alert.last_at)}",
        f"  {text_of(alert, figure)}",
        *([f"  {link}"] if link else []),
        "",
    ]


def _rest(number: int, counts: dict[str, int]) -> list[str]:
    """Return where those are that the mail does not show."""
    if not number:
        return []
    page = _at("alerts")
    where = f"{page}?show={'all' if set(counts) - set(GOOD_NEWS) else 'news'}" if page else "in the console, Alerts"
    return [f"And {number:,} more: {where}", ""]


def _link(alert: Alert) -> str:
    if alert.listing:
        return _at("admin:campaigns_campaign_pause_proposals")
    if alert.campaign:
        return _at("admin:campaigns_campaign_change", alert.campaign.pk)
    return _at("admin:campaigns_order_change", alert.order.pk)


def _at(name: str, *args: int) -> str:
    """Return the address of a page, nothing where the site's is not known."""
    return f"{settings.SITE_URL}{reverse(name, args=args)}" if settings.SITE_URL else ""
