"""Flow's 429 slows every process down together: one row says until when nobody calls."""

from datetime import datetime, timedelta

from django.db.models import Q

from campaigns import selectors
from campaigns.flow import TooManyRequests
from campaigns.models import Hold

WITHOUT_ADVICE = timedelta(seconds=60)


def held_until(now: datetime) -> datetime | None:
    """Return until when Flow asked us to wait, None where nobody has to."""
    return selectors.held_until(now)


def hold(error: TooManyRequests, *, now: datetime) -> datetime:
    """Keep all processes from calling Flow for as long as it asked (a minute where it did not say); return until when.

    A shorter wish never shortens a longer one, unless that is longer than any that Flow can have.
    """
    wait = WITHOUT_ADVICE if error.retry_after is None else timedelta(seconds=error.retry_after)
    until = now + wait
    Hold.objects.get_or_create(pk=Hold.SINGLETON)
    gives_way = Q(until__isnull=True) | Q(until__lt=until) | Q(until__gt=now + selectors.LONGEST_WAIT)
    Hold.objects.filter(gives_way, pk=Hold.SINGLETON).update(until=until)
    return held_until(now) or until
