"""Rules of single fields, with the remedy in the message."""

from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from campaigns.domain.texts import is_hidden, turns

external_id = RegexValidator(
    r"\A[\x21-\x7e]+\Z",
    "An id has letters, digits and signs of plain ASCII only, without spaces. Copy it from Flow exactly as it stands there.",
    code="external_id",
)

order_ref = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z",
    "An order_ref starts with a letter or digit and has letters, digits, points, hyphens and underscores only.",
    code="order_ref",
)

currency = RegexValidator(r"\A[A-Z]{3}\Z", "Write the currency as three capital letters, such as ZAR.", code="currency")


def visible(text: str) -> None:
    """Raise ValidationError where the text holds a control character, or a mark that turns the text beside it around."""
    if text.isprintable():  # most are, and Python sees that a hundred times faster than letter by letter
        return
    hidden = next(filter(is_hidden, text), None)
    if hidden is None:
        return
    sign = f"U+{ord(hidden):04X}"
    if turns(hidden):
        words = f"The text has an invisible sign ({sign}) that would turn text around. Remove it."
    else:
        words = f"The text has an invisible control character ({sign}). Type it again without."
    raise ValidationError(words, code="visible")


def time_zone(name: str) -> None:
    """Raise ValidationError unless `name` is a time zone of the IANA database."""
    if name not in _time_zones():
        raise ValidationError(
            f"“{name}” is not a time zone. Write its IANA name, such as Africa/Johannesburg.", code="time_zone"
        )


@cache
def _time_zones() -> set[str]:
    # Each look at the database of time zones takes 40 ms, and an import asks for thousands of branches.
    return available_timezones()
