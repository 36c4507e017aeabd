"""The orders of the demo, made through the same services as everybody's."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal

from django.contrib.auth.models import User

from campaigns.models import Agent, Branch, Listing, Order, Plan
from campaigns.services import orders
from campaigns.services.orders import Content

FIRST_REF = "DEMO-001"
MORNING = time(9)


def make_orders(now: datetime) -> list[Order]:
    """Make drafts, an order that awaits approval, and two that the workers publish; return them.

    Raises what the services raise, when staff have changed the people or the catalogue of the demo.
    """
    olivia = User.objects.get(username="olivia")
    peter = User.objects.get(username="peter")

    def draft(ref: str, content: Content) -> Order:
        return orders.create_order(content, user=olivia, now=now, order_ref=ref)

    def submitted(ref: str, content: Content) -> Order:
        order = draft(ref, content)
        return orders.submit(order.pk, order.version, user=olivia, now=now)

    def approved(ref: str, content: Content) -> Order:
        order = submitted(ref, content)
        return orders.approve(order.pk, order.version, user=peter, now=now)

    made: list[tuple[Callable[[str, Content], Order], Content]] = [
        (draft, _content("facebookv2", "Sandton", 3, now, starts_in=7)),
        (draft, _content("seller-leads", "London International Desk", 2, now, starts_in=14)),
        (submitted, _content("premium-launch", "Sandton", 2, now, starts_in=5)),
        (submitted, _content("facebookv2", "Sea Point", 2, now, budget="2928.00")),
        (approved, _content("premium-launch", "Menlyn", 1, now, starts_in=3)),
    ]
    return [make(f"DEMO-{number:03}", content) for number, (make, content) in enumerate(made, 1)]


def _content(
    plan_ref: str, branch_name: str, listings: int, now: datetime, *, starts_in: int | None = None, budget: str = ""
) -> Content:
    """Return an order's content; `starts_in` counts days, without it the order starts at once."""
    plan = Plan.objects.get(ref=plan_ref)
    branch = Branch.objects.get(name=branch_name)
    today = now.astimezone(branch.zone).date()
    day = today + timedelta(days=starts_in or 0)
    start = datetime.combine(day, MORNING, branch.zone) if starts_in else None
    return Content(
        plan=plan,
        branch=branch,
        agent=Agent.objects.filter(branch=branch, active=True).order_by("external_id").first(),
        listings=tuple(Listing.objects.filter(branch=branch, active=True).order_by("external_id")[:listings]),
        start_at=start,
        end_at=datetime.combine(day + timedelta(days=plan.duration_days), MORNING, branch.zone),
        budget_override=Decimal(budget) if budget else None,
    )
