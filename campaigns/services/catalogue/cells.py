"""Turn the text of one cell into the value of its field, with the model's own rules."""

import re
from collections.abc import Callable
from functools import lru_cache, partial
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


def reader(field: Field) -> Callable[[str], Any]:
    """Return what makes the field's values of cells; a branch or agent stays the external id that names it.

    An empty cell is the field's default or nothing, where the field allows that; line breaks become spaces. What is returned
    raises ValidationError with what to do.
    """
    judge, most = _judge(field), field.max_length or LONGEST

    def read(raw: str) -> Any:
        text = raw.strip()
        if not text.isprintable():
            text = LINE_BREAKS.sub(" ", text)
            validators.visible(text)
        if not text:
            return _empty(field)
        if len(text) > most:
            raise ValidationError(f"The cell has {len(text):,} characters, and at most {most} fit. Shorten it.")
        return judge(text) if judge else text

    return read


def _judge(field: Field) -> Callable[[str], Any] | None:
    """Return what else there is to a visible text that fits; None where there is nothing, as in most of a file's columns."""
    if isinstance(field, models.ForeignKey):
        return None
    if type(field) in (models.CharField, models.TextField) and not field.choices:
        rules = [rule for rule in field.validators if not _is_kept_already(rule)]
        return partial(_text, field, rules) if rules else None
    if isinstance(field, models.BooleanField):
        return _boolean
    if isinstance(field, models.DecimalField):
        return lambda text: _clean(field, _amount(text))
    if isinstance(field, models.IntegerField):
        return lambda text: _clean(field, _whole_number(text))
    if isinstance(field, models.URLField):
        return lambda text: text if _is_on_a_known_site(text) else _clean(field, text)
    return partial(_clean, field)


def _empty(field: Field) -> Any:
    if field.null:
        return None
    if field.has_default():
        return field.get_default()
    if field.blank:
        return ""
    raise ValidationError("The cell is empty. Fill it in.")


def _is_kept_already(rule: Any) -> bool:
    return rule is validators.visible or isinstance(rule, MaxLengthValidator)


def _text(field: Field, rules: list[Callable[[str], None]], text: str) -> Any:
    try:
        for rule in rules:
            rule(text)
    except ValidationError:
        return _clean(field, text)
    return text


def _is_on_a_known_site(text: str) -> bool:
    """Say whether a web address is right; its site is judged once, and behind it anything goes but spaces."""
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
