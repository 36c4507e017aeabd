from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.flow import PublishRequest

TEXT = st.text(st.characters(exclude_categories=["Cs"]))

REQUESTS = st.builds(
    PublishRequest,
    plan_ref=TEXT,
    listing_external_ids=st.lists(TEXT).map(tuple),
    branch_id=TEXT,
    agent_external_id=st.none() | TEXT,
    start_date=st.none() | TEXT,
    end_date=st.none() | TEXT,
    budget_override=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    order_ref=st.none() | TEXT,
)


def test_is_written_sorted_compact_and_without_what_is_missing() -> None:
    request = PublishRequest(plan_ref="p", listing_external_ids=("b", "a"), branch_id="é")

    assert request.canonical_json() == '{"branchId":"é","listingExternalIds":["b","a"],"planRef":"p"}'


@pytest.mark.parametrize("budget", ["2928", "2928.10", "0.01", "100.00", "12345678901234567890.12", "1E+3"])
def test_the_budget_is_written_and_read_to_the_last_digit(budget: str) -> None:
    request = PublishRequest(plan_ref="p", listing_external_ids=("l",), branch_id="b", budget_override=Decimal(budget))

    text = request.canonical_json()

    assert f'"budgetOverride":{budget},' in text
    assert str(PublishRequest.from_json(text).budget_override) == budget


@given(REQUESTS)
def test_reading_gives_back_what_was_written(request_made: PublishRequest) -> None:
    text = request_made.canonical_json()

    again = PublishRequest.from_json(text)

    assert again == request_made
    assert again.canonical_json() == text
    assert isinstance(again.budget_override, Decimal | None)


@pytest.mark.parametrize("budget", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_budget_that_is_no_number_is_refused(budget: str) -> None:
    with pytest.raises(ValueError, match=r"^The budget must be a number\.$"):
        PublishRequest(plan_ref="p", listing_external_ids=("l",), branch_id="b", budget_override=Decimal(budget))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"planRef": 1, "listingExternalIds": ["l"], "branchId": "b"}',
        '{"planRef": "p", "listingExternalIds": "l", "branchId": "b"}',
        '{"planRef": "p", "listingExternalIds": ["l"], "branchId": "b", "budgetOverride": true}',
    ],
)
def test_a_text_that_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever the library raises
        PublishRequest.from_json(text)


def test_cannot_be_changed() -> None:
    request = PublishRequest(plan_ref="p", listing_external_ids=("l",), branch_id="b")

    with pytest.raises(AttributeError):
        request.plan_ref = "other"  # type: ignore[misc]  # the point of the test
