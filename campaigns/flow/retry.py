"""When to ask Flow again, and how long to wait before."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

import tenacity

from campaigns.flow.errors import Interrupted, NotSent, UnknownOutcome

TRIES = 3
FIRST_WAIT = 0.2  # seconds; doubles with each try, and the real wait is a random part of it
LONGEST_RETRY_AFTER = 3_600.0


def is_worth_another_try(error: BaseException) -> bool:
    """Tell whether the same GET may well succeed in a moment: no connection, no whole answer, or a 5xx.

    An answer that is whole and not understood, a 4xx and a 429 stay what they are.
    """
    if isinstance(error, Interrupted) or type(error) is NotSent:
        return True
    return isinstance(error, UnknownOutcome) and error.http_status is not None and error.http_status >= 500


def retrying(seconds: float) -> tenacity.Retrying:
    """Try up to three times within `seconds`, backing off exponentially with full jitter; the last error is raised."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_worth_another_try),
        wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT),
        stop=tenacity.stop_any(tenacity.stop_after_attempt(TRIES), tenacity.stop_before_delay(seconds)),
        reraise=True,
    )


def retry_after(header: str | None, now: float, date: str | None = None) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3) as seconds from `now` (a Unix time), at most an hour.

    A date is one of Flow's clock: what it says of itself in the answer's Date header counts before `now`.
    None when there is none, when it is neither seconds nor a date, and when it is in the past.
    """
    text = (header or "").strip()
    theirs = _moment(date or "")
    seconds = (
        float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else _until(text, now if theirs is None else theirs)
    )
    return None if seconds is None or seconds < 0 else min(seconds, LONGEST_RETRY_AFTER)


def _until(http_date: str, now: float) -> float | None:
    moment = _moment(http_date)
    return None if moment is None else moment - now


def _moment(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):  # what the standard library raises for odd dates
        return None
