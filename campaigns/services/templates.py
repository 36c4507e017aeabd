"""Keep an order's content under a name, and begin new orders from it. Lines of history belong to the branch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from campaigns.domain.money import parse_amount
from campaigns.domain.texts import clean
from campaigns.models import Agent, Branch, Listing, Order, OrderTemplate, Plan
from campaigns.services import moves
from campaigns.services.catalogue.changes import subject_of
from campaigns.services.content import Content
from campaigns.services.errors import Refused
from campaigns.services.fitting import Fitted, fit
from campaigns.services.history import record, require, require_branch
from campaigns.services.orders import Origin, create_order

LONGEST = 100
DATES = ("start_at", "end_at")


def save_template(order_id: int, name: str, *, user: User, now: datetime) -> OrderTemplate:
    """Keep an order's content, without its dates, as a template of its branch.

    Raises NotAllowed, or ValidationError where the name is empty, too long or taken.
    """
    order = moves.read(order_id)
    _require(user, order.branch)
    content = {field: value for field, value in Content.of(order).as_data().items() if field not in DATES}
    template = OrderTemplate(name=_name(name), branch=order.branch, content=content, owner=user, created_at=now)
    with _unique_name(template), transaction.atomic():
        template.save(force_insert=True)
        _tell("saved", f"saved order {order} as template “{template}”", template, user, now)
    return template


def rename_template(template_id: int, name: str, *, user: User, now: datetime) -> OrderTemplate:
    """Give a template another name. Raises NotAllowed, or ValidationError where it is empty, too long or taken."""
    template = _read(template_id, user)
    old, template.name = template.name, _name(name)
    if old == template.name:
        return template
    with _unique_name(template), transaction.atomic():
        template.save(update_fields=["name"])
        _tell("renamed", f"renamed template “{old}” to “{template}”", template, user, now)
    return template


def delete_template(template_id: int, *, user: User, now: datetime) -> None:
    """Delete a template; orders that were begun from it stay. Raises NotAllowed."""
    template = _read(template_id, user)
    with transaction.atomic():
        _tell("deleted", f"deleted template “{template}”", template, user, now)
        template.delete()


def begin_from_template(template_id: int, *, user: User, now: datetime) -> Order:
    """Write a new draft with a template's content; its `problem` says what had to be left out.

    Raises NotAllowed, or Refused where its plan is gone or nothing of it can be ordered.
    """
    template = _read(template_id, user)
    fitted = _fitted(template, now)
    origin = Origin(f"created the order from template “{template}”", problem=fitted.words)
    return create_order(fitted.content, user=user, now=now, origin=origin)


def _fitted(template: OrderTemplate, now: datetime) -> Fitted:
    """Find what the template names; what was deleted, or has another id now, is left out in words."""
    named: dict[str, Any] = template.content
    plan = Plan.objects.filter(ref=named["plan"]).first()
    if plan is None:
        raise Refused(
            f"There is no plan {named['plan']} any more. Nothing was made. Delete the template, or add the plan."
        )
    agent = Agent.objects.filter(external_id=named["agent"], branch=template.branch).first() if named["agent"] else None
    listings = tuple(
        Listing.objects.filter(external_id__in=named["listings"], branch=template.branch).order_by("external_id")
    )
    content = Content(plan, template.branch, listings, agent, budget_override=_amount(named["budget_override"]))
    missing = sorted(set(named["listings"]) - {listing.external_id for listing in listings})
    words = [f"listing {external_id}, which is not there any more" for external_id in missing]
    if named["agent"] and agent is None:
        words.append(f"agent {named['agent']}, who is not there any more")
    fitted = fit(content, now)
    return replace(fitted, left_out=(*words, *fitted.left_out))


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else parse_amount(text)


def _read(template_id: int, user: User) -> OrderTemplate:
    template = OrderTemplate.objects.select_related("branch").get(pk=template_id)
    _require(user, template.branch)
    return template


def _require(user: User, branch: Branch) -> None:
    require(user, "add_order", "create orders")
    require_branch(user, branch)


def _name(name: str) -> str:
    words = " ".join(clean(name).split())
    if not words:
        raise ValidationError({"name": "Give the template a name."})
    if len(words) > LONGEST:
        raise ValidationError({"name": f"A name has at most {LONGEST} characters, not {len(words)}. Shorten it."})
    return words


@contextmanager
def _unique_name(template: OrderTemplate) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise ValidationError(
            {"name": f"Branch {template.branch} has a template “{template}” already. Choose another name."}
        ) from None


def _tell(what: str, did: str, template: OrderTemplate, user: User, now: datetime) -> None:
    data = {"template": template.pk, "name": template.name}
    text = f"{user.get_username()} {did}."
    record(f"template.{what}", text, now=now, by=user, subject=subject_of(template.branch), data=data)
