"""When each part of the console was last heard of."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from campaigns.domain.heartbeats import Part, is_late, late_after
from campaigns.models import Heartbeat


@dataclass(frozen=True)
class Sign:
    """When a part was last heard of, None where it never was; of the workers the one that was heard last."""

    part: Part
    last: datetime | None
    node: str
    late: bool


def signs_of_life(now: datetime) -> dict[Part, Sign]:
    """Return the last sign of life of each part, in the order of the parts; takes one query."""
    heard = {Part(row.part): row for row in Heartbeat.objects.order_by("at")}
    return {part: _sign(part, heard.get(part), now) for part in Part}


def _sign(part: Part, row: Heartbeat | None, now: datetime) -> Sign:
    last, node = (row.at, row.node) if row else (None, "")
    allowed = late_after(part, settings.CELERY_TASK_TIME_LIMIT)
    return Sign(part, last, node, late=allowed is not None and is_late(last, allowed, now))
