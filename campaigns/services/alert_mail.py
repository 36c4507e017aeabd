"""The mail that tells somebody of their alerts. It holds no secret."""

from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from campaigns.domain.alerts import TITLES, AlertKind, Channel
from campaigns.domain.money import format_money
from campaigns.domain.texts import one_line
from campaigns.flow import redact
from campaigns.models import Alert
from campaigns.services.wording import when

LONGEST = 400


def message(address: str, alerts: Sequence[Alert], channel: Channel) -> EmailMessage:
    """Return the mail of a person's alerts, the newest first."""
    lines = [line for alert in alerts for line in _lines(alert)]
    lines.append(f"How you are told of what: {_at('alert_settings') or 'in the console, Alerts, Settings'}")
    return EmailMessage(_subject(alerts, channel), redact("\n".join(lines)), to=[address])


def _subject(alerts: Sequence[Alert], channel: Channel) -> str:
    rehearsal = "Rehearsal, no real money: " if all(alert.order.rehearsal for alert in alerts) else ""
    if channel is Channel.DIGEST:
        return f"{rehearsal}Daily digest: {len(alerts)} alert{'' if len(alerts) == 1 else 's'}"
    if len(alerts) == 1:
        return f"{rehearsal}{_title(alerts[0])}: order {alerts[0].order.order_ref}"
    titles = list(dict.fromkeys(_title(alert) for alert in alerts))
    return f"{rehearsal}{len(alerts)} alerts: {', '.join(titles).lower()}"


def _title(alert: Alert) -> str:
    return TITLES[AlertKind(alert.kind)]


def _lines(alert: Alert) -> list[str]:
    order, campaign = alert.order, alert.campaign
    often = f" ({alert.count} times)" if alert.count > 1 else ""
    subject = (
        f"campaign {one_line(campaign.tracking_id, LONGEST)} of order {order.order_ref}"
        if campaign
        else f"order {order.order_ref}"
    )
    row = ("campaign", campaign.pk) if campaign else ("order", order.pk)
    link = _at(f"admin:campaigns_{row[0]}_change", row[1])
    return [
        f"{_title(alert)}{often}: {subject}, {format_money(order.amount, order.amount_currency)}, "
        f"branch {one_line(order.branch.name, LONGEST)}, {when(alert.last_at)}",
        f"  {one_line(alert.event.text, LONGEST)}",
        *([f"  {link}"] if link else []),
        "",
    ]


def _at(name: str, *args: int) -> str:
    """Return the address of a page, nothing where the site's is not known."""
    return f"{settings.SITE_URL}{reverse(name, args=args)}" if settings.SITE_URL else ""
