"""Foreseeing what a deed does to many rows, and writing the batch that a person then asks for."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.domain.states import Action
from campaigns.models import Attempt, Batch, BatchRow, Campaign, Event, Listing, Order, Plan
from campaigns.services import batches
from campaigns.services.errors import NotAllowed, Refused
from tests.admin import building
from tests.factories import make_branch, make_listing, make_plan, make_user, may
from tests.services.batching import look, results, seen_of, start, told
from tests.services.building import DAY, NOW, awaiting, draft, everything, publish, queued, reload
from tests.services.flow_server import Flow
from tests.services.following import ask, commander, publish_campaign

pytestmark = pytest.mark.django_db


def whys(name: str, *rows: Order, user: User) -> list[str]:
    return [each.why for each in look(name, *rows, user=user)]


def test_publish_is_foreseen_for_each_draft_and_for_nothing_else(author: User) -> None:
    small, large = draft(author), draft(author, branch=make_branch(approval_threshold=0))
    rows = [small, large, queued(author), awaiting(author)]
    before = everything()
    foreseen = look("publish", *rows, user=author)
    assert [(each.why, each.words) for each in foreseen] == [
        ("", "Submitted and published at once"),
        ("", "Submitted; waits for a second person's approval"),
        ("State: queued", f"Order {rows[2]} is queued: it can't submit from there. Nothing was done."),
        (
            "State: awaiting approval",
            f"Order {rows[3]} is awaiting approval: it can't submit from there. Nothing was done.",
        ),
    ]
    assert everything() == before


@pytest.mark.usefixtures("unguarded")  # so many attempts are not made one by one
@pytest.mark.parametrize("name", ["pause", "resume", "cancel", "check"])
def test_more_than_a_thousand_campaigns_of_as_many_orders_are_foreseen_and_started(author: User, name: str) -> None:
    campaigns = campaigns_of_an_order_each(author, 1_001)
    rows = len(look(name, *campaigns, user=commander()))

    batch = start(name, *campaigns, user=User.objects.get(username="carl"), reason="Sold.")

    assert (rows, batch.total, batch.rows.count()) == (1_001, 1_001, 1_001)


def campaigns_of_an_order_each(author: User, number: int) -> list[Campaign]:
    """Return so many campaigns of an unrecognised phase, which every deed may be done to."""
    like = draft(author)
    common = {"plan": like.plan, "branch": like.branch, "created_by": author, "created_at": NOW}
    rows = Order.objects.bulk_create(Order(order_ref=f"many-{index}", **common) for index in range(number))
    attempts = Attempt.objects.bulk_create(
        Attempt(order=order, number=1, order_version=1, claimed_at=NOW, lease_until=NOW) for order in rows
    )
    return Campaign.objects.bulk_create(
        Campaign(
            tracking_id=f"queue_{attempt.order.order_ref}",
            order=attempt.order,
            attempt=attempt,
            branch=like.branch,
            phase="unrecognised",
            created_at=NOW,
            check_interval=DAY,
        )
        for attempt in attempts
    )


def test_a_rule_that_a_draft_breaks_is_foreseen_with_its_field(author: User) -> None:
    order = draft(author)
    Listing.objects.update(active=False)
    (foreseen,) = look("publish", order, user=author)
    assert foreseen.why == "Rule: listings"
    assert "is not active. Remove it, or activate it." in foreseen.words


def test_a_draft_that_has_campaigns_is_not_published_again(flow: Flow, author: User) -> None:
    campaign = publish_campaign(flow, author)
    (foreseen,) = look("publish", campaign.order, user=author)
    assert foreseen.why == "State: published"


def test_the_money_counts_only_what_will_be_done_by_currency(author: User) -> None:
    euro = make_plan(default_budget="200.00", currency="EUR")
    rows = [draft(author), draft(author, budget_override=Decimal("0.50")), draft(author, plan=euro), queued(author)]
    assert batches.money(look("publish", *rows, user=author)) == [
        ("EUR", Decimal("200.00")),
        ("ZAR", Decimal("1500.50")),
    ]


def test_the_order_of_several_campaigns_costs_its_money_once(flow: Flow, author: User) -> None:
    ids = ("queue_m1", "queue_m2")
    flow.on_publish(flow.accepts(*ids, status="active"))
    order = queued(author)
    publish(order)
    assert batches.money(look("pause", *order.campaigns.all(), user=commander())) == [("ZAR", Decimal("1500.00"))]


def test_cancel_check_and_duplicate_are_foreseen(flow: Flow, author: User) -> None:
    may(author, "command_campaign")
    published, other = publish_campaign(flow, author).order, draft(author)
    assert whys("cancel", published, other, user=author) == ["State: published", ""]
    assert whys("check", published, other, user=author) == ["", "State: draft"]
    assert whys("duplicate", published, other, user=author) == ["", ""]


def test_a_copy_that_lacks_something_and_one_that_can_t_be_made_are_foreseen(author: User) -> None:
    whole, late, sold, empty = (draft(author) for _ in range(4))
    Order.objects.filter(pk=late.pk).update(start_at=NOW - DAY)
    empty.listings.update(status="Sold")
    sold.listings.add(make_listing(sold.branch, status="withdrawn"))
    foreseen = look("duplicate", whole, late, sold, empty, user=author)
    part = ("", "Copied into a new draft, which says what is left out")
    assert [(each.why, each.words) for each in foreseen[:3]] == [("", "Copied into a new draft"), part, part]
    assert foreseen[3].why == "Nothing to copy"
    assert "None of the listings can be advertised any more" in foreseen[3].words
    assert batches.money(foreseen) == [("ZAR", sum((each.amount for each in (whole, late, sold)), Decimal(0)))]


def test_commands_are_foreseen_by_phase_and_by_what_is_asked_already(flow: Flow, author: User) -> None:
    live, paused, asked, final = (publish_campaign(flow, author) for _ in range(4))
    type(live).objects.filter(pk=paused.pk).update(phase="paused")
    type(live).objects.filter(pk=final.pk).update(phase="completed")
    ask(asked, Action.PAUSE)
    carl = User.objects.get(username="carl")
    rows = (live, paused, asked, final)
    assert [each.why for each in look("pause", *rows, user=carl)] == [
        "",
        "Phase: paused",
        "Phase: live",
        "Phase: completed",
    ]
    assert [each.why for each in look("resume", *rows, user=carl)] == ["Phase: live", "", "", "Phase: completed"]
    assert [each.why for each in look("cancel", *rows, user=carl)] == ["", "", "", "Phase: completed"]
    assert [each.why for each in look("check", *rows, user=carl)] == ["", "", "", "Phase: completed"]


def test_cancelling_an_order_that_is_live_by_mistake_is_foreseen_with_what_runs_on(author: User) -> None:
    by_mistake = building.live_after_all(building.said_not_live(user=author), "queue_1", "queue_2")
    foreseen = look("cancel", draft(author), by_mistake, user=author)
    words = {each.subject.pk: each.words for each in foreseen}
    assert words[by_mistake.pk] == "Cancelled here; 2 campaigns at Flow run on"
    assert sorted(words.values())[1] == "Cancelled; nothing is published"


def test_whoever_lacks_the_permission_is_told_so_for_each_row(author: User) -> None:
    reader = make_user("reader", "view_order")
    assert whys("publish", draft(author), user=reader) == ["Permission"]


@pytest.mark.parametrize(("name", "most"), [("publish", 3), ("cancel", 2), ("check", 2), ("duplicate", 3)])
def test_foreseeing_takes_as_many_queries_for_many_rows_as_for_two(author: User, name: str, most: int) -> None:
    may(author, "command_campaign")
    rows = [draft(author) for _ in range(12)]
    look(name, *rows[:2], user=author)
    with CaptureQueriesContext(connection) as few:
        look(name, *rows[:2], user=author)
    with CaptureQueriesContext(connection) as many:
        look(name, *rows, user=author)
    assert len(many) == len(few) <= most


def test_a_batch_has_its_rows_as_they_were_seen_and_a_line_of_history(author: User) -> None:
    one, two = draft(author), queued(author)
    batch = start("publish", one, two, user=author)
    assert (batch.kind, batch.deed, batch.total, batch.started_by, batch.started_at) == (
        "order",
        "publish",
        2,
        author,
        NOW,
    )
    assert results(batch) == [("waiting", ""), ("skipped", "State: queued")]
    first = batch.rows.first()
    assert first is not None
    assert (first.order, first.version, first.amount, first.currency) == (one, 1, Decimal("1500.00"), "ZAR")
    assert told(batch) == ["anna started a batch: publish 2 orders."]
    assert reload(one).state == "draft", "starting does nothing yet"


def test_the_same_page_sent_twice_makes_one_batch(author: User) -> None:
    order = draft(author)
    seen = seen_of(look("publish", order, user=author))
    first = start("publish", order, user=author, seen=seen, token="a" * 32)
    assert start("publish", order, user=author, seen=seen, token="a" * 32) == first
    assert (Batch.objects.count(), BatchRow.objects.count()) == (1, 1)
    assert len(told(first)) == 1


def test_a_row_that_changed_or_costs_more_since_it_was_seen_is_skipped(author: User) -> None:
    edited, dearer, same = (draft(author) for _ in range(3))
    seen = seen_of(look("publish", edited, dearer, same, user=author))
    Order.objects.filter(pk=edited.pk).update(version=2)
    Plan.objects.filter(pk=dearer.plan_id).update(default_budget="9999.00")
    batch = start("publish", edited, dearer, same, user=author, seen=seen)
    assert results(batch) == [("skipped", "Changed meanwhile"), ("skipped", "Changed meanwhile"), ("waiting", "")]


def test_a_row_that_was_to_be_skipped_is_not_done_although_it_could_be_now(author: User) -> None:
    barred, other = draft(author), draft(author)
    seen = seen_of(look("publish", barred, other, user=author))
    seen[barred.pk] = replace(seen[barred.pk], to_do=False)
    assert results(start("publish", barred, other, user=author, seen=seen)) == [
        ("skipped", "Changed meanwhile"),
        ("waiting", ""),
    ]


def test_nothing_is_started_where_nothing_can_be_done(author: User) -> None:
    with pytest.raises(Refused, match="None of these rows can be done any more"):
        start("publish", queued(author), user=author)
    assert not Batch.objects.exists()


@pytest.mark.parametrize("name", ["pause", "resume", "cancel"])
def test_commands_need_a_reason(flow: Flow, author: User, name: str) -> None:
    campaign = publish_campaign(flow, author)
    with pytest.raises(ValidationError, match="Say why"):
        start(name, campaign, user=commander(), reason="  ")
    assert not Batch.objects.exists()


def test_whoever_may_not_do_the_deed_starts_nothing(author: User) -> None:
    order, reader = draft(author), make_user("reader", "view_order")
    events = Event.objects.count()
    with pytest.raises(NotAllowed, match="reader may not publish orders"):
        start("publish", order, user=reader, seen=seen_of(look("publish", order, user=author)))
    assert (Batch.objects.count(), Event.objects.count()) == (0, events)


def test_more_rows_than_a_batch_takes_are_refused(author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MOST_ROWS", 1)
    with pytest.raises(Refused, match="at most 1 rows, not 2"):
        start("publish", draft(author), draft(author), user=author)
    assert not Batch.objects.exists()


def test_a_thousand_rows_are_written_in_a_few_queries(author: User) -> None:
    order = draft(author)
    copies = [
        Order(order_ref=f"COPY-{number}", plan=order.plan, branch=order.branch, created_by=author, created_at=NOW)
        for number in range(1000)
    ]
    Order.objects.bulk_create(copies)
    rows = list(Order.objects.filter(order_ref__startswith="COPY"))
    seen = seen_of(look("cancel", *rows, user=author))
    with CaptureQueriesContext(connection) as captured:
        batch = start("cancel", *rows, user=author, reason="Wrong plan.", seen=seen)
    assert batch.rows.filter(state="waiting").count() == 1000
    assert len(captured) < 40


def test_listings_are_read_in_no_more_queries_for_another_branch(author: User) -> None:
    branch = make_branch()
    order = draft(author, branch=branch, listings=(make_listing(branch), make_listing(branch)))
    assert whys("publish", order, user=author) == [""]
