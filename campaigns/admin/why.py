"""Why not? For each deed that a person can't do to a row now: which rule forbids it, who could, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from campaigns.admin.actions import Offer, RowT
from campaigns.admin.people import deeds, names, roles


@dataclass(frozen=True)
class Hindrance:
    """A deed that is not possible, and why."""

    name: str
    label: str
    icon: str
    words: str


def hindrances(user: User, row: RowT, offers: Sequence[Offer[RowT]]) -> dict[str, list[Hindrance]]:
    """Return what others could do to the row as it is (`others_can`), and what nobody can as it stands (`nobody_can`)."""
    found: dict[str, list[Hindrance]] = {"others_can": [], "nobody_can": []}
    for offer in offers:
        if not offer.fits(row):
            found["nobody_can"].append(_hindrance(offer, offer.not_now(row)))
        elif not offer.is_allowed(user):
            found["others_can"].append(_hindrance(offer, _needs_permission(user, row, offer)))
        elif user.pk in offer.barred(row):
            found["others_can"].append(_hindrance(offer, f"{offer.why_barred} {_who(user, row, offer)}"))
        elif not offer.suits(row, user):
            found["others_can"].append(_hindrance(offer, offer.why_unsuited))
    return found


def _hindrance(offer: Offer[Any], words: str) -> Hindrance:
    return Hindrance(offer.name, offer.label, offer.icon, words)


def _needs_permission(user: User, row: RowT, offer: Offer[RowT]) -> str:
    may = roles(offer.permissions)
    whose = f"; {may} {'have' if may.startswith('the roles') else 'has'} it" if may else ""
    right = f"“{offer.label}” takes the right to {deeds(offer.permissions)}, which you do not have"
    return f"{right}{whose}. {_who(user, row, offer)}"


def _who(user: User, row: RowT, offer: Offer[RowT]) -> str:
    who = names(offer.permissions, row.branch_id, user, without=offer.barred(row))
    if who:
        return f"Who can: {who}. Ask one of them."
    return f"Nobody can yet: ask an administrator to let somebody of {row.branch.name} {deeds(offer.permissions)}."
