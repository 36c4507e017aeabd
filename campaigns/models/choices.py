"""The domain's enums as choices for fields and filters."""

from enum import StrEnum

LABELS = {"unknown": "in doubt", "": "under way", "not_live": "not live", "not_sent": "not processed"}


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Return (value, label) pairs for a field."""
    return [(member.value, label(member)) for member in enum]


def label(value: str) -> str:
    """Return the words for people of an enum's value."""
    return LABELS.get(value, value.replace("_", " ")).capitalize()
