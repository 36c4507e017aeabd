"""Two people edit the same draft: the second sees who changed which fields, and keeps what they wrote."""

import json

from django.contrib.auth.models import User
from django.http import QueryDict

from campaigns import selectors
from campaigns.admin import changes, conflicts
from campaigns.admin.conflicts import Compared
from campaigns.admin.forms import OrderForm, values_of
from campaigns.models import Order, Plan
from campaigns.services.content import Content


def written(post: QueryDict, order: Order) -> QueryDict:
    """Return what somebody wrote, with the order's own values in the fields where they took the other people's."""
    return conflicts.chosen(post, _form_values(order))


def rows(form: OrderForm, order: Order, user: User) -> list[Compared]:
    """Return what others changed since the form began; the form is valid."""
    before, theirs, mine = form.cleaned_data["began"], Content.of(order).as_data(), form.content().as_data()
    known = changes.names([{field: (before.get(field), theirs[field], mine[field]) for field in theirs}], user)
    plans = [str(content.get("plan")) for content in (before, theirs, mine)]
    currencies = dict(Plan.objects.filter(ref__in=plans).values_list("ref", "currency"))

    def words(field: str, content: conflicts.Values) -> str:
        currency = currencies.get(str(content.get("plan")), order.amount_currency)
        return changes.shown(field, content.get(field), known, order.branch.zone, currency)

    return conflicts.compare(before, theirs, mine, selectors.edits(order), changes.FIELDS, words)


def again(post: QueryDict, order: Order, compared: list[Compared], user: User) -> OrderForm:
    """Return the form to save again: it holds what was written, and begins with the order as it is now."""
    data = conflicts.merged(post, _form_values(order), compared)
    data["version"], data["began"] = str(order.version), json.dumps(Content.of(order).as_data())
    form = OrderForm(data, user=user, order=order)
    form.full_clean()
    return form


def _form_values(order: Order) -> dict[str, list[str]]:
    values = {field: value for field, value in values_of(order).items() if field in changes.FIELDS}
    return {
        field: [str(each) for each in value] if isinstance(value, list) else ["" if value is None else str(value)]
        for field, value in values.items()
    }
