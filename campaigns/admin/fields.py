"""Form fields and widgets of this site, in Unfold's clothes."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.db.models import Model
from unfold.widgets import DATETIME_CLASSES, INPUT_CLASSES

from campaigns.admin.ids import row_id
from campaigns.admin.times import parse_local
from campaigns.domain import money

AREA_CLASSES = [*INPUT_CLASSES, "min-h-24"]
NOT_IN_THE_LIST = "Choose one from the list."


class ShowingMixin:
    """An autocomplete that shows what is chosen as far as it can be in the list, and stays upright with anything else."""

    def optgroups(
        self, name: str, value: Any, attr: Any = None
    ) -> list[tuple[str | None, list[dict[str, Any]], int | None]]:
        """Return the chosen options."""
        possible = [each for each in value if row_id(each) is not None]
        return super().optgroups(name, possible, attr)  # type: ignore[misc,no-any-return]  # before Django's widget


class ForwardingMixin(ShowingMixin):
    """An autocomplete of the order's form: its script tells the server the branch that is chosen in the form."""

    def build_attrs(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Keep Django's own script away, for ours starts the widget; without `lang` ours has the words too."""
        attrs: dict[str, Any] = super().build_attrs(*args, **kwargs)  # type: ignore[misc]  # a mixin before Django's widget
        del attrs["lang"]
        return {**attrs, "class": "order-autocomplete", "data-ajax--cache": "false"}


class OrderSelect(ForwardingMixin, AutocompleteSelect):
    """One row, chosen by typing."""


class OrderSelectMultiple(ForwardingMixin, AutocompleteSelectMultiple):
    """Several rows, chosen by typing."""


class RowSelect(ShowingMixin, AutocompleteSelect):
    """One row, chosen by typing, in the forms of the catalogue."""


class RowField(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django's can't be subscripted
    """A choice of one row."""

    default_error_messages = {"invalid_choice": NOT_IN_THE_LIST}

    def to_python(self, value: Any) -> Any:
        """Return the row, None where none is chosen."""
        if value not in self.empty_values and not isinstance(value, Model) and row_id(value) is None:
            raise ValidationError(NOT_IN_THE_LIST, code="invalid_choice")
        return super().to_python(value)


class RowsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # as above
    """A choice of several rows."""

    default_error_messages = {"invalid_choice": NOT_IN_THE_LIST}

    def clean(self, value: Any) -> Any:
        """Return the rows."""
        if any(row_id(each) is None for each in value or ()):
            raise ValidationError(NOT_IN_THE_LIST, code="invalid_choice")
        return super().clean(value)


class AmountField(forms.CharField):
    """An amount of money, exactly as it is written."""

    widget = forms.TextInput(attrs={"class": " ".join(INPUT_CLASSES), "inputmode": "decimal", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        """Return the amount, None where nothing is written."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            return money.parse_amount(text)
        except ValueError as error:
            raise ValidationError(str(error), code="amount") from None

    def prepare_value(self, value: Any) -> Any:
        """Return an amount with its two decimals, and what was typed as it was typed."""
        return f"{value:.2f}" if isinstance(value, Decimal) else value


class LocalTimeField(forms.CharField):
    """A date and time without a zone: the form reads it in the branch's."""

    widget = forms.TextInput(attrs={"type": "datetime-local", "class": " ".join([*DATETIME_CLASSES, "max-w-2xl"])})

    def to_python(self, value: Any) -> Any:
        """Return the time without a zone, None where nothing is written."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parse_local(text)
        except ValueError as error:
            raise ValidationError(str(error), code="time") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Say whether another time was written than the one that was shown."""
        return (initial or "") != (data or "")


def text_input(**attrs: Any) -> forms.TextInput:
    """Return a field of one line."""
    return forms.TextInput(attrs={"class": " ".join(INPUT_CLASSES), **attrs})


def text_area(rows: int = 3) -> forms.Textarea:
    """Return a field of several lines."""
    return forms.Textarea(attrs={"class": " ".join(AREA_CLASSES), "rows": rows})
