from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.domain.money import LARGEST, check_amount, format_money, needs_second_person, parse_amount

amounts = st.decimals(min_value=0, max_value=LARGEST, places=2)


@given(amounts)
def test_reads_back_every_amount_that_it_writes(amount: Decimal) -> None:
    read = parse_amount(f" {amount} ")

    assert read == amount
    assert read.as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0.00"),
        ("12", "12.00"),
        ("12.", "12.00"),
        (".5", "0.50"),
        ("007.10", "7.10"),
        ("1.500", "1.50"),
        (str(LARGEST), "9999999999.99"),
    ],
)
def test_reads_plain_numbers(text: str, amount: str) -> None:
    assert str(parse_amount(text)) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "1,500.00",
        "1 500",
        "1_5",
        "1e3",
        "1E3",
        "NaN",
        "-sNaN",
        "Infinity",
        "--1",
        ".",
        "R100",
        "١٢",
        "１２",
    ],
)
def test_refuses_what_is_not_a_plain_number_and_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an amount\. Write digits and a point, such as 2928\.00\."):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-1", "An amount can't be negative. Write 0 or more."),
        ("0.001", "0.001 has more than two decimals. Round it to cents."),
        ("10000000000", "10,000,000,000 is too large. The largest amount is 9,999,999,999.99."),
        ("9999999999.991", "9,999,999,999.991 is too large. The largest amount is 9,999,999,999.99."),
    ],
)
def test_refuses_amounts_that_cannot_be_kept_or_spent(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="^" + words.replace(".", r"\.") + "$"):
        parse_amount(text)


@given(st.text())
def test_reads_an_amount_or_raises_a_valueerror_whatever_is_typed(text: str) -> None:
    try:
        amount = parse_amount(text)
    except ValueError:
        return
    assert 0 <= amount <= LARGEST


@given(st.decimals())
def test_passes_exactly_the_amounts_that_two_decimals_can_hold(amount: Decimal) -> None:
    fits = amount.is_finite() and 0 <= amount <= LARGEST and amount == round(amount, 2)

    try:
        check_amount(amount)
        passed = True
    except ValueError:
        passed = False

    assert passed is fits


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_refuses_what_is_no_number_and_says_how_to_write_one(amount: str) -> None:
    with pytest.raises(ValueError, match=f"^“{amount}” is not an amount. Write digits and a point, such as 2928.00.$"):
        check_amount(Decimal(amount))


def test_shows_thousands_cents_and_the_currency() -> None:
    assert format_money(Decimal("2928"), "ZAR") == "2,928.00 ZAR"
    assert format_money(Decimal("1234567.80"), "EUR") == "1,234,567.80 EUR"


@given(amounts, st.sampled_from(["ZAR", "EUR"]), st.sampled_from(["ZAR", "EUR"]))
def test_needs_nobody_else_where_there_is_no_threshold(amount: Decimal, currency: str, site: str) -> None:
    assert not needs_second_person(amount, currency, None, site)


@given(amounts, amounts)
def test_needs_a_second_person_from_the_threshold_on(amount: Decimal, threshold: Decimal) -> None:
    assert needs_second_person(amount, "ZAR", threshold, "ZAR") is (amount >= threshold)


@given(amounts, amounts)
def test_needs_a_second_person_for_an_amount_that_cannot_be_compared(amount: Decimal, threshold: Decimal) -> None:
    assert needs_second_person(amount, "EUR", threshold, "ZAR")
