"""The rules that an order must keep to leave, and all that speaks against it at once: for its review, and for the moves."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError

from campaigns.domain.states import OrderState
from campaigns.models import Order
from campaigns.services.content import Content, check_content, check_price
from campaigns.services.errors import Refused
from campaigns.services.recording import is_taken


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold; `field` is the one of the order's form to mend, empty where none can."""

    field: str
    words: str


def check_leaving(order: Order, content: Content, *, now: datetime) -> None:
    """Raise Refused or ValidationError, by field, unless a draft may be submitted, or a submitted order approved, at `now`.

    `content` is the order's own: whoever looks at many orders has read it for all of them at once.
    """
    if order.state == OrderState.DRAFT and is_taken(order):
        raise Refused(
            f"Order {order.order_ref} is at Flow already: submitting it again would spend the money twice. "
            "Cancel this order, which leaves its campaigns as they are; for more campaigns create a new order."
        )
    check_content(content, now=now)
    if order.state != OrderState.DRAFT:
        check_price(order)


def faults(order: Order, *, now: datetime) -> list[Fault]:
    """Return what keeps the order from leaving as it is now."""
    try:
        check_leaving(order, Content.of(order), now=now)
    except Refused as refusal:
        return [Fault("", str(refusal))]
    except ValidationError as error:
        return [Fault(field, words) for field, messages in error.message_dict.items() for words in messages]
    return []
