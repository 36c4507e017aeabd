"""Look at a file of orders, and write its good rows as drafts through the doors that people use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.domain.states import OrderState
from campaigns.models import Order
from campaigns.models.choices import label
from campaigns.services import orders
from campaigns.services.catalogue.checking import Draft
from campaigns.services.catalogue.files import Reading, read_file
from campaigns.services.catalogue.findings import Changes, Finding, Findings, Verdict, by_line, wrong
from campaigns.services.catalogue.reading import RowError
from campaigns.services.content import Content, check_content
from campaigns.services.imports.order_contents import There, content_of, look_up, named_wrongly, read_content
from campaigns.services.imports.order_rows import OrderTable

TABLE = OrderTable()
COLUMN_OF = {"start_at": "start", "end_at": "end"}


@dataclass(frozen=True)
class OrderWrite:
    """A draft to be made or edited; without an order it is new."""

    order_ref: str
    content: Content
    order: Order | None


def read_orders(content: bytes, most: int) -> Reading:
    """Return what a file of orders holds, at most `most` rows."""
    return read_file(TABLE, content, most=most, dates=True)


def examine_orders(
    reading: Reading, *, user: User, now: datetime, lock: bool = False
) -> tuple[Findings, tuple[OrderWrite, ...]]:
    """Return what the file says of the orders as they are, and what to write of its good rows.

    `lock` keeps the orders that the file names from changing until the transaction ends.
    """
    if not reading.is_readable:
        return reading.findings_of_nothing(), ()
    told, there = by_line(reading.errors), look_up(reading.drafts, user, lock=lock)
    found: list[Finding] = []
    writes: list[OrderWrite] = []
    for draft in reading.drafts:
        if problems := told.get(draft.line):
            problems += tuple(named_wrongly(draft, there, user))
            found.append(wrong(draft.line, draft.key, problems, reading.columns))
            continue
        finding, write = _judge(draft, there, user, now)
        found.append(finding)
        writes += [write] if write else []
    return Findings(reading.place, reading.notes, reading.header, tuple(found)), tuple(writes)


def _judge(draft: Draft, there: There, user: User, now: datetime) -> tuple[Finding, OrderWrite | None]:
    ref = draft.values["order_ref"]
    if ref in there.taken:
        return wrong(draft.line, ref, (_taken(draft.line, ref),), draft.columns), None
    content, errors = read_content(draft, there, user)
    if content is None:
        return wrong(draft.line, ref, errors, draft.columns), None
    order = there.orders.get(ref)
    changes = _changes(order, content)
    if not changes:
        return Finding(draft.line, ref, Verdict.UNCHANGED), None
    errors = _problems(draft.line, order, changes, content, now)
    if errors:
        return wrong(draft.line, ref, errors, draft.columns), None
    verdict = Verdict.CHANGED if order else Verdict.NEW
    currencies = order.plan.currency if order else "", content.plan.currency
    return Finding(draft.line, ref, verdict, changes, currencies=currencies), OrderWrite(ref, content, order)


def _changes(order: Order | None, content: Content) -> Changes:
    after = content.as_data()
    before = content_of(order).as_data() if order else dict.fromkeys(after)
    return {
        COLUMN_OF.get(name, name): [_local(name, before[name], content), _local(name, after[name], content)]
        for name in after
        if before[name] != after[name]
    }


def _local(name: str, value: Any, content: Content) -> Any:
    """Return a moment on the branch's clock with its offset, and anything else as it is."""
    if name not in COLUMN_OF or value is None:
        return value
    return datetime.fromisoformat(value).astimezone(content.branch.zone).isoformat(sep=" ")


def _problems(line: int, order: Order | None, changes: Changes, content: Content, now: datetime) -> list[RowError]:
    if order and order.state != OrderState.DRAFT:
        others = ", ".join(changes)
        message = (
            f"Order {order} is there already with another {others}, and it is no draft ({label(order.state).lower()}). "
            "Only a draft can be edited: return it to draft first, or leave the row out."
        )
        return [RowError(line, "order_ref", message)]
    try:
        check_content(content, now=now)
    except ValidationError as error:
        return [
            RowError(line, COLUMN_OF.get(field, field), message)
            for field, messages in error.message_dict.items()
            for message in messages
        ]
    return []


def _taken(line: int, ref: str) -> RowError:
    return RowError(line, "order_ref", f"The order_ref {ref} can't be used. Choose another.")


def write_orders(writes: Sequence[OrderWrite], *, user: User, now: datetime) -> None:
    """Make and edit the drafts, in the caller's transaction. Raises what services.orders raises."""
    for write in writes:
        if write.order is None:
            orders.create_order(write.content, user=user, now=now, order_ref=write.order_ref)
        else:
            orders.edit_order(write.order.pk, write.order.version, write.content, user=user, now=now)
