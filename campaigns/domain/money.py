"""Amounts of money: always Decimal, never without their currency."""

import re
from decimal import Decimal

CENT = Decimal("0.01")
LARGEST = Decimal("9999999999.99")
PLAIN_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)")  # Decimal() alone would read “1_5” as 15


def parse_amount(text: str) -> Decimal:
    """Return the amount written in `text`, with two decimals.

    Raises ValueError, in words for the person who typed it, unless it is a plain number with at most two decimals.
    """
    if not PLAIN_NUMBER.fullmatch(text.strip()):
        raise ValueError(f"“{text}” is not an amount. Write digits and a point, such as 2928.00.")
    amount = Decimal(text.strip())
    check_amount(amount)
    return amount.quantize(CENT)


def check_amount(amount: Decimal) -> None:
    """Raise ValueError unless `amount` is not negative, has at most two decimals and fits the database."""
    if not amount.is_finite():
        raise ValueError(f"“{amount}” is not an amount. Write digits and a point, such as 2928.00.")
    if amount < 0:
        raise ValueError("An amount can't be negative. Write 0 or more.")
    if amount > LARGEST:
        raise ValueError(f"{amount:,} is too large. The largest amount is {LARGEST:,}.")
    if amount != amount.quantize(CENT):
        raise ValueError(f"{amount} has more than two decimals. Round it to cents.")


def format_money(amount: Decimal, currency: str) -> str:
    """Return the amount for people, such as `2,928.00 ZAR`."""
    return f"{amount:,.2f} {currency}"


def needs_second_person(amount: Decimal, currency: str, threshold: Decimal | None, threshold_currency: str) -> bool:
    """Say whether an order of this budget must be approved by somebody else.

    A threshold can't be compared with another currency, so such an order always needs a second person where there
    is a threshold at all.
    """
    if threshold is None:
        return False
    return currency != threshold_currency or amount >= threshold
