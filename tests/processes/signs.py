"""What the desk does about signs of life; see desk.py."""

import json
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from campaigns import selectors
from campaigns.domain.heartbeats import Part
from campaigns.models import Heartbeat


def late() -> list[str]:
    """Return the parts that are silent for too long."""
    return [part.value for part, sign in selectors.signs_of_life(timezone.now()).items() if sign.late]


def nodes() -> list[str]:
    """Return the workers that have given a sign of life."""
    return list(Heartbeat.objects.filter(part=Part.WORKER.value).values_list("node", flat=True))


def turn_back(part: str) -> int:
    """Let a part's signs of life be an hour older; return how many rows that were."""
    rows = Heartbeat.objects.filter(part=part)
    return rows.update(at=timezone.now() - timedelta(hours=1))


def waiting() -> int:
    """Return how many messages wait in the broker."""
    from flowsite.celery import app

    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        return int(channel.queue_declare("campaigns", passive=True).message_count)


def doctor() -> dict[str, Any]:
    """Return the parts that `flow_doctor` finds sick, with its words."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(StringIO()), suppress(SystemExit):
        call_command("flow_doctor", json=True)
    return {row["part"]: row["words"] for row in json.loads(out.getvalue())["parts"] if not row["ok"]}
