"""Copies of orders: duplicates, renewals and replacements. Content alone is copied, and nothing is sent."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Branch, Campaign, Command, Order
from campaigns.services import copying, orders
from campaigns.services.content import Content
from campaigns.services.errors import NotAllowed, Refused
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user
from tests.services.building import (
    DAY,
    NOW,
    at_once,
    awaiting,
    draft,
    everything,
    kinds,
    last_event,
    publish,
    queued,
    reload,
)
from tests.services.conftest import WRITES
from tests.services.flow_server import Flow

LATER = NOW + 30 * DAY


@pytest.fixture
def boss(db: None) -> User:
    """Somebody who builds orders and commands campaigns."""
    return make_user("cara", *WRITES, "command_campaign")


@pytest.fixture
def published(author: User, flow: Flow) -> Order:
    """An order with two campaigns, from tomorrow for a week."""
    flow.on_publish(flow.accepts("queue_1", "queue_2"))
    order = queued(author, start_at=NOW + DAY, end_at=NOW + 8 * DAY)
    publish(order)
    return reload(order)


def test_a_duplicate_has_the_content_and_nothing_else(author: User) -> None:
    branch = make_branch(approval_threshold=0)
    source = awaiting_with_everything(author, branch)

    copy = reload(copying.duplicate(source.pk, user=author, now=NOW))

    assert Content.of(copy) == Content.of(source)
    assert copy.order_ref != source.order_ref
    assert (copy.state, copy.version, copy.problem) == ("draft", 1, "")
    assert (copy.payload, copy.payload_sha256, copy.budget, copy.currency) == ("", "", None, "")
    assert (copy.submitted_by, copy.approved_by, copy.created_by, copy.created_at) == (None, None, author, NOW)
    assert (copy.copied_from, copy.copied_how) == (source, "duplicate")
    assert not copy.attempts.exists()
    assert not copy.campaigns.exists()
    assert reload(source).state == "awaiting_approval"


def awaiting_with_everything(author: User, branch: Branch) -> Order:
    order = draft(
        author,
        branch=branch,
        agent=make_agent(branch),
        listings=(make_listing(branch), make_listing(branch)),
        start_at=NOW + DAY,
        end_at=NOW + 2 * DAY,
        budget_override=Decimal("99.90"),
    )
    return orders.submit(order.pk, order.version, user=author, now=NOW)


def test_a_copy_is_told_in_the_history_of_both(author: User) -> None:
    source = draft(author)

    copy = copying.duplicate(source.pk, user=author, now=NOW)

    assert [event.text for event in copy.events.all()] == [f"anna created the order as a copy of {source}."]
    assert kinds(source) == ["order.created", "order.copied"]
    told = last_event(source)
    assert told.text == f"anna made a copy of the order: draft {copy}, for 1,500.00 ZAR."
    assert told.data == {"order_ref": copy.order_ref, "how": "duplicate"}


def test_what_can_no_longer_be_ordered_is_left_out_and_told(author: User) -> None:
    branch = make_branch()
    agent, kept, sold, inactive = make_agent(branch), *(make_listing(branch) for _ in range(3))
    source = draft(
        author, branch=branch, agent=agent, listings=(kept, sold, inactive), start_at=NOW + DAY, end_at=NOW + 2 * DAY
    )
    for row, fields in ((agent, {"active": False}), (sold, {"status": "Sold"}), (inactive, {"active": False})):
        type(row)._default_manager.filter(pk=row.pk).update(**fields)

    copy = reload(copying.duplicate(source.pk, user=author, now=LATER))

    content = Content.of(copy)
    assert (content.listings, content.agent, content.start_at, content.end_at) == ((kept,), None, None, None)
    assert copy.problem == (
        "Left out of the copy: the start, 2 Jan 2030, 11:00 SAST, because it is past (without one, Flow begins at once); "
        "the end, 3 Jan 2030, 11:00 SAST, because it is past (without one, the plan decides); "
        f"agent {agent}, who is not active or works at another branch; "
        f"listing {sold}, which is inactive, sold, withdrawn or of another branch; "
        f"listing {inactive}, which is inactive, sold, withdrawn or of another branch. Look at it before you submit it."
    )


def test_what_was_left_out_can_be_mended_and_submitted(author: User) -> None:
    source = draft(author, start_at=NOW + DAY)
    copy = copying.duplicate(source.pk, user=author, now=LATER)

    orders.submit(copy.pk, copy.version, user=author, now=LATER)

    assert (reload(copy).state, reload(copy).problem) == ("queued", "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda order: type(order.plan).objects.update(active=False), "is not active, so there is nothing to copy"),
        (lambda order: type(order.branch).objects.update(active=False), "is not active, so there is nothing to copy"),
        (lambda order: order.listings.update(status="withdrawn"), "None of the listings can be advertised any more"),
        (lambda order: type(order.plan).objects.update(max_listings=1), "takes at most 1 listings now, not 2"),
    ],
    ids=["plan", "branch", "listings", "most listings"],
)
def test_an_order_of_which_nothing_is_left_is_not_copied(author: User, change: object, words: str) -> None:
    branch = make_branch()
    source = draft(author, branch=branch, listings=(make_listing(branch), make_listing(branch)))
    assert callable(change)
    change(source)
    before = everything()

    with pytest.raises(Refused, match=words):
        copying.duplicate(source.pk, user=author, now=NOW)

    assert everything() == before


def test_whoever_may_not_create_orders_or_works_elsewhere_copies_nothing(author: User) -> None:
    source = draft(author)
    before = everything()
    for user in (
        make_user("dina", "view_order", "change_order"),
        make_user("eve", *WRITES, branches=[make_branch()]),
    ):
        with pytest.raises(NotAllowed):
            copying.duplicate(source.pk, user=user, now=NOW)
    assert everything() == before


def test_a_renewal_begins_where_the_order_ends_and_lasts_as_long(author: User, published: Order) -> None:
    renewal = copying.renew(published.pk, user=author, now=NOW)
    assert (renewal.start_at, renewal.end_at) == (NOW + 8 * DAY, NOW + 15 * DAY)
    assert (renewal.copied_from, renewal.copied_how, renewal.state) == (published, "renewal", "draft")


def test_a_renewal_of_an_order_that_is_over_begins_in_an_hour(author: User, published: Order) -> None:
    renewal = copying.renew(published.pk, user=author, now=LATER)
    start = LATER + timedelta(hours=1)
    assert (renewal.start_at, renewal.end_at, renewal.problem) == (start, start + 7 * DAY, "")


def test_a_renewal_without_dates_counts_the_plan_s_days_from_when_it_was_sent(author: User, flow: Flow) -> None:
    flow.on_publish(flow.accepts("queue_1"))
    order = queued(author, plan=make_plan(duration_days=10))
    publish(order)
    renewal = copying.renew(order.pk, user=author, now=NOW + DAY)
    assert (renewal.start_at, renewal.end_at) == (NOW + 10 * DAY, NOW + 20 * DAY)


def test_what_was_not_published_is_not_renewed(author: User) -> None:
    order = queued(author)
    before = everything()
    with pytest.raises(Refused, match="is not published, so there is nothing to renew"):
        copying.renew(order.pk, user=author, now=NOW)
    assert everything() == before


def test_a_replacement_cancels_what_runs_and_writes_a_draft(boss: User, published: Order) -> None:
    Campaign.objects.filter(tracking_id="queue_2").update(phase="completed")

    made = copying.replace_order(published.pk, reason="Wrong dates.", user=boss, now=NOW)

    (command,) = made.commands
    assert (command.campaign.tracking_id, command.action, command.reason) == ("queue_1", "cancel", "Wrong dates.")
    assert Command.objects.get() == command
    assert (made.order.state, made.order.copied_from, made.order.copied_how) == ("draft", published, "replacement")
    assert Content.of(reload(made.order)) == Content.of(published)
    assert reload(published).state == "published"


def test_a_replacement_without_a_draft_cancels_nothing(boss: User, published: Order) -> None:
    published.listings.update(status="sold")
    before = everything()
    with pytest.raises(Refused, match="None of the listings"):
        copying.replace_order(published.pk, reason="Wrong dates.", user=boss, now=NOW)
    assert everything() == before
    assert not Command.objects.exists()


def test_a_replacement_needs_a_reason_and_both_permissions(author: User, boss: User, published: Order) -> None:
    before = everything()
    with pytest.raises(ValidationError, match="Give a reason"):
        copying.replace_order(published.pk, reason=" ", user=boss, now=NOW)
    for user in (author, make_user("finn", "view_order", "command_campaign")):
        with pytest.raises(NotAllowed):
            copying.replace_order(published.pk, reason="Wrong dates.", user=user, now=NOW)
    assert everything() == before
    assert not Command.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_replace_at_once_make_one_draft_and_one_cancellation_of_each(boss: User, published: Order) -> None:
    def replace() -> object:
        return copying.replace_order(published.pk, reason="Wrong dates.", user=boss, now=NOW)

    results = at_once(replace, replace)

    assert sorted(type(result).__name__ for result in results) == ["Refused", "Replacement"]
    assert Order.objects.filter(copied_from=published).count() == 1
    assert Command.objects.count() == 2


def test_a_draft_that_waits_for_approval_can_be_copied_without_its_approval(author: User) -> None:
    source = awaiting(author)
    copy = copying.duplicate(source.pk, user=author, now=NOW)
    moved = orders.submit(copy.pk, copy.version, user=author, now=NOW)
    assert moved.state == "awaiting_approval"
