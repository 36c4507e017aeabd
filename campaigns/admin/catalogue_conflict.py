"""Two people edit the same entry of the catalogue: the form knows what it began with, and the second person sees the rest."""

import json
from typing import Any

from django import forms
from django.db.models import DecimalField
from django.http import QueryDict

from campaigns import selectors
from campaigns.admin import conflicts, look
from campaigns.admin.conflicts import Compared
from campaigns.services.catalogue.changes import plain_values, subject_of
from campaigns.services.catalogue.columns import Entry, table_of
from campaigns.services.errors import Overtaken

BEGAN = "began"


class CatalogueForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's can't be subscripted
    """A form that carries the values it began with, so that nobody overwrites what they never saw."""

    began = forms.JSONField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial[BEGAN] = plain_values(self.instance, table_of(self.instance).columns)

    def clean_began(self) -> dict[str, Any] | None:
        """Return what the form began with; None where it does not say."""
        began = self.cleaned_data[BEGAN]
        return began if isinstance(began, dict) else None


def rows(entry: Entry, overtaken: Overtaken) -> list[Compared]:
    """Return what others changed of the entry since the form began."""
    table = table_of(entry)
    labels = {column: str(table.field(column).verbose_name).capitalize() for column in table.columns}
    events = selectors.changes_of(subject_of(entry), table.noun)
    amounts = {column for column in table.columns if isinstance(table.field(column), DecimalField)}

    def words(column: str, values: conflicts.Values) -> str:
        if column in amounts and values[column]:
            return look.amount(values[column], str(values.get("currency") or ""))
        return _words(values[column])

    return conflicts.compare(overtaken.before, overtaken.theirs, overtaken.mine, events, labels, words)


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


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "None" if value is None or value == "" else str(value)
