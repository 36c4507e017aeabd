"""Mail the alerts that are due: one mail a person with all of them, the daily digest apart from what is told at once.

Each alert is claimed by putting its mail off, in a transaction of its own; then the mail goes out; then the alert notes it. A
mail that fails puts its alerts off a little longer; a worker that dies over one leaves them due again when its claim is over.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from campaigns import selectors
from campaigns.domain.alerts import Channel
from campaigns.domain.schedule import backoff
from campaigns.models import Alert
from campaigns.services.addresses import is_address
from campaigns.services.alert_mail import message
from campaigns.services.alerting import hold

logger = logging.getLogger(__name__)

CLAIM_LEASE = timedelta(minutes=5)  # longer than any task may run
STOP_AFTER = 45.0  # seconds; a mail server that hangs must not bring the task to its time limit
MOST_PEOPLE = 1000
MOST_ALERTS = 200  # in one mail; the rest is in the next one


@dataclass(frozen=True)
class MailResult:
    """Who got a mail, and whose did not go out and is tried again."""

    mailed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def mail_alerts(now: datetime, *, stop_after: float = STOP_AFTER) -> MailResult:
    """Send what is due. No new mail is begun after `stop_after` seconds; one that fails keeps no other from going out."""
    result, begun = MailResult(), time.monotonic()
    due = Alert.objects.filter(mail_at__lte=now).order_by("user", "channel").values_list("user", "channel").distinct()
    for user_id, channel in due[:MOST_PEOPLE]:
        if time.monotonic() - begun > stop_after:
            logger.warning("Mails of alerts take too long; the rest follows in a minute. Is the mail server well?")
            break
        if claimed := _claim(user_id, channel, now):
            _send(User.objects.get(pk=user_id), Channel(channel), claimed, result, now)
    return result


def _claim(user_id: int, channel: str, now: datetime) -> list[int]:
    """Take what is due for one mail for this run; nothing where another run was faster."""
    with transaction.atomic():
        hold()
        due = Alert.objects.filter(user=user_id, channel=channel, mail_at__lte=now)
        ids = list(due.order_by("pk").values_list("pk", flat=True)[:MOST_ALERTS])
        Alert.objects.filter(pk__in=ids).update(mail_at=now + CLAIM_LEASE)
    return ids


def _send(user: User, channel: Channel, claimed: list[int], result: MailResult, now: datetime) -> None:
    """Send one mail of those alerts that the person may still see; note it, or put it off."""
    mine = selectors.alerts_for(user).filter(pk__in=claimed, read_at__isnull=True)
    alerts = (
        list(mine.select_related("order__branch", "order__plan", "campaign", "event")) if _can_be_told(user) else []
    )
    if not alerts:
        _note(claimed, now, mail_at=None)
        return
    try:
        message(user.email, alerts, channel).send()
    except Exception as error:  # noqa: BLE001 - whatever a mail server does must not keep the others from being told
        logger.error("A mail of alerts to %s did not go out: %s", user.get_username(), type(error).__name__)
        failures = max(alert.mail_failures for alert in alerts) + 1
        _note(claimed, now, mail_at=now + backoff(failures), mail_failures=failures)
        result.failed.append(user.get_username())
        return
    _note([alert.pk for alert in alerts], now, mail_at=None, mailed_at=now, mail_failures=0)
    _note(claimed, now, mail_at=None)
    result.mailed.append(user.get_username())


def _note(alert_ids: list[int], now: datetime, **fields: Any) -> None:
    """Write what came of the mail into those alerts that this run has still claimed."""
    with transaction.atomic():
        hold()
        Alert.objects.filter(pk__in=alert_ids, mail_at=now + CLAIM_LEASE).update(**fields)


def _can_be_told(user: User) -> bool:
    return user.is_active and user.is_staff and is_address(user.email)
