"""Turn the text of one cell into the value of its field, with the model's own rules."""

import re
from functools import cache, lru_cache
from typing import Any, TypeAlias

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, URLValidator
from django.db import models

from campaigns.domain.money import parse_amount
from campaigns.models import validators

Field: TypeAlias = "models.Field[Any, Any]"
BOOLEANS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
LINE_BREAKS = re.compile(r"\s*[\n\r\t\v\f\x85\u2028\u2029]\s*")
LONGEST = 100  # of numbers and of the ids of branches and agents


def read_cell(field: Field, raw: str) -> Any:
    """Return the cell's value; a branch or agent stays the external id that names it.

    An empty cell is the field's default or nothing, where the field allows that; line breaks become spaces. Raises
    ValidationError with what to do.
    """
    text = raw.strip()
    if not text.isprintable():
        text = LINE_BREAKS.sub(" ", text)
    if not text:
        return _empty(field)
    _refuse_unfit(field, text)
    if isinstance(field, models.ForeignKey):
        return text
    if isinstance(field, models.BooleanField):
        return _boolean(text)
    if isinstance(field, models.DecimalField):
        return _clean(field, _amount(text))
    if isinstance(field, models.IntegerField):
        return _clean(field, _whole_number(text))
    return text if _has_no_other_rule(field) or _is_on_a_known_site(field, text) else _clean(field, text)


def _empty(field: Field) -> Any:
    if field.null:
        return None
    if field.has_default():
        return field.get_default()
    if field.blank:
        return ""
    raise ValidationError("The cell is empty. Fill it in.")


def _refuse_unfit(field: Field, text: str) -> None:
    validators.visible(text)
    most = field.max_length or LONGEST
    if len(text) > most:
        raise ValidationError(f"The cell has {len(text):,} characters, and at most {most} fit. Shorten it.")


@cache
def _has_no_other_rule(field: Field) -> bool:
    """Say whether a text has been judged by its length and its visible letters: most of a file's cells are of such columns."""
    judged = all(rule is validators.visible or isinstance(rule, MaxLengthValidator) for rule in field.validators)
    return type(field) in (models.CharField, models.TextField) and judged and not field.choices


def _is_on_a_known_site(field: Field, text: str) -> bool:
    """Say whether a web address is right; its site is judged once, and behind it anything goes but spaces."""
    if not isinstance(field, models.URLField):
        return False
    site, slash, path = text[8:].partition("/")
    return slash == "/" and " " not in path and text.isascii() and _is_site(text[:8] + site)


@lru_cache(maxsize=1000)
def _is_site(text: str) -> bool:
    try:
        URLValidator()(text)
    except ValidationError:
        return False
    return True


def _clean(field: Field, value: Any) -> Any:
    try:
        return field.clean(value, None)
    except ValidationError:
        # Their own words say neither what was read nor how it should look.
        if isinstance(field, models.EmailField):
            raise ValidationError(
                f"“{value}” is not an email address. Write one such as name@agency.example."
            ) from None
        if isinstance(field, models.URLField):
            raise ValidationError(
                f"“{value}” is not a web address. Write it whole, such as https://portal.example/1."
            ) from None
        raise


def _boolean(text: str) -> bool:
    try:
        return BOOLEANS[text.lower()]
    except KeyError:
        raise ValidationError(f"“{text}” is neither yes nor no. Write yes or no.") from None


def _amount(text: str) -> Any:
    try:
        return parse_amount(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValidationError(f"“{text}” is not a whole number. Write digits only, such as 14.")
    return int(text)
