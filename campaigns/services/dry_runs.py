"""Ask Flow to validate an order, which publishes nothing, and keep what it says."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from campaigns import gateway
from campaigns.domain import answers
from campaigns.domain.states import ActorKind, OrderState
from campaigns.flow import FlowError, PublishRequest, Rejected, TooManyRequests
from campaigns.models import Order
from campaigns.models.choices import label
from campaigns.services import moves, pace
from campaigns.services.errors import Refused
from campaigns.services.history import record, require_branch, require_one_of
from campaigns.services.wording import when

STATES = frozenset({OrderState.DRAFT, OrderState.AWAITING_APPROVAL, OrderState.QUEUED, OrderState.REJECTED})


@dataclass(frozen=True)
class DryRunResult:
    """What Flow said when it was asked to validate an order; nothing was published."""

    ok: bool
    words: str
    """Flow's message, empty where it gave none."""
    http_status: int | None
    facts: tuple[tuple[str, str], ...] = ()
    """The other fields of Flow's answer, by name."""
    answer: str = ""
    """The beginning of Flow's answer, as it came."""

    @property
    def told(self) -> str:
        """Return Flow's message and the other fields in one line."""
        return " ".join(filter(None, [self.words, *(f"{name}: {value}." for name, value in self.facts)]))


def dry_run(order_id: int, *, user: User | None, now: datetime) -> DryRunResult:
    """Ask Flow to validate an order; nothing is published. What Flow says is kept in the history.

    Raises NotAllowed, and Refused where Flow gave no usable answer.
    """
    order = moves.read(order_id)
    if user is not None:
        require_one_of(user, ("change_order", "submit_order", "approve_order"), "ask Flow to validate orders")
        require_branch(user, order.branch)
    if order.state not in STATES:
        state = label(order.state).lower()
        raise Refused(f"Order {order.order_ref} is {state}: a dry run would tell nothing. Nothing was sent.")
    if until := pace.held_until(now):
        raise Refused(f"Flow asked us to wait until {when(until)}. Nothing was sent; try again then.")
    request = _request(order)
    try:
        answer = gateway.client().dry_run(request)
    except Rejected as error:
        said = answers.read(error.excerpt)
        result = DryRunResult(False, error.words, error.http_status, said.facts, error.excerpt)
    except TooManyRequests as error:
        pace.hold(error, now=now)
        raise Refused(f"{error} Nothing was published.") from None
    except FlowError as error:
        raise Refused(f"The dry run gave no answer: {error} A dry run publishes nothing and spends nothing.") from None
    else:
        said = answers.read(answer.excerpt)
        # Any 2xx is a yes, but not one that says no in words: the form of the answer is not documented.
        says_no = any(answer.body.get(key) for key in ("error", "errors")) or answer.body.get("valid") is False
        result = DryRunResult(not says_no, said.message, answer.http_status, said.facts, answer.excerpt)
    verdict = "would take it" if result.ok else "would refuse it"
    text = f"Dry run: Flow {verdict}. {result.words}".strip()
    data = {
        "ok": result.ok,
        "http_status": result.http_status,
        "version": order.version,
        "payload_sha256": gateway.sha256(request.canonical_json()),
        "facts": [list(fact) for fact in result.facts],
        "answer": result.answer,
    }
    record("order.dry_run", text, now=now, by=user or ActorKind.SCHEDULER, order=order, data=data)
    return result


def sha256_of_request(order: Order) -> str:
    """Return the hash of what Flow would be sent: the same as a dry run's where Flow was asked about exactly this."""
    return gateway.sha256(_request(order).canonical_json())


def _request(order: Order) -> PublishRequest:
    if order.payload:
        return PublishRequest.from_json(order.payload)
    return gateway.publish_request(order, order.listings.all())
