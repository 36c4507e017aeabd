"""How people settle an order in doubt: a page with what was sent and what came back, three ways out, and a second person."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import selectors, tasks
from campaigns.admin import doubts, tables
from campaigns.admin.actions import Deed, Done, state_words
from campaigns.admin.forms import SettleForm
from campaigns.admin.order_rules import can
from campaigns.domain.states import Move, Resolution
from campaigns.domain.times import window
from campaigns.models import Order, Settlement
from campaigns.services import settling

Values = dict[str, Any]


def _settle(order: Order, values: Values, user: User, now: datetime) -> str | Done:
    result = settling.settle(
        order.pk,
        Resolution(values["resolution"]),
        tracking_ids=values["tracking_ids"],
        evidence=values["evidence"],
        user=user,
        now=now,
    )
    if result.settled and values["resolution"] == Resolution.NOT_LIVE:
        tasks.nudge_publish(order.pk)
    return Done(result.words, level=messages.WARNING) if result.is_contradiction else result.words


def _proposed(order: Order, user: User) -> Values:
    """Begin with what another person found; how they know it is theirs to say, and the second person's to say anew."""
    last = _proposal(order, user)
    return {"resolution": last.resolution, "tracking_ids": "\n".join(last.tracking_ids)} if last else {}


def _proposal(order: Order, user: User) -> Settlement | None:
    attempt = order.attempts.last()
    return next(iter(selectors.proposals_of_others(attempt, user)), None) if attempt else None


def _knows(order: Order, user: User) -> Values:
    """Return what was sent and what came back, what others answered, and whose word is still needed."""
    attempt = selectors.doubt_queue(Order.objects.filter(pk=order.pk)).first()
    if attempt is None:  # somebody was faster: the page only says so
        return {}
    now, alone, proposal = timezone.now(), user.has_perm("campaigns.settle_alone"), _proposal(order, user)
    return {
        "age": doubts.age(attempt, now),
        "money": doubts.money(order),
        "window": window(attempt.sent_at, attempt.ended_at) if attempt.sent_at else "",
        "content": doubts.content(order),
        "sending": doubts.sending(attempt),
        "answer": doubts.answer(attempt),
        "reminders": doubts.reminders(attempt, now),
        "excerpt": doubts.excerpt(attempt),
        "said": [doubts.said(settlement) for settlement in selectors.last_words(attempt.settlements.all())],
        "may_be_last": alone or proposal,
        "who": _who(proposal, selectors.own_proposal(attempt, user), alone=alone),
        "campaigns": order.campaigns.count(),
        "attempts": tables.attempts(order, user) if attempt.number > 1 else None,
    }


def _who(proposal: Settlement | None, own: Settlement | None, *, alone: bool) -> str:
    if alone:
        return "You may settle this without a second person."
    if proposal:
        name = proposal.proposed_by.get_username()
        return (
            f"{name} has answered already: if you found the same, your answer settles it; if not, say what you found."
        )
    if own:
        return "You have answered already; a second person must find the same. You may still answer otherwise."
    return "Your answer is kept; a second person must find the same before anything happens."


SETTLE: Deed[Order] = Deed(
    name="settle",
    label="Settle the doubt",
    icon="gavel",
    permissions=("settle_order",),
    fits=can(Move.SETTLE),
    not_now=lambda order: f"Nothing is in doubt: the order is “{state_words(order)}”.",
    says=lambda order: f"Nobody knows whether Flow published this order for {doubts.money(order)}.",
    do=_settle,
    form=SettleForm,
    first_values=_proposed,
    danger=True,
    template="admin/campaigns/settle.html",
    knows=_knows,
)
