"""What an order asks for, and the rules that it must keep: when it is written, submitted, approved and sent."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError

from campaigns.domain import money
from campaigns.domain.times import shown
from campaigns.flow import PublishRequest
from campaigns.models import Agent, Branch, Listing, Order, Plan


@dataclass(frozen=True)
class Content:
    """What to publish: everything of an order that people choose. Times are aware, the amount is in the plan's currency."""

    plan: Plan
    branch: Branch
    listings: tuple[Listing, ...]
    agent: Agent | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    budget_override: Decimal | None = None

    @classmethod
    def of(cls, order: Order) -> "Content":
        """Return the content of an order that is in the database."""
        return cls(
            plan=order.plan,
            branch=order.branch,
            listings=tuple(order.listings.order_by("external_id")),
            agent=order.agent,
            start_at=order.start_at,
            end_at=order.end_at,
            budget_override=order.budget_override,
        )

    def as_data(self) -> dict[str, Any]:
        """Return the content in plain words, to compare and to keep in the history."""
        return {
            "plan": self.plan.ref,
            "branch": self.branch.external_id,
            "agent": self.agent.external_id if self.agent else None,
            "listings": sorted(listing.external_id for listing in self.listings),
            "start_at": self.start_at.astimezone(UTC).isoformat() if self.start_at else None,
            "end_at": self.end_at.astimezone(UTC).isoformat() if self.end_at else None,
            "budget_override": None if self.budget_override is None else f"{self.budget_override:.2f}",
        }


def check_content(content: Content, *, now: datetime) -> None:
    """Raise ValidationError, by field, unless the content may be published at `now`.

    The dates' rules are Flow's (startDate must be in the future, endDate after startDate); the others are the house's.
    """
    found = {
        "plan": _plan(content.plan),
        "branch": []
        if content.branch.active
        else [f"Branch {content.branch} is not active. Choose another, or activate it."],
        "agent": _agent(content),
        "listings": _listings(content),
        "start_at": _start(content, now),
        "end_at": _end(content, now),
        "budget_override": _budget(content),
    }
    errors = {field: messages for field, messages in found.items() if messages}
    if errors:
        raise ValidationError(errors)


def check_price(order: Order) -> None:
    """Raise ValidationError where the plan has changed so that Flow would charge what nobody submitted or approved.

    Flow is told a budget only where it differs from the plan's default: elsewhere Flow charges what the plan costs now.
    """
    plan = order.plan
    default_counts = PublishRequest.from_json(order.payload).budget_override is None
    if plan.currency == order.currency and not (default_counts and plan.default_budget != order.budget):
        return
    price = money.format_money(plan.default_budget, plan.currency)
    submitted = money.format_money(order.amount, order.currency)
    raise ValidationError(
        {
            "plan": f"Plan {plan} costs {price} now, but the order was submitted for {submitted}. "
            "Return it to draft, look at the budget and submit it again."
        }
    )


def _plan(plan: Plan) -> list[str]:
    return [] if plan.active else [f"Plan {plan} is not active. Choose another, or activate it."]


def _agent(content: Content) -> list[str]:
    agent = content.agent
    if agent is None:
        return []
    if agent.branch_id != content.branch.pk:
        return [f"Agent {agent} works at another branch. Choose an agent of {content.branch}, or none."]
    return [] if agent.active else [f"Agent {agent} is not active. Choose another, or none."]


def _listings(content: Content) -> list[str]:
    if not content.listings:
        return ["Choose at least one listing."]
    errors = [
        f"Listing {listing} belongs to another branch. Remove it, or choose its own branch."
        for listing in content.listings
        if listing.branch_id != content.branch.pk
    ]
    errors += [
        f"Listing {listing} is not active. Remove it, or activate it."
        for listing in content.listings
        if not listing.active
    ]
    if len({listing.pk for listing in content.listings}) != len(content.listings):
        errors.append("A listing is there twice. Choose each once.")
    most = content.plan.max_listings
    if most is not None and len(content.listings) > most:
        errors.append(f"Plan {content.plan} takes at most {most} listings, not {len(content.listings)}. Remove some.")
    return errors


def _start(content: Content, now: datetime) -> list[str]:
    if content.start_at is None or content.start_at > now:
        return []
    start = shown(content.start_at, content.branch.zone)
    return [
        f"The start, {start}, is in the past, and Flow takes only a start in the future. "
        "Choose a later start, or leave it empty to begin at once."
    ]


def _end(content: Content, now: datetime) -> list[str]:
    if content.end_at is None:
        return []
    if content.start_at is not None and content.end_at <= content.start_at:
        return ["The end must be after the start. Choose a later end."]
    return [] if content.end_at > now else ["The end is in the past. Choose a later end."]


def _budget(content: Content) -> list[str]:
    budget = content.plan.default_budget if content.budget_override is None else content.budget_override
    try:
        money.check_amount(budget)
    except ValueError as error:
        return [str(error)]
    if budget == 0:
        return ["The budget must be more than 0. Enter an amount."]
    return []
