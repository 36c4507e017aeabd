"""Write history, and ask who may do what: the two things that every service does."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from campaigns.domain.states import ActorKind
from campaigns.models import Campaign, Event, Order
from campaigns.services.errors import NotAllowed


def record(
    kind: str,
    text: str,
    *,
    now: datetime,
    by: User | ActorKind,
    order: Order | None = None,
    campaign: Campaign | None = None,
    subject: str = "",
    data: dict[str, Any] | None = None,
) -> Event:
    """Write one line of history in the transaction of the change it tells. A campaign's line is its order's too."""
    person = None if isinstance(by, ActorKind) else by
    return Event.objects.create(
        at=now,
        kind=kind,
        text=text,
        data=data or {},
        actor_kind=by.value if isinstance(by, ActorKind) else ActorKind.PERSON.value,
        actor=person,
        order_id=order.pk if order else campaign.order_id if campaign else None,
        campaign=campaign,
        subject=subject,
    )


def require_one_of(user: User, permissions: tuple[str, ...], deed: str) -> None:
    """Raise NotAllowed unless the user has at least one of the permissions; `deed` completes “may not …”."""
    if not any(user.has_perm(f"campaigns.{permission}") for permission in permissions):
        require(user, permissions[0], deed)


def require(user: User, permission: str, deed: str) -> None:
    """Raise NotAllowed unless the user has the permission, such as `submit_order`; `deed` completes “may not …”."""
    if not user.has_perm(f"campaigns.{permission}"):
        raise NotAllowed(
            f"{user.get_username()} may not {deed}. Ask an administrator for the permission “{permission}”."
        )
