"""What is due: campaigns to ask Flow about, orders to publish, and until when everybody waits."""

from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from campaigns.domain.schedule import JITTER, LIVE_INTERVAL
from campaigns.domain.states import OrderState, Outcome
from campaigns.flow.retry import LONGEST_RETRY_AFTER
from campaigns.models import Attempt, Campaign, Hold, Order

OVERDUE_AFTER = timedelta(minutes=5)
# No honest wait is longer, neither one that Flow asked for nor a back-off: a clock that was ahead wrote what lies beyond.
LONGEST_WAIT = timedelta(seconds=LONGEST_RETRY_AFTER) + timedelta(minutes=1)

# The same for the next check of a campaign: an hour when live, and 10 % more by chance.
LONGEST_INTERVAL = LIVE_INTERVAL * (1 + JITTER) + timedelta(minutes=1)


def held_until(now: datetime) -> datetime | None:
    """Return until when Flow asked everybody to wait, None where it did not, or longer than it can ask."""
    honest = Hold.objects.filter(until__gt=now, until__lte=now + LONGEST_WAIT)
    return honest.values_list("until", flat=True).first()


def due_campaigns(by: datetime, now: datetime) -> list[QuerySet[Campaign]]:
    """Return the campaigns due by then, the longest first, and then those due too far ahead of now to be true."""
    when_due = (Q(next_check_at__lte=by), Q(next_check_at__gt=now + LONGEST_INTERVAL))
    return [Campaign.objects.filter(due).order_by("next_check_at") for due in when_due]


def due_orders(now: datetime, late_by: timedelta = timedelta(0)) -> QuerySet[Order]:
    """Return the queued orders whose turn came at least `late_by` ago, and those without one or with one too far ahead."""
    return Order.objects.filter(is_due(now, late_by))


def is_due(now: datetime, late_by: timedelta = timedelta(0)) -> Q:
    """Return the condition of `due_orders`."""
    impossible = Q(next_attempt_at__gt=now + LONGEST_WAIT) | Q(next_attempt_at__isnull=True)
    due = Q(next_attempt_at__lte=now - late_by) | impossible
    return Q(state=OrderState.QUEUED.value) & due


def overdue_orders(now: datetime) -> tuple[int, datetime | None]:
    """Return how many queued orders nobody has taken though their turn came long ago, and when it came for the first.

    One whose turn is too far ahead to be true counts as well.
    """
    late = due_orders(now, OVERDUE_AFTER)
    found = late.aggregate(number=Count("pk"), first=Min("next_attempt_at"))
    return found["number"], found["first"]


def stranded_orders() -> list[str]:
    """Return the order_refs of those that are said to be publishing without an open attempt: no lease will free them."""
    open_attempt = Attempt.objects.filter(order=OuterRef("pk"), outcome=Outcome.OPEN.value)
    publishing = Order.objects.filter(~Exists(open_attempt), state=OrderState.PUBLISHING.value)
    return list(publishing.order_by("pk").values_list("order_ref", flat=True))
