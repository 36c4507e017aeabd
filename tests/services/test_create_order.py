import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Branch, Order
from campaigns.services import orders
from campaigns.services.content import Content
from campaigns.services.errors import NotAllowed, Refused
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user
from tests.services.building import DAY, NOW, SECOND, content, everything, kinds, last_event, reload

RULES: dict[str, tuple[Callable[[Branch], dict[str, Any]], str, str]] = {
    "an inactive plan": (
        lambda _: {"plan": make_plan(ref="p1", name="Gold", active=False)},
        "plan",
        "Plan Gold (p1) is not active. Choose another, or activate it.",
    ),
    "an inactive branch": (
        lambda _: {"branch": make_branch(external_id="b2", name="Durban", active=False)},
        "branch",
        "Branch Durban (b2) is not active. Choose another, or activate it.",
    ),
    "an agent of another branch": (
        lambda _: {"agent": make_agent(external_id="a1", name="Ann")},
        "agent",
        "Agent Ann (a1) works at another branch. Choose an agent of Cape Town (b1), or none.",
    ),
    "an inactive agent": (
        lambda branch: {"agent": make_agent(branch, external_id="a1", name="Ann", active=False)},
        "agent",
        "Agent Ann (a1) is not active. Choose another, or none.",
    ),
    "no listing": (lambda _: {"listings": ()}, "listings", "Choose at least one listing."),
    "a listing of another branch": (
        lambda branch: {"listings": (make_listing(branch), make_listing(external_id="l1", title="Villa"))},
        "listings",
        "Listing Villa (l1) belongs to another branch. Remove it, or choose its own branch.",
    ),
    "an inactive listing": (
        lambda branch: {"listings": (make_listing(branch, external_id="l1", title="Villa", active=False),)},
        "listings",
        "Listing Villa (l1) is not active. Remove it, or activate it.",
    ),
    "a listing twice": (
        lambda branch: {"listings": (make_listing(branch),) * 2},
        "listings",
        "A listing is there twice. Choose each once.",
    ),
    "more listings than the plan takes": (
        lambda branch: {
            "plan": make_plan(ref="p1", name="Gold", max_listings=1),
            "listings": (make_listing(branch), make_listing(branch)),
        },
        "listings",
        "Plan Gold (p1) takes at most 1 listings, not 2. Remove some.",
    ),
    "a start at this very moment": (
        lambda _: {"start_at": NOW},
        "start_at",
        "The start, 1 Jan 2030, 11:00 SAST, is in the past, and Flow takes only a start in the future. "
        "Choose a later start, or leave it empty to begin at once.",
    ),
    "an end at the start": (
        lambda _: {"start_at": NOW + DAY, "end_at": NOW + DAY},
        "end_at",
        "The end must be after the start. Choose a later end.",
    ),
    "an end in the past": (
        lambda _: {"end_at": NOW},
        "end_at",
        "The end is in the past. Choose a later end.",
    ),
    "a budget of nothing": (
        lambda _: {"budget_override": Decimal(0)},
        "budget_override",
        "The budget must be more than 0. Enter an amount.",
    ),
    "a plan that costs nothing": (
        lambda _: {"plan": make_plan(default_budget=0)},
        "budget_override",
        "The budget must be more than 0. Enter an amount.",
    ),
    "a negative budget": (
        lambda _: {"budget_override": Decimal("-0.01")},
        "budget_override",
        "An amount can't be negative. Write 0 or more.",
    ),
    "a budget in tenths of cents": (
        lambda _: {"budget_override": Decimal("10.001")},
        "budget_override",
        "10.001 has more than two decimals. Round it to cents.",
    ),
    "a budget that the database can't hold": (
        lambda _: {"budget_override": Decimal("10000000000")},
        "budget_override",
        "10,000,000,000 is too large. The largest amount is 9,999,999,999.99.",
    ),
    "a budget that is no number": (
        lambda _: {"budget_override": Decimal("NaN")},
        "budget_override",
        "“NaN” is not an amount. Write digits and a point, such as 2928.00.",
    ),
}


def errors_of(caught: pytest.ExceptionInfo[ValidationError]) -> dict[str, list[str]]:
    return caught.value.message_dict


def test_writes_a_draft_with_everything_that_was_chosen(author: User) -> None:
    branch = make_branch()
    wanted = Content(
        plan=make_plan(),
        branch=branch,
        listings=(make_listing(branch), make_listing(branch)),
        agent=make_agent(branch),
        start_at=NOW + DAY,
        end_at=NOW + 2 * DAY,
        budget_override=Decimal("2928.50"),
    )

    order = reload(orders.create_order(wanted, user=author, now=NOW, order_ref=" Order-001 "))

    assert Content.of(order) == wanted
    assert (order.order_ref, order.state, order.version) == ("Order-001", "draft", 1)
    assert (order.created_by, order.created_at) == (author, NOW)
    assert (order.payload, order.budget, order.submitted_by, order.next_attempt_at) == ("", None, None, None)


def test_tells_the_history_who_made_what(author: User) -> None:
    wanted = content(start_at=NOW + DAY)

    order = orders.create_order(wanted, user=author, now=NOW)

    event = last_event(order)
    assert kinds(order) == ["order.created"]
    assert (event.at, event.actor, event.actor_kind, event.text) == (NOW, author, "person", "anna created the order.")
    assert event.data == {
        "plan": wanted.plan.ref,
        "branch": wanted.branch.external_id,
        "agent": None,
        "listings": [wanted.listings[0].external_id],
        "start_at": "2030-01-02T09:00:00+00:00",
        "end_at": None,
        "budget_override": None,
    }


def test_makes_an_order_ref_where_none_is_given(author: User) -> None:
    refs = {orders.create_order(content(), user=author, now=NOW, order_ref=" ").order_ref for _ in range(3)}

    assert len(refs) == 3
    assert all(re.fullmatch(r"ORD-20300101-[2-9A-HJ-NP-TV-Z]{7}", ref) for ref in refs)


@pytest.mark.parametrize(("changes", "field", "message"), RULES.values(), ids=RULES.keys())
def test_refuses_by_field_and_writes_nothing(
    author: User, changes: Callable[[Branch], dict[str, Any]], field: str, message: str
) -> None:
    branch = make_branch(external_id="b1", name="Cape Town", time_zone="Africa/Johannesburg")
    wanted = content(**{"branch": branch, "listings": (make_listing(branch),)} | changes(branch))
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.create_order(wanted, user=author, now=NOW)

    assert message in errors_of(caught)[field]
    assert field == "branch" or len(errors_of(caught)) == 1
    assert everything() == before


def test_names_every_field_that_is_wrong_at_once(author: User) -> None:
    wanted = content(listings=(), start_at=NOW - DAY, budget_override=Decimal(0), plan=make_plan(active=False))

    with pytest.raises(ValidationError) as caught:
        orders.create_order(wanted, user=author, now=NOW)

    assert set(errors_of(caught)) == {"plan", "listings", "start_at", "budget_override"}


def test_takes_a_start_one_second_from_now_and_the_smallest_budget(author: User) -> None:
    order = orders.create_order(content(start_at=NOW + SECOND, budget_override=Decimal("0.01")), user=author, now=NOW)

    assert reload(order).budget_override == Decimal("0.01")


def test_refuses_an_order_ref_that_is_taken(author: User) -> None:
    orders.create_order(content(), user=author, now=NOW, order_ref="Order-001")
    wanted = content()
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.create_order(wanted, user=author, now=NOW, order_ref="Order-001")

    assert errors_of(caught) == {
        "order_ref": ["The order_ref Order-001 is taken. Choose another, or leave it empty to have one made."]
    }
    assert everything() == before


@pytest.mark.parametrize(
    "order_ref", ["two words", "-begins-with-a-hyphen", "Bestellung-ä", "a/b", "a\nb", "x" * 65, "x" * 300]
)
def test_refuses_an_order_ref_that_is_none(author: User, order_ref: str) -> None:
    wanted = content()
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.create_order(wanted, user=author, now=NOW, order_ref=order_ref)

    assert set(errors_of(caught)) == {"order_ref"}
    assert everything() == before


def test_is_for_those_who_may_create_orders(approver: User) -> None:
    wanted = content()
    before = everything()

    with pytest.raises(
        NotAllowed, match=r"ben may not create orders\. Ask an administrator for the permission “add_order”\."
    ):
        orders.create_order(wanted, user=approver, now=NOW)

    assert everything() == before


def test_is_not_for_those_who_have_left(db: None) -> None:
    gone = make_user("gone", "add_order", is_active=False)

    with pytest.raises(NotAllowed):
        orders.create_order(content(), user=gone, now=NOW)

    assert not Order.objects.exists()


def test_finds_the_order_that_has_the_same_ref_and_content(author: User) -> None:
    wanted = content(start_at=NOW + DAY, end_at=NOW + 2 * DAY, budget_override=Decimal("10"))
    order = orders.create_order(wanted, user=author, now=NOW, order_ref="Order-001")
    johannesburg = timezone(timedelta(hours=2))
    elsewhere = Content(
        wanted.plan,
        wanted.branch,
        wanted.listings,
        start_at=datetime(2030, 1, 2, 11, 0, tzinfo=johannesburg),
        end_at=datetime(2030, 1, 3, 11, 0, tzinfo=johannesburg),
        budget_override=Decimal("10.00"),
    )

    assert orders.find_same("Order-001", wanted) == order
    assert orders.find_same("Order-001", elsewhere) == order
    assert orders.find_same("Order-002", wanted) is None


def test_never_takes_an_order_ref_for_two_intents(author: User) -> None:
    wanted = content()
    orders.create_order(wanted, user=author, now=NOW, order_ref="Order-001")
    other = Content(wanted.plan, wanted.branch, (make_listing(wanted.branch),), budget_override=Decimal(10))

    with pytest.raises(
        Refused, match=r"Order Order-001 is there already with other content \(listings, budget_override\)"
    ):
        orders.find_same("Order-001", other)
