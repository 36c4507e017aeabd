"""Addresses of mail as somebody typed them."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email


def is_address(text: str) -> bool:
    """Say whether mail can be sent there: whoever typed it may have left it empty, or written something else."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True
