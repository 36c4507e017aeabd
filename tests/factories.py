"""Rows for tests: each function writes one that keeps all rules; give it only what the test is about."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from django.contrib.auth.models import Permission, User

from campaigns.models import Agent, Branch, Listing, Plan

PASSWORD = "a long password for tests"
_numbers = count(1)


def make_branch(**fields: Any) -> Branch:
    """Write a branch; its ids are different each time."""
    number = next(_numbers)
    return Branch.objects.create(**{"external_id": f"branch-{number}", "name": f"Branch {number}"} | fields)


def make_agent(branch: Branch | None = None, **fields: Any) -> Agent:
    """Write an agent, of a new branch unless one is given."""
    number = next(_numbers)
    defaults = {"external_id": f"agent-{number}", "name": f"Agent {number}", "email": f"agent{number}@agency.example"}
    return Agent.objects.create(branch=branch or make_branch(), **defaults | fields)


def make_plan(**fields: Any) -> Plan:
    """Write a plan of 1,500.00 for 14 days."""
    number = next(_numbers)
    defaults = {"ref": f"plan-{number}", "name": f"Plan {number}", "default_budget": "1500.00", "duration_days": 14}
    plan = Plan.objects.create(**defaults | fields)
    plan.refresh_from_db()  # amounts as Decimal, as they are read
    return plan


def make_listing(branch: Branch | None = None, **fields: Any) -> Listing:
    """Write a listing, of a new branch unless one is given."""
    number = next(_numbers)
    defaults = {
        "external_id": f"listing-{number}",
        "title": f"Listing {number}",
        "price": "2500000.00",
        "url": f"https://portal.example/listings/{number}",
    }
    listing = Listing.objects.create(branch=branch or make_branch(), **defaults | fields)
    listing.refresh_from_db()
    return listing


def make_user(username: str, *permissions: str, branches: Sequence[Branch] | None = None, **fields: Any) -> User:
    """Write a member of staff with permissions such as `submit_order`, of these branches, else of all; see `PASSWORD`."""
    user = User.objects.create_user(username, password=PASSWORD, **{"is_staff": True} | fields)
    may(user, *permissions)
    if branches is None:
        may(user, "every_branch")
    else:
        for branch in branches:
            branch.staff.add(user)
    return user


def may(user: User, *permissions: str) -> None:
    """Give a member of staff more permissions."""
    found = Permission.objects.filter(content_type__app_label="campaigns", codename__in=permissions)
    missing = set(permissions) - {permission.codename for permission in found}
    if missing:
        raise ValueError(f"no such permission of campaigns: {', '.join(sorted(missing))}")
    user.user_permissions.add(*found)
