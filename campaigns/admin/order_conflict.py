"""Two people edit the same draft: the second sees who changed which fields, and keeps what they wrote."""

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict

from campaigns import selectors
from campaigns.admin import conflicts, look
from campaigns.admin.conflicts import Compared
from campaigns.admin.forms import OrderForm, values_of
from campaigns.models import Order, Plan
from campaigns.services.content import Content

LABELS = {
    "branch": "Branch",
    "agent": "Agent",
    "listings": "Listings",
    "plan": "Plan",
    "budget_override": "Budget override",
    "start_at": "Start",
    "end_at": "End",
}
NONE = "None"


def written(post: QueryDict, order: Order) -> QueryDict:
    """Return what somebody wrote, with the order's own values in the fields where they took the other people's."""
    return conflicts.chosen(post, _form_values(order))


def rows(form: OrderForm, order: Order, user: User) -> list[Compared]:
    """Return what others changed since the form began; the form is valid."""
    before, theirs, mine = form.cleaned_data["began"], Content.of(order).as_data(), form.content().as_data()
    names = _names(user, before, theirs, mine)
    plans = [str(content.get("plan")) for content in (before, theirs, mine)]
    currencies = dict(Plan.objects.filter(ref__in=plans).values_list("ref", "currency"))

    def words(field: str, content: conflicts.Values) -> str:
        value = content[field]
        if field in ("start_at", "end_at"):
            return _moment(value, order)
        if field == "budget_override" and value is not None:
            return look.amount(value, currencies.get(str(content.get("plan")), order.amount_currency))
        each = value if isinstance(value, list) else [value]
        return "; ".join(names[field].get(str(one), str(one)) for one in each if one is not None) or NONE

    return conflicts.compare(before, theirs, mine, selectors.edits(order), LABELS, words)


def again(post: QueryDict, order: Order, compared: list[Compared], user: User) -> OrderForm:
    """Return the form to save again: it holds what was written, and begins with the order as it is now."""
    data = conflicts.merged(post, _form_values(order), compared)
    data["version"], data["began"] = str(order.version), json.dumps(Content.of(order).as_data())
    form = OrderForm(data, user=user, order=order)
    form.full_clean()
    return form


def _form_values(order: Order) -> dict[str, list[str]]:
    values = {field: value for field, value in values_of(order).items() if field in LABELS}
    return {
        field: [str(each) for each in value] if isinstance(value, list) else ["" if value is None else str(value)]
        for field, value in values.items()
    }


def _names(user: User, *contents: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what the person may know the named rows by; what a form claims to have begun with is not believed."""

    def refs(field: str) -> set[str]:
        found = [content.get(field) for content in contents]
        return {str(one) for each in found for one in (each if isinstance(each, list) else [each])}

    return {
        "plan": {plan.ref: str(plan) for plan in Plan.objects.filter(ref__in=refs("plan"))},
        "branch": {
            row.external_id: str(row) for row in selectors.branches_for(user).filter(external_id__in=refs("branch"))
        },
        "agent": {
            row.external_id: str(row) for row in selectors.agents_for(user).filter(external_id__in=refs("agent"))
        },
        "listings": {
            row.external_id: str(row) for row in selectors.listings_for(user).filter(external_id__in=refs("listings"))
        },
        "budget_override": {},
    }


def _moment(value: Any, order: Order) -> str:
    if value is None:
        return NONE
    try:
        return look.when(datetime.fromisoformat(value), order.branch.zone)
    except (TypeError, ValueError, OverflowError):
        return str(value)
