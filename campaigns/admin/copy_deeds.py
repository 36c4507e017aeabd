"""What people make of an order: a copy, a renewal, a replacement, a template; and how they rescue a start that is too late."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.admin import look
from campaigns.admin.actions import Deed, Done
from campaigns.admin.forms import CommandForm, RescueForm, TemplateForm
from campaigns.admin.order_rules import only_in
from campaigns.domain.copies import is_too_close, next_start
from campaigns.domain.money import format_money
from campaigns.domain.states import FINAL_PHASES, OrderState
from campaigns.models import Order
from campaigns.services import copying, rescuing, templates

Values = dict[str, Any]
Pairs = list[tuple[str, Any]]

CHANGES_NOTHING = "Nothing is published, and the order stays as it is."


def _money(order: Order) -> str:
    return format_money(order.amount, order.amount_currency)


def _made(draft: Order, words: str) -> Done:
    return Done(f"{words} Nothing is published until it is submitted.", _page(draft))


def _page(order: Order) -> str:
    return reverse("admin:campaigns_order_change", args=[order.pk])


def _duplicate(order: Order, _values: Values, user: User, now: datetime) -> Done:
    draft = copying.duplicate(order.pk, user=user, now=now)
    return _made(draft, f"Draft {draft} is a copy of {order}.")


def _renew(order: Order, _values: Values, user: User, now: datetime) -> Done:
    draft = copying.renew(order.pk, user=user, now=now)
    return _made(draft, f"Draft {draft} renews {order}.")


def _replace(order: Order, values: Values, user: User, now: datetime) -> Done:
    made = copying.replace_order(order.pk, reason=values["reason"], user=user, now=now)
    for command in made.commands:
        tasks.nudge_command(command.pk)
    asked = (
        f"Flow is asked to cancel {_campaigns(len(made.commands))} of {order}; each is over when Flow's status says so."
    )
    return _made(made.order, f"{asked} Draft {made.order} replaces it.")


def _save_template(order: Order, values: Values, user: User, now: datetime) -> Done:
    template = templates.save_template(order.pk, values["name"], user=user, now=now)
    return Done(f"Template “{template}” is saved.", reverse("admin:campaigns_order_templates"))


def _rescue(order: Order, values: Values, user: User, now: datetime) -> str:
    moved = rescuing.rescue_start(order.pk, values["version"], values["start"], user=user, now=now)
    again = "" if order.state == OrderState.DRAFT else " It is a draft again: submit it again."
    return f"Order {order} starts at {look.when(moved.start_at, moved.branch.zone)} now.{again}"


def _campaigns(count: int) -> str:
    return f"{count} campaign{'' if count == 1 else 's'}"


def _running(order: Order) -> int:
    return order.campaigns.exclude(phase__in=sorted(FINAL_PHASES)).count()


def _why_no_copy(order: Order) -> str:
    """Return why the order can't be copied; it is asked for three deeds, and read once."""
    known: dict[str, Any] = vars(order)
    if "why_no_copy" not in known:
        known["why_no_copy"] = copying.nothing_to_copy(order, timezone.now())
    return str(known["why_no_copy"])


def _is_replaced(order: Order) -> bool:
    return order.state == OrderState.PUBLISHED and _running(order) > 0


def _not_renewed(order: Order) -> str:
    return _why_no_copy(order) if order.state == OrderState.PUBLISHED else only_in({OrderState.PUBLISHED})(order)


def _not_replaced(order: Order) -> str:
    if _is_replaced(order):
        return f"{_why_no_copy(order)} To cancel alone, cancel its campaigns, each on its own page or all as a batch."
    return "Only a published order is replaced, while one of its campaigns is not over. Duplicate any other."


def _new_start(order: Order) -> datetime:
    return next_start(order.start_at or order.created_at, order.branch.zone, timezone.now())


def _says_rescue(order: Order) -> str:
    words = (
        f"Move the start of {order}, which is past or nearly, and its end with it: the order stays as long as it was."
    )
    if order.state == OrderState.DRAFT:
        return f"{words} It stays a draft, and nothing is published until it is submitted."
    return (
        f"{words} It is submitted already, so this returns it to draft, drops its approval if it has one, and moves the "
        "dates. It is not submitted again: do that once you have looked at it."
    )


def _dates(order: Order, start: datetime | None, end: datetime | None) -> Pairs:
    zone = order.branch.zone
    return [
        (name, look.when(moment, zone) if moment else "None: the plan decides")
        for name, moment in (("New start", start), ("New end", end))
    ]


def _knows_rescue(order: Order, _user: User) -> Values:
    start = _new_start(order)
    zone = order.branch.zone
    was = [("Start", look.when(order.start_at, zone)), ("End", look.when(order.end_at, zone))]
    return {"pairs": [*was, *_dates(order, start, rescuing.moved_end(order, start))]}


def _knows_renew(order: Order, _user: User) -> Values:
    return {"pairs": [*_dates(order, *copying.next_dates(order, timezone.now())), ("Amount", _money(order))]}


def _says_replace(order: Order) -> str:
    return (
        f"Flow can't change a published campaign. This asks Flow to cancel {_campaigns(_running(order))} of {order}, and "
        "makes a draft with the same content for you to change: both, or neither."
    )


def _knows_replace(order: Order, _user: User) -> Values:
    spent = (
        f"{_money(order)} was committed to {order}. What is spent is spent; whether Flow gives back the rest is by Flow's own "
        "terms, and is not told here."
    )
    new = (
        f"A new amount, on top of that: {_money(order)} unless you change it. It is spent when the draft is submitted."
    )
    after = "Flow's own status confirms each cancellation. Until then the old campaigns may still run."
    return {"pairs": [("Cancelled", spent), ("New order", new), ("Afterwards", after)]}


COPY_DEEDS: list[Deed[Order]] = [
    Deed(
        name="rescue",
        label="Move start and end",
        icon="event_upcoming",
        permissions=("change_order",),
        fits=lambda order: OrderState(order.state) in rescuing.RESCUED and is_too_close(order.start_at, timezone.now()),
        not_now=lambda _order: (
            "Only the dates of an order that was not sent are moved so, once its start is past or close."
        ),
        suits=lambda order, user: order.state == OrderState.DRAFT or user.has_perm("campaigns.submit_order"),
        why_unsuited="It must be returned to draft for that, which you may not do. Ask a publisher of the branch.",
        says=_says_rescue,
        do=_rescue,
        is_next=lambda order: order.state == OrderState.DRAFT,
        form=RescueForm,
        first_values=lambda order, _user: {"start": _new_start(order).isoformat()},
        knows=_knows_rescue,
    ),
    Deed(
        name="renew",
        label="Renew",
        icon="autorenew",
        permissions=("add_order",),
        fits=lambda order: order.state == OrderState.PUBLISHED and not _why_no_copy(order),
        not_now=_not_renewed,
        says=lambda order: (
            f"Make a draft with the content of {order} for the next period, as long as this one. {CHANGES_NOTHING}"
        ),
        do=_renew,
        knows=_knows_renew,
    ),
    Deed(
        name="duplicate",
        label="Duplicate",
        icon="content_copy",
        permissions=("add_order",),
        fits=lambda order: not _why_no_copy(order),
        not_now=_why_no_copy,
        says=lambda order: (
            f"Make a draft with the content of {order}, for {_money(order)}, and an order ref of its own. Dates that are past "
            f"and listings that are gone are left out, and the draft says so. {CHANGES_NOTHING}"
        ),
        do=_duplicate,
    ),
    Deed(
        name="template",
        label="Save as template",
        icon="bookmark_add",
        permissions=("add_order",),
        fits=lambda _order: True,
        says=lambda order: (
            f"Keep the content of {order}, without its dates, for the people of {order.branch} to begin new orders from. "
            f"{CHANGES_NOTHING}"
        ),
        do=_save_template,
        form=TemplateForm,
    ),
    Deed(
        name="replace",
        label="Cancel and replace",
        icon="published_with_changes",
        permissions=("command_campaign",),
        fits=lambda order: _is_replaced(order) and not _why_no_copy(order),
        not_now=_not_replaced,
        suits=lambda _order, user: user.has_perm("campaigns.add_order"),
        why_unsuited="It makes a new order, which you may not do. Ask an order builder of the branch.",
        says=_says_replace,
        do=_replace,
        form=CommandForm,
        knows=_knows_replace,
        danger=True,
    ),
]
