"""Who can do something, by name."""

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.contrib.auth.models import User

from campaigns import selectors

NAMED = 5
ROLES = 3
DEEDS = {
    "add_order": "build orders",
    "change_order": "edit orders",
    "submit_order": "submit orders",
    "approve_order": "approve orders",
    "settle_order": "settle orders in doubt",
    "command_campaign": "pause, resume or cancel campaigns",
}


def names(permissions: Collection[str], branch_id: int, user: User, without: Collection[int] = ()) -> str:
    """Return at most five people of the branch with any of the permissions, such as `you, thabo`; empty where there is none."""
    people = reduce(or_, (selectors.people_who_may(permission, branch_id) for permission in permissions))
    found = ["you" if each == user else each.get_username() for each in people.exclude(pk__in=without)[: NAMED + 1]]
    return ", ".join(found[:NAMED]) + (" and others" if len(found) > NAMED else "")


def deeds(permissions: Collection[str]) -> str:
    """Return what the permissions allow, such as `build orders or submit orders`, to go on from “you may not …”."""
    return either([DEEDS[permission] for permission in permissions])


def roles(permissions: Collection[str]) -> str:
    """Return at most three roles with any of the permissions, such as `the roles Approver and Auditor`, if any."""
    found = [role.name for role in selectors.roles_that_may(permissions)[: ROLES + 1]]
    if not found:
        return ""
    *first, last = [*found[:ROLES], "others"] if len(found) > ROLES else found
    return f"the roles {', '.join(first)} and {last}" if first else f"the role {last}"


def either(words: Collection[str]) -> str:
    """Return the words as a list that ends in “or”."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
