"""Signs of life: each part notes when it last did its work, so that one that is alive but deaf is noticed."""

import logging
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import Q

from campaigns.domain.heartbeats import CLOCKS_MAY_DIFFER, Part
from campaigns.models import Heartbeat

logger = logging.getLogger(__name__)

FORGOTTEN_AFTER = timedelta(days=1)


def beat(part: Part, node: str, now: datetime) -> None:
    """Note that a part gave a sign of life; `node` tells workers apart and is empty for all else.

    An older sign never takes the place of a younger one, unless that lies in the future: then a clock was set back.
    A worker's first sign forgets the workers that have been silent for a day.
    """
    outdated = Q(at__lte=now) | Q(at__gt=now + CLOCKS_MAY_DIFFER)
    if Heartbeat.objects.filter(outdated, part=part.value, node=node).update(at=now):
        return
    Heartbeat.objects.bulk_create([Heartbeat(part=part.value, node=node, at=now)], ignore_conflicts=True)
    Heartbeat.objects.filter(part=Part.WORKER.value, at__lt=now - FORGOTTEN_AFTER).delete()


def note(part: Part, now: datetime, node: str = "") -> None:
    """Do what `beat` does, and tell the log instead of raising: what the sign tells of is done and matters more."""
    try:
        beat(part, node, now)
    except Error as error:
        words = " ".join(str(error).split())
        logger.warning("The sign of life of %s can't be written: %s. Its work goes on.", part.value, words)
