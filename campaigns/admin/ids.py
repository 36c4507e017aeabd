"""Ids of rows as they come from outside."""

LARGEST = 2**63 - 1
"""The largest number that a database keeps as an id; SQLite fails on a larger one."""


def row_id(text: object) -> int | None:
    """Return the id that is written in `text`, None where it can't be one."""
    digits = str(text)
    if not digits.isdecimal() or len(digits) > len(str(LARGEST)):
        return None
    number = int(digits)
    return number if number <= LARGEST else None
