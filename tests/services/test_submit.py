import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from pytest_django import Settings

from campaigns import gateway
from campaigns.models import Branch, Campaign, Listing, Order, Plan
from campaigns.selectors import terms_of
from campaigns.services import orders
from campaigns.services.errors import NotAllowed, Refused, Stale
from tests.admin.building import rejected
from tests.factories import make_agent, make_branch, make_listing, make_plan
from tests.services.building import (
    DAY,
    NOW,
    at_once,
    draft,
    everything,
    kinds,
    last_event,
    queued,
    reload,
)


def submit(order: Order, user: User) -> Order:
    return orders.submit(order.pk, order.version, user=user, now=NOW)


def test_queues_the_order_at_once_where_nobody_else_is_needed(author: User) -> None:
    order = reload(submit(draft(author), author))

    assert (order.state, order.version, order.next_attempt_at) == ("queued", 2, NOW)
    assert (order.submitted_by, order.submitted_at, order.approved_by) == (author, NOW, None)
    event = last_event(order)
    assert (event.kind, event.actor) == ("order.submitted", author)
    assert event.text == "anna submitted the order for 1,500.00 ZAR."
    assert event.data == {"payload_sha256": order.payload_sha256, "version": 2}


def test_waits_for_a_second_person_where_the_branch_asks_for_one(author: User) -> None:
    order = reload(submit(draft(author, branch=make_branch(approval_threshold=1500)), author))

    assert (order.state, order.next_attempt_at) == ("awaiting_approval", None)
    assert last_event(order).text == "anna submitted the order for 1,500.00 ZAR; a second person must approve it."


@pytest.mark.parametrize(
    ("branch", "site", "budget", "state"),
    [
        (None, None, "9999999999.99", "queued"),
        ("1500.00", None, "1499.99", "queued"),
        ("1500.00", None, "1500.00", "awaiting_approval"),
        ("0", None, "0.01", "awaiting_approval"),
        (None, "1500.00", "1499.99", "queued"),
        (None, "1500.00", "1500.00", "awaiting_approval"),
        ("2000.00", "1000.00", "1500.00", "queued"),
        ("1000.00", "2000.00", "1500.00", "awaiting_approval"),
        ("0", "2000.00", "1500.00", "awaiting_approval"),
    ],
)
def test_compares_the_budget_with_the_branchs_threshold_or_else_the_sites(
    author: User, settings: Settings, branch: str | None, site: str | None, budget: str, state: str
) -> None:
    settings.APPROVAL_THRESHOLD = None if site is None else Decimal(site)
    order = draft(author, branch=make_branch(approval_threshold=branch), budget_override=Decimal(budget))

    assert submit(order, author).state == state


def test_compares_the_plans_own_budget_where_the_order_has_none(author: User, settings: Settings) -> None:
    settings.APPROVAL_THRESHOLD = Decimal("1500.00")

    assert submit(draft(author, plan=make_plan(default_budget="1499.99")), author).state == "queued"
    assert submit(draft(author, plan=make_plan(default_budget="1500.00")), author).state == "awaiting_approval"


def test_asks_for_a_second_person_where_the_currencies_cannot_be_compared(author: User, settings: Settings) -> None:
    euros = make_plan(default_budget="1.00", currency="EUR")
    assert submit(draft(author, plan=euros), author).state == "queued"

    settings.APPROVAL_THRESHOLD = Decimal("1000000.00")

    assert submit(draft(author, plan=euros), author).state == "awaiting_approval"


def test_freezes_exactly_what_will_be_sent_with_its_hash_and_price(author: User) -> None:
    branch = make_branch(external_id="b1")
    order = draft(
        author,
        plan=make_plan(ref="gold", currency="EUR"),
        branch=branch,
        agent=make_agent(branch, external_id="a1"),
        listings=(make_listing(branch, external_id="l2"), make_listing(branch, external_id="l1")),
        start_at=NOW + DAY,
        end_at=NOW + 2 * DAY,
        budget_override=Decimal("2928.10"),
    )

    submit(order, author)

    order = reload(order)
    assert order.payload == (
        '{"agentExternalId":"a1","branchId":"b1","budgetOverride":2928.10,"endDate":"2030-01-03T09:00:00Z",'
        f'"listingExternalIds":["l1","l2"],"orderRef":"{order.order_ref}","planRef":"gold",'
        '"startDate":"2030-01-02T09:00:00Z"}'
    )
    assert order.payload_sha256 == gateway.sha256(order.payload)
    assert (order.budget, order.currency) == (Decimal("2928.10"), "EUR")


@pytest.mark.parametrize("override", [None, "1500", "1500.00"])
def test_says_nothing_of_the_budget_where_it_is_the_plans(author: User, override: str | None) -> None:
    order = submit(draft(author, budget_override=None if override is None else Decimal(override)), author)

    assert set(json.loads(order.payload)) == {"branchId", "listingExternalIds", "orderRef", "planRef"}
    assert reload(order).budget == Decimal("1500.00")


def test_looks_at_all_rules_again(author: User) -> None:
    order = draft(author, start_at=NOW + DAY)
    Listing.objects.filter(orders=order).update(active=False)
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.submit(order.pk, order.version, user=author, now=NOW + DAY)

    assert set(caught.value.message_dict) == {"listings", "start_at"}
    assert everything() == before


def test_refuses_a_version_that_somebody_has_changed_meanwhile(author: User) -> None:
    order = draft(author)
    before = everything()

    with pytest.raises(Stale, match=r"has changed since you opened it; it is now: Draft\. Nothing was done\."):
        orders.submit(order.pk, order.version - 1, user=author, now=NOW)

    assert everything() == before


def test_does_nothing_the_second_time(author: User) -> None:
    order = queued(author)
    before = everything()

    with pytest.raises(Stale, match="it is now: Queued"):
        orders.submit(order.pk, 1, user=author, now=NOW)
    with pytest.raises(Refused, match="is queued: it can't submit from there"):
        orders.submit(order.pk, order.version, user=author, now=NOW)

    assert everything() == before


def test_sends_a_returned_order_under_the_same_order_ref(author: User) -> None:
    order = queued(author)
    orders.return_to_draft(order.pk, order.version, user=author, now=NOW)

    again = submit(reload(order), author)

    assert (again.order_ref, again.state, again.version) == (order.order_ref, "queued", 4)


def test_refuses_a_draft_that_has_campaigns_at_flow(author: User) -> None:
    order = rejected(author)
    attempt = order.attempts.get()
    Campaign.objects.create(
        tracking_id="q1", order=order, attempt=attempt, branch=order.branch, created_at=NOW, check_interval=DAY
    )
    order = orders.return_to_draft(order.pk, order.version, user=author, now=NOW)
    before = everything()

    with pytest.raises(Refused, match="is at Flow already: submitting it again would spend the money twice"):
        submit(order, author)

    assert everything() == before


def test_is_for_those_who_may_submit_orders(author: User, approver: User) -> None:
    order = draft(author)
    before = everything()

    with pytest.raises(NotAllowed, match="ben may not submit orders"):
        submit(order, approver)

    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_submits_once_however_often_the_button_is_pressed(author: User) -> None:
    order = draft(author)

    results = at_once(*[lambda: submit(order, author)] * 4)

    assert sorted(type(result).__name__ for result in results) == ["Order", "Stale", "Stale", "Stale"]
    assert kinds(order) == ["order.created", "order.submitted"]
    assert reload(order).version == 2


def test_holds_to_the_terms_that_the_person_saw(author: User) -> None:
    order = draft(author, branch=make_branch(approval_threshold=2000))
    seen = str(terms_of(reload(order)))
    assert seen == "1,500.00 ZAR, at once"

    assert orders.submit(order.pk, 1, user=author, now=NOW, terms=seen).state == "queued"


@pytest.mark.parametrize(
    ("change", "now_it_is"),
    [
        (lambda: Plan.objects.update(default_budget="1500.01"), "1,500.01 ZAR, at once"),
        (lambda: Plan.objects.update(currency="EUR"), "1,500.00 EUR, to a second person"),
        (lambda: Branch.objects.update(approval_threshold=1500), "1,500.00 ZAR, to a second person"),
    ],
    ids=["price", "currency", "threshold"],
)
def test_refuses_other_terms_than_the_person_saw(author: User, change: Callable[[], int], now_it_is: str) -> None:
    order = draft(author, branch=make_branch(approval_threshold=2000))
    seen = str(terms_of(reload(order)))
    change()
    before = everything()

    with pytest.raises(Stale, match=f"It was “{seen}” when you opened this page, and is “{now_it_is}” now"):
        orders.submit(order.pk, 1, user=author, now=NOW, terms=seen)

    assert everything() == before
