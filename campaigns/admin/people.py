"""Who can do something, by name."""

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.contrib.auth.models import User

from campaigns import selectors

NAMED = 5


def names(permissions: Collection[str], branch_id: int, user: User, without: Collection[int] = ()) -> str:
    """Return at most five people of the branch with any of the permissions, such as `you, thabo`; empty where there is none."""
    people = reduce(or_, (selectors.people_who_may(permission, branch_id) for permission in permissions))
    found = ["you" if each == user else each.get_username() for each in people.exclude(pk__in=without)[: NAMED + 1]]
    return ", ".join(found[:NAMED]) + (" and others" if len(found) > NAMED else "")


def quoted(permissions: Collection[str]) -> str:
    """Return the permissions by the names that administrators know, such as `“change_order” or “submit_order”`."""
    return either([f"“{permission}”" for permission in permissions])


def either(words: Collection[str]) -> str:
    """Return the words as a list that ends in “or”."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
