"""What the order's form tells while it is filled in: the plan's defaults, the branch's clock, the end that follows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.utils import timezone

from campaigns.admin.ids import row_id
from campaigns.admin.times import local_text, parse_local
from campaigns.domain.money import format_money
from campaigns.domain.times import in_zone
from campaigns.models import Plan
from campaigns.selectors import branches_for


def facts(asked: Mapping[str, str], user: User) -> dict[str, Any]:
    """Return texts for the form's hints, and the end that the plan's duration gives; what is not known is left out."""
    plan = Plan.objects.filter(pk=row_id(asked.get("plan", "")) or 0).first()
    branch = branches_for(user).filter(pk=row_id(asked.get("branch", "")) or 0).first()
    found: dict[str, Any] = {}
    if plan:
        found["plan"] = _plan_words(plan)
    if branch:
        found["zones"] = {name: _zone_words(asked.get(name, ""), branch.zone) for name in ("start_at", "end_at")}
    if plan and branch:
        found["end"] = _end(asked.get("start_at", ""), plan, branch.zone)
    return found


def _plan_words(plan: Plan) -> str:
    most = f" · at most {plan.max_listings} listings" if plan.max_listings else ""
    budget = format_money(plan.default_budget, plan.currency)
    return f"Default budget {budget}; an override is in {plan.currency}, too · {plan.duration_days} days{most}"


def _zone_words(written: str, zone: ZoneInfo) -> str:
    """Return the zone's name and abbreviation at the time that is written, which summer time may change."""
    try:
        moment = in_zone(parse_local(written), zone) if written else timezone.now().astimezone(zone)
    except ValueError as error:
        return str(error)
    return f"{moment:%Z} ({zone.key})"


def _end(written: str, plan: Plan, zone: ZoneInfo) -> str:
    """Return the start plus the plan's days, at the same time of the branch's clock; empty where there is no start."""
    try:
        start: datetime = parse_local(written)
        return local_text(in_zone(start + timedelta(days=plan.duration_days), zone), zone)
    except (ValueError, OverflowError):
        return ""
