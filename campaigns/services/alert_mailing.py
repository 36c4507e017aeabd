"""Mail the alerts that are due: one mail a person with all of them, the digest apart from what is told at once, once a day.

What is due is claimed by putting its mail off, in a transaction of its own; then the mail goes out; then the alerts note it. A
mail that fails puts its alerts off a little longer; a worker that dies over one leaves them due again when its claim is over.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet

from campaigns import selectors
from campaigns.domain.alerts import Channel, last_digest, mail_due
from campaigns.domain.schedule import backoff
from campaigns.models import Alert
from campaigns.models.among import among
from campaigns.services.addresses import is_address
from campaigns.services.alert_mail import message
from campaigns.services.alerting import hold

logger = logging.getLogger(__name__)

CLAIM_LEASE = timedelta(minutes=5)  # longer than any task may run
STOP_AFTER = 45.0  # seconds; a mail server that hangs must not bring the task to its time limit
MOST_PEOPLE = 1000


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
        if claimed := _claim(user_id, Channel(channel), now):
            _send(User.objects.get(pk=user_id), Channel(channel), claimed, result, now)
    return result


def _claim(user_id: int, channel: Channel, now: datetime) -> QuerySet[Alert] | None:
    """Take what is due for one mail for this run; None where another run was faster, or where the day had its digest."""
    mine = Alert.objects.filter(user=user_id, channel=channel.value)
    with transaction.atomic():
        hold()
        due, until = mine.filter(mail_at__lte=now), now + CLAIM_LEASE
        if channel is Channel.DIGEST:
            zone = ZoneInfo(settings.TIME_ZONE)
            if mine.filter(mailed_at__gte=last_digest(now, zone)).exists():
                due.update(mail_at=mail_due(channel, now, zone))
                return None
        return mine.filter(mail_at=until) if due.update(mail_at=until) else None


def _send(user: User, channel: Channel, claimed: QuerySet[Alert], result: MailResult, now: datetime) -> None:
    """Send one mail of those alerts that the person may still see; note it, or put it off."""
    told = selectors.alerts_for(user).filter(pk__in=claimed.values("pk"), read_at__isnull=True)
    # The mail is put together with several looks, and the person may read some of them in between.
    ids = list(told.values_list("pk", flat=True)) if _can_be_told(user) else []
    if not ids:
        _note(claimed, mail_at=None)
        return
    try:
        message(user.email, Alert.objects.filter(among(ids)), channel).send()
    except Exception as error:  # noqa: BLE001 - whatever a mail server does must not keep the others from being told
        logger.error("A mail of alerts to %s did not go out: %s", user.get_username(), type(error).__name__)
        failures = (told.aggregate(most=Max("mail_failures"))["most"] or 0) + 1
        _note(claimed, mail_at=now + backoff(failures), mail_failures=failures)
        result.failed.append(user.get_username())
        return
    _note(told, mailed_at=now, mail_failures=0)
    _note(claimed, mail_at=None)
    result.mailed.append(user.get_username())


def _note(alerts: QuerySet[Alert], **fields: Any) -> None:
    """Write what came of the mail into those alerts that this run has still claimed."""
    with transaction.atomic():
        hold()
        alerts.update(**fields)


def _can_be_told(user: User) -> bool:
    return user.is_active and user.is_staff and is_address(user.email)
