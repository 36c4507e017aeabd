"""Build orders and move them through people's hands: the only door that writes them before a worker takes them."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from campaigns import gateway, selectors
from campaigns.domain import money
from campaigns.domain.states import Move, OrderState
from campaigns.domain.texts import clean
from campaigns.models import Branch, Order, OrderListing
from campaigns.services import moves, reviewing
from campaigns.services.content import Content, check_content
from campaigns.services.errors import NotAllowed, Refused, Stale
from campaigns.services.history import record, require, require_branch
from campaigns.services.recording import is_taken, may_be_at_flow, taken_words

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that people mistake for another

__all__ = [
    "Content",
    "Origin",
    "approve",
    "cancel",
    "check_content",
    "create_order",
    "edit_order",
    "find_same",
    "reject",
    "return_to_draft",
    "submit",
]


@dataclass(frozen=True)
class Origin:
    """Where a new draft comes from, for its history, and what its author must know of that."""

    did: str = "created the order"
    source: Order | None = None
    how: str = ""
    problem: str = ""


def create_order(
    content: Content, *, user: User, now: datetime, order_ref: str = "", origin: Origin | None = None
) -> Order:
    """Write a new draft. Raises NotAllowed, or ValidationError by field."""
    require(user, "add_order", "create orders")
    require_branch(user, content.branch)
    check_content(content, now=now)
    origin = origin or Origin()
    order = Order(
        order_ref=order_ref.strip() or _new_ref(now),
        created_by=user,
        created_at=now,
        copied_from=origin.source,
        copied_how=origin.how,
        problem=origin.problem,
    )
    _set_content(order, content)
    try:
        order.clean_fields()
        with transaction.atomic():
            order.save(force_insert=True)
            _set_listings(order, content)
            record(
                "order.created",
                f"{user.get_username()} {origin.did}.",
                now=now,
                by=user,
                order=order,
                data=content.as_data(),
            )
    except IntegrityError:
        if not Order.objects.filter(order_ref=order.order_ref).exists():
            raise
        raise ValidationError(
            {
                "order_ref": f"The order_ref {order.order_ref} is taken. Choose another, or leave it empty to have one made."
            }
        ) from None
    return order


def find_same(order_ref: str, content: Content) -> Order | None:
    """Return the order that has this order_ref and this content, None where the ref is free.

    Raises Refused where the ref belongs to an order with other content: an order_ref is never used for two intents.
    """
    order = Order.objects.select_related("plan", "branch", "agent").filter(order_ref=order_ref).first()
    if order is None:
        return None
    there, asked = Content.of(order).as_data(), content.as_data()
    other = [field for field in asked if there[field] != asked[field]]
    if other:
        raise Refused(
            f"Order {order_ref} is there already with other content ({', '.join(other)}). Nothing was changed. "
            "Use another order_ref, or edit that order in the admin."
        )
    return order


def edit_order(order_id: int, version: int, content: Content, *, user: User, now: datetime) -> Order:
    """Replace a draft's content. Raises NotAllowed, Stale, Refused where it is no draft, or ValidationError by field."""
    require(user, "change_order", "edit orders")
    order = _read(order_id, version, user)
    require_branch(user, content.branch)
    if order.state != OrderState.DRAFT:
        raise Refused(f"Order {order.order_ref} is submitted and can't be edited. Return it to draft first.")
    if content.branch.pk != order.branch_id and may_be_at_flow(order):
        text = f"Flow has, or may have, campaigns of this order for branch {order.branch}. Choose that branch again."
        raise ValidationError({"branch": text})
    check_content(content, now=now)
    before, after = Content.of(order).as_data(), content.as_data()
    if before == after:
        return order
    _set_content(order, content)
    with transaction.atomic():
        changed = Order.objects.filter(pk=order_id, version=version, state=OrderState.DRAFT.value).update(
            plan=order.plan,
            branch=order.branch,
            agent=order.agent,
            start_at=order.start_at,
            end_at=order.end_at,
            budget_override=order.budget_override,
            version=F("version") + 1,
        )
        if changed != 1:
            moves.read(order_id, version)
            raise Refused(f"Order {order.order_ref} can't be edited any more. Nothing was changed.")
        order.version += 1
        OrderListing.objects.filter(order=order).delete()
        _set_listings(order, content)
        changes = {field: [before[field], after[field]] for field in after if before[field] != after[field]}
        text = f"{user.get_username()} edited {', '.join(changes)}."
        record("order.edited", text, now=now, by=user, order=order, data=changes)
    return order


def submit(order_id: int, version: int, *, user: User, now: datetime, terms: str = "") -> Order:
    """Freeze a draft and send it on its way: to a second person where its budget asks for one, else to the workers.

    `terms` is what the person was shown, as `selectors.terms_of` puts it: a plan's price or a threshold may have changed since.
    Raises NotAllowed, Stale (also where the terms are others now), Refused, or ValidationError where a rule no longer holds.
    """
    require(user, "submit_order", "submit orders")
    order = _read(order_id, version, user)
    moves.check(order, Move.SUBMIT)
    reviewing.check_leaving(order, Content.of(order), now=now)
    agreed = selectors.terms_of(order)
    if terms and terms != str(agreed):
        raise Stale(f"It was “{terms}” when you opened this page, and is “{agreed}” now. Nothing was done.")
    budget, currency, second = agreed.amount, agreed.currency, agreed.second_person
    payload = gateway.publish_request(order, order.listings.all()).canonical_json()
    with transaction.atomic():
        moves.move(
            order,
            Move.SUBMIT,
            OrderState.AWAITING_APPROVAL if second else OrderState.QUEUED,
            payload=payload,
            payload_sha256=gateway.sha256(payload),
            budget=budget,
            currency=currency,
            rehearsal=settings.FLOW_IS_LOCAL,
            submitted_by=user,
            submitted_at=now,
            not_approved_at=None,
            next_attempt_at=None if second else now,
            failures=0,
            problem="",
        )
        text = f"{user.get_username()} submitted the order for {money.format_money(budget, currency)}"
        text += "; a second person must approve it." if second else "."
        data = {"payload_sha256": order.payload_sha256, "version": order.version}
        record("order.submitted", text, now=now, by=user, order=order, data=data)
    return order


def approve(order_id: int, version: int, *, user: User, now: datetime) -> Order:
    """Let a submitted order go to the workers. Raises NotAllowed for whoever wrote any of it, Stale, Refused."""
    require(user, "approve_order", "approve orders")
    order = _read(order_id, version, user)
    moves.check(order, Move.APPROVE)
    if user.pk in selectors.writers(order):
        raise NotAllowed(
            f"{user.get_username()} wrote or submitted order {order.order_ref}, so somebody else must approve it."
        )
    try:
        reviewing.check_leaving(order, Content.of(order), now=now)
    except ValidationError as error:
        words = " ".join(error.messages)
        raise Refused(f"{words} Reject the order with a comment, so that its author can mend it.") from None
    with transaction.atomic():
        moves.move(
            order, Move.APPROVE, OrderState.QUEUED, approved_by=user, approved_at=now, next_attempt_at=now, failures=0
        )
        text = f"{user.get_username()} approved {money.format_money(order.amount, order.amount_currency)}."
        data = {"payload_sha256": order.payload_sha256, "version": order.version}
        record("order.approved", text, now=now, by=user, order=order, data=data)
    return order


def reject(order_id: int, version: int, *, comment: str, user: User, now: datetime) -> Order:
    """Send a submitted order back to its author, with a comment. Raises NotAllowed, Stale, Refused, ValidationError."""
    require(user, "approve_order", "reject orders")
    words = _required(comment, "comment", "Say why, so that the author knows what to change.")
    return _back_to_draft(
        order_id, version, Move.REJECT, "order.not_approved", "did not approve the order", words, user, now
    )


def return_to_draft(order_id: int, version: int, *, user: User, now: datetime, reason: str = "") -> Order:
    """Make an order editable again; its approval is dropped. Raises NotAllowed, Stale, Refused."""
    require(user, "submit_order", "return orders to draft")
    words = clean(reason)
    return _back_to_draft(
        order_id, version, Move.RETURN, "order.returned", "returned the order to draft", words, user, now
    )


def cancel(order_id: int, version: int, *, reason: str, user: User, now: datetime) -> Order:
    """End an order that was not sent. Raises NotAllowed, Stale, Refused, ValidationError without a reason."""
    require(user, "submit_order", "cancel orders")
    words = _required(reason, "reason", "Say why the order is cancelled.")
    order = _read(order_id, version, user)
    problem = taken_words(order) if is_taken(order) else ""  # what runs at Flow is not ended by this
    with transaction.atomic():
        moves.move(
            order, Move.CANCEL, OrderState.CANCELLED, next_attempt_at=None, not_approved_at=None, problem=problem
        )
        text = f"{user.get_username()} cancelled the order: {words}"
        record("order.cancelled", text, now=now, by=user, order=order)
    return order


def _read(order_id: int, version: int, user: User) -> Order:
    """Return an order of the user's branches as it is now. Raises NotAllowed, Stale."""
    require_branch(user, Branch.objects.get(orders=order_id))
    return moves.read(order_id, version)


def _back_to_draft(
    order_id: int, version: int, deed: Move, kind: str, did: str, words: str, user: User, now: datetime
) -> Order:
    order = _read(order_id, version, user)
    problem = _problem_of_draft(order, deed, words)
    with transaction.atomic():
        moves.move(
            order,
            deed,
            OrderState.DRAFT,
            **{**moves.DRAFT_AGAIN, "not_approved_at": now if deed is Move.REJECT else None},
            problem=problem,
        )
        text = f"{user.get_username()} {did}: {words}" if words else f"{user.get_username()} {did}."
        record(kind, text, now=now, by=user, order=order)
    return order


def _problem_of_draft(order: Order, deed: Move, words: str) -> str:
    """Return what the author must know who edits the order next."""
    if deed is Move.REJECT:
        return words
    if is_taken(order):  # Flow took it in an attempt whose answer came late: no way back takes that from sight
        return taken_words(order)
    last = order.attempts.last() if order.state == OrderState.REJECTED else None
    return f"It was rejected: {last.words}" if last else ""


def _required(text: str, field: str, message: str) -> str:
    words = clean(text)
    if not words:
        raise ValidationError({field: message})
    return words


def _set_content(order: Order, content: Content) -> None:
    order.plan, order.branch, order.agent = content.plan, content.branch, content.agent
    order.start_at, order.end_at, order.budget_override = content.start_at, content.end_at, content.budget_override


def _set_listings(order: Order, content: Content) -> None:
    OrderListing.objects.bulk_create(OrderListing(order=order, listing=listing) for listing in content.listings)


def _new_ref(now: datetime) -> str:
    return f"ORD-{now:%Y%m%d}-{''.join(secrets.choice(ALPHABET) for _ in range(7))}"
