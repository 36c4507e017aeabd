"""Deeds at the desk for case 11: every door through which a queued or publishing order could be changed or deleted."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.db.models.deletion import ProtectedError
from django.test import Client, override_settings
from django.utils import timezone

from campaigns.models import Attempt, Event, Order, OrderListing
from campaigns.services import orders, publishing
from campaigns.services.content import Content
from campaigns.services.errors import Refused
from tests import factories
from tests.chaos.people import person, queued

Door = Callable[[Order], object]


def _sql(statement: str) -> Door:
    def through(order: Order) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("%", str(order.pk)))

    return through


def _of(order: Order) -> models.QuerySet[Order]:
    return Order.objects.filter(pk=order.pk)


def _saved(order: Order) -> None:
    order.budget_override = 1
    order.save()


def _bulk_updated(order: Order) -> None:
    order.plan = factories.make_plan()
    Order.objects.bulk_update([order], ["plan"])


def _new_listing(order: Order) -> None:
    OrderListing.objects.create(order=order, listing=factories.make_listing(order.branch))


def _edited(order: Order) -> None:
    content = Content(factories.make_plan(), order.branch, tuple(order.listings.all()))
    orders.edit_order(order.pk, order.version, content, user=person("olga"), now=timezone.now())


def _post(path: str, **fields: object) -> Door:
    """Post to the admin as somebody who may do everything."""

    def through(order: Order) -> None:
        boss = User.objects.filter(username="boss").first() or factories.make_user("boss", is_superuser=True)
        client = Client()
        client.force_login(boss)
        with override_settings(ALLOWED_HOSTS=["testserver"]):
            answer = client.post(path.replace("%", str(order.pk)), {"version": order.version, **fields})
        if answer.status_code != 302:
            raise Refused(f"HTTP {answer.status_code}")

    return through


def _moved(state: str) -> Door:
    return lambda order: _of(order).update(state=state, version=F("version") + 1, problem="")


# To draft and cancelled a queued order may go; the rest needs rows that only the services write.
_UNPROVED = ("publishing", "published", "rejected", "unknown", "queued")

FORM = {"budget_override": "1.00", "plan": 1, "branch": 1, "listings": [1], "state": "draft"}
INLINE = {"orderlisting_set-TOTAL_FORMS": 1, "orderlisting_set-INITIAL_FORMS": 0, "orderlisting_set-0-listing": 1}
TICKED = {"action": "delete_selected", "post": "yes"}

DOORS: dict[str, Door] = {
    "the service": _edited,
    "form": _post("/admin/campaigns/order/%/change/", **FORM),
    "form with an inline": _post("/admin/campaigns/order/%/change/", **FORM, **INLINE),
    "delete page": _post("/admin/campaigns/order/%/delete/", post="yes"),
    "bulk delete": lambda order: _post("/admin/campaigns/order/", **TICKED, _selected_action=order.pk)(order),
    "save": _saved,
    "update of the budget": lambda order: _of(order).update(budget_override="1.00"),
    "update of the plan": lambda order: _of(order).update(plan=factories.make_plan()),
    "update of the payload": lambda order: _of(order).update(payload="{}", payload_sha256="0"),
    "update of the order_ref": lambda order: _of(order).update(order_ref="another"),
    "update of the state": lambda order: _of(order).update(state="cancelled"),
    "update of the submitter": lambda order: _of(order).update(submitted_by=person("ben")),
    "update of the approver": lambda order: _of(order).update(approved_by=person("ben"), approved_at=timezone.now()),
    **{f"a move to {state} that knows the version": _moved(state) for state in _UNPROVED},
    "update to a draft, with the content": lambda order: _of(order).update(
        state="draft", version=F("version") + 1, budget_override="1.00"
    ),
    "bulk_update": _bulk_updated,
    "delete": lambda order: order.delete(),
    "queryset.delete": lambda order: _of(order).delete(),
    "a listing more": _new_listing,
    "no listings": lambda order: order.listings.clear(),
    "other listings": lambda order: OrderListing.objects.filter(order=order).update(listing=factories.make_listing()),
    "deleted listings": lambda order: OrderListing.objects.filter(order=order).delete(),
    "SQL UPDATE": _sql("UPDATE campaigns_order SET budget_override = 1 WHERE id = %"),
    "SQL UPDATE of the frozen budget": _sql("UPDATE campaigns_order SET budget = 1 WHERE id = %"),
    "SQL DELETE": _sql("DELETE FROM campaigns_order WHERE id = %"),
    "SQL DELETE of listings": _sql("DELETE FROM campaigns_orderlisting WHERE order_id = %"),
    "SQL DELETE of history": _sql("DELETE FROM campaigns_event WHERE order_id = %"),
}


# A queued order has no attempt yet.
ATTEMPT_DOORS: dict[str, Door] = {
    "an attempt of another payload": lambda order: order.attempts.update(payload_sha256="0"),
    "an attempt of another order": lambda order: order.attempts.update(order=queued(f"{order.order_ref}-other")),
    "an attempt less": _sql("DELETE FROM campaigns_attempt WHERE order_id = %"),
}


def try_doors(order_ref: str, state: str) -> dict[str, Any]:
    """Try every door to an order in a state; return what each said, and the doors behind which something has changed."""
    order = queued(order_ref)
    doors = dict(DOORS)
    if state == "publishing":
        publishing._claim(order, timezone.now())
        doors |= ATTEMPT_DOORS
    said, open_doors = {}, []
    for name, door in doors.items():
        before = _rows(order)
        said[name] = _try(door, order)
        if _rows(order) != before:
            open_doors.append(name)
    return {"said": said, "open": open_doors, "state": Order.objects.get(pk=order.pk).state}


def _try(door: Door, order: Order) -> str:
    try:
        with transaction.atomic():
            door(Order.objects.get(pk=order.pk))
    except (DatabaseError, ProtectedError, Refused, ValidationError) as error:
        return type(error).__name__
    return "nothing"


def _rows(order: Order) -> list[Any]:
    about = (OrderListing, Attempt, Event)
    return [list(_of(order).values()), *[list(model._default_manager.filter(order=order).values()) for model in about]]
