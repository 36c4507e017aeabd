"""The console's signs of life: a red banner on every page while a part is silent, and a card on the home page.

While Flow has asked us to wait, every page says until when.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from campaigns import selectors
from campaigns.admin.look import ago, when
from campaigns.domain.heartbeats import Part
from campaigns.domain.times import lasted
from campaigns.selectors import Sign

# What the home page calls a part, and how the banner begins to speak of one that is silent.
NAMES = {
    Part.BEAT: "Scheduler",
    Part.WORKER: "Workers",
    Part.PUBLISH: "Last publish",
    Part.SYNC: "Last sync",
}
SILENT = {
    Part.BEAT: ("The scheduler has given no sign of life since", "The scheduler has never given a sign of life."),
    Part.WORKER: ("No worker has given a sign of life since", "No worker has ever given a sign of life."),
}
MEANING = {
    Part.BEAT: "Orders and commands may have to wait, and nothing is lost; statuses are not fresh.",
    Part.WORKER: "Orders stay queued and nothing is lost; statuses are not fresh.",
}
REMEDY = {
    Part.BEAT: "to start the scheduler, or to see in its log why it is silent",
    Part.WORKER: "to start a worker, or to restart one that runs and hears nothing",
}


@dataclass(frozen=True)
class Vitals:
    """What the templates show: of each part its name and last sign; of those that are silent what to know and to do."""

    parts: list[tuple[str, str]]
    late: list[str]
    meaning: str
    remedy: str
    held: str


def vitals(_request: HttpRequest) -> dict[str, Any]:
    """Offer `vitals` to every template. It takes two queries, on those pages alone that show it."""
    return {"vitals": SimpleLazyObject(lambda: read(timezone.now()))}


def read(now: datetime) -> Vitals:
    """Return the signs of life, in words for staff."""
    signs = selectors.signs_of_life(now)
    late = [sign for sign in signs.values() if sign.late]
    deeds = ", then ".join(REMEDY[sign.part] for sign in late)
    return Vitals(
        parts=[(NAMES[part], _last(sign, now)) for part, sign in signs.items()],
        late=[_silent(sign, now) for sign in late],
        meaning=f"{MEANING[late[-1].part]} Nothing has to be submitted again." if late else "",
        remedy=f"Ask whoever runs the console {deeds}. The command flow_doctor says what is wrong." if late else "",
        held=_held(selectors.held_until(now)),
    )


def _held(until: datetime | None) -> str:
    return f"Flow asked us to wait until {when(until)}. Nothing is lost: the work goes on then." if until else ""


def _last(sign: Sign, now: datetime) -> str:
    return f"{when(sign.last)} ({ago(sign.last, now)})" if sign.last else "never"


def _silent(sign: Sign, now: datetime) -> str:
    since, never = SILENT[sign.part]
    if sign.last is None:
        return never
    if sign.last > now:
        return f"{since} a time to come, {when(sign.last)}: a clock was set back."
    return f"{since} {when(sign.last)} ({lasted(now - sign.last)})."
