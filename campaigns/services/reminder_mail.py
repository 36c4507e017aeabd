"""The mail that reminds people of an order in doubt: what is known, and what to do. It holds no secret."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from campaigns.domain.money import format_money
from campaigns.domain.times import in_utc, lasted, window
from campaigns.flow import redact
from campaigns.models import Attempt, Settlement
from campaigns.models.choices import label


def message(attempt: Attempt, waiting: Sequence[Settlement], addresses: list[str], now: datetime) -> EmailMessage:
    """Return the mail about an attempt in doubt; `waiting` are the answers that a second person must confirm."""
    order = attempt.order
    money, age = format_money(order.amount, order.amount_currency), lasted(now - attempt.ended_at)
    rehearsal = "Rehearsal, no real money: " if order.rehearsal else ""
    lines = [
        f"{rehearsal}Nobody knows whether Flow published order {order.order_ref}: {money}, branch {order.branch.name}.",
        f"It has been in doubt for {age}. It is not sent again until people settle it.",
        "",
        "What is known",
        *[f"- {line}" for line in (*_known(attempt), *map(_said, waiting))],
        "",
        "What to do",
        f"1. Look for {order.order_ref} at Flow, or ask Flow for it, among the campaigns made in that time.",
        "2. Say what you found, even if somebody else has: two people must say the same, unless one may settle alone.",
        f"   {_where(attempt)}",
    ]
    subject = f"{rehearsal}In doubt for {age}: order {order.order_ref}, {money}"
    return EmailMessage(subject, redact("\n".join(lines)), to=addresses)


def _known(attempt: Attempt) -> list[str]:
    came = f"HTTP {attempt.http_status}. {attempt.words}" if attempt.http_status else attempt.words
    sent = window(attempt.sent_at, attempt.ended_at) if attempt.sent_at else "not known"
    return [
        f"Something may have been sent: {sent}",
        f"SHA-256 of what was sent: {attempt.payload_sha256}",
        f"What came back: {' '.join(came.split()) or 'nothing'}",
    ]


def _said(settlement: Settlement) -> str:
    return (
        f"{settlement.proposed_by.get_username()} answered “{label(settlement.resolution).lower()}” at "
        f"{in_utc(settlement.proposed_at)}: a second person must say the same."
    )


def _where(attempt: Attempt) -> str:
    if not settings.SITE_URL:
        return f"In the console: In doubt, {attempt.order.order_ref}, Settle."
    return f"{settings.SITE_URL}{reverse('admin:campaigns_order_settle', args=[attempt.order_id])}"
