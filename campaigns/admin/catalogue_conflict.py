"""Two people edit the same entry of the catalogue: the form knows what it began with, and the second person sees the rest."""

import json
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict

from campaigns import selectors
from campaigns.admin import changes, conflicts
from campaigns.admin.conflicts import Compared
from campaigns.services.catalogue.changes import plain_values, subject_of
from campaigns.services.catalogue.columns import Entry, table_of
from campaigns.services.errors import Overtaken

BEGAN = "began"
NOT_TOLD = "not known"
WITHOUT = (
    "The form came without what the entry was when you opened it. Nothing of yours is saved yet: compare it with what "
    "is there now, and save again."
)
REFERENCES = ("branch", "agent")


class BeganField(forms.JSONField):
    """What a form began with, in plain ASCII: no sign of it can be lost or changed on its way through a page."""

    widget = forms.HiddenInput

    def prepare_value(self, value: Any) -> Any:
        """Return the value as JSON."""
        return json.dumps(value) if isinstance(value, dict) else super().prepare_value(value)


class CatalogueForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's can't be subscripted
    """A form that carries the values it began with, so that nobody overwrites what they never saw."""

    began = BeganField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial[BEGAN] = plain_values(self.instance, table_of(self.instance).columns)

    def clean_began(self) -> dict[str, Any] | None:
        """Return what the form began with; nothing at all where it does not say, and None for a new entry."""
        if not self.instance.pk:
            return None
        began = self.cleaned_data[BEGAN]
        return began if isinstance(began, dict) else {}


def rows(entry: Entry, overtaken: Overtaken, user: User) -> list[Compared]:
    """Return what others changed of the entry since the form began."""
    table = table_of(entry)
    labels = {column: str(table.field(column).verbose_name).capitalize() for column in table.columns}
    events = selectors.changes_of(subject_of(entry), table.noun)
    theirs, mine = overtaken.theirs, overtaken.mine
    before = overtaken.before or {column: NOT_TOLD for column in table.columns if theirs[column] != mine[column]}
    told = (before, theirs, mine)
    known = changes.names([{field: [each.get(field) for each in told] for field in REFERENCES}], user)

    def words(column: str, values: conflicts.Values) -> str:
        return changes.shown(column, values.get(column), known, currency=values.get("currency"))

    return conflicts.compare(before, theirs, mine, events, labels, words)


def words(overtaken: Overtaken, compared: list[Compared]) -> str:
    """Return why nothing is saved, for the top of the form."""
    return conflicts.summary(compared) if overtaken.before else WITHOUT


def written(post: QueryDict, form: forms.ModelForm) -> QueryDict:  # type: ignore[type-arg]  # as above
    """Return what somebody wrote, with the values of `form`, which are in the database, where they took those."""
    return conflicts.chosen(post, _form_values(form))


def again(post: QueryDict, form: forms.ModelForm, overtaken: Overtaken, compared: list[Compared]) -> QueryDict:  # type: ignore[type-arg]  # as above
    """Return what to show the form with: what was written, beginning with the entry as it is now."""
    data = conflicts.merged(post, _form_values(form), compared)
    data[BEGAN] = json.dumps(overtaken.theirs)
    return data


def _form_values(form: forms.ModelForm) -> dict[str, list[str]]:  # type: ignore[type-arg]  # as above
    return {name: _field_values(form[name].value()) for name in form.fields if name != BEGAN}


def _field_values(value: Any) -> list[str]:
    """Return what a browser sends for the value: nothing for a box without its tick."""
    if isinstance(value, bool):
        return ["on"] if value else []
    return ["" if value is None else str(value)]
