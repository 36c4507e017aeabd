"""Running a batch: each row at most once, by the services of the single deeds, whoever dies meanwhile."""

import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from campaigns.domain.batches import BatchKind, Sweep
from campaigns.domain.states import Action
from campaigns.models import Batch, BatchRow, Campaign, Command, Event, Order, Plan
from campaigns.services import batch_running, commands, orders
from campaigns.services.errors import Refused
from tests.factories import make_branch, make_user
from tests.services.batching import deed_of, look, results, run, seen_of, start, told
from tests.services.building import NOW, SECOND, Clock, at_once, draft, kinds, queued, reload
from tests.services.conftest import WRITES
from tests.services.flow_server import Flow
from tests.services.following import again, commander, publish_campaign

pytestmark = pytest.mark.django_db


def ended(batch: Batch) -> Batch:
    batch.refresh_from_db()
    return batch


def test_drafts_are_submitted_one_by_one_and_the_batch_ends_with_its_counts(author: User) -> None:
    one, two, other = draft(author), draft(author, branch=make_branch(approval_threshold=0)), queued(author)
    batch = start("publish", one, two, other, user=author)
    result = run(batch)
    assert (result.closed, result.sweeps, result.left) == (2, {Sweep.PUBLISH}, False)
    assert (reload(one).state, reload(two).state) == ("queued", "awaiting_approval")
    assert kinds(one) == ["order.created", "order.submitted"]
    assert results(batch) == [("done", ""), ("done", ""), ("skipped", "State: queued")]
    assert (ended(batch).ended_at, batch.done, batch.skipped, batch.failed) == (NOW, 2, 1, 0)
    assert told(batch) == [
        "anna started a batch: publish 3 orders.",
        "The batch of anna ended: 2 done, 1 skipped, 0 failed.",
    ]


def test_a_batch_that_has_ended_does_nothing_more(author: User) -> None:
    batch = start("publish", draft(author), user=author)
    run(batch)
    assert run(batch).closed == 0
    assert len(told(batch)) == 2


def test_orders_are_cancelled_with_the_reason(author: User) -> None:
    order = queued(author)
    batch = start("cancel", order, user=author, reason="The seller withdrew.")
    assert run(batch).sweeps == set()
    assert reload(order).state == "cancelled"
    assert order.events.filter(text="anna cancelled the order: The seller withdrew.").count() == 1


def test_orders_are_duplicated_into_drafts_that_nobody_submitted(author: User) -> None:
    order = queued(author)
    run(start("duplicate", order, user=author))
    copy = Order.objects.exclude(pk=order.pk).get()
    assert (copy.state, copy.plan, copy.branch, copy.payload, copy.submitted_by) == (
        "draft",
        order.plan,
        order.branch,
        "",
        None,
    )
    assert list(copy.listings.all()) == list(order.listings.all())
    assert copy.order_ref != order.order_ref
    assert copy.order_ref in BatchRow.objects.get().words


def test_campaigns_are_asked_and_flow_is_told_nothing_here(flow: Flow, author: User) -> None:
    campaign, carl = publish_campaign(flow, author), commander()
    batch = start("pause", campaign, user=carl, reason="Sold.")
    assert run(batch).sweeps == {Sweep.COMMANDS}
    command = Command.objects.get()
    assert (command.campaign, command.action, command.reason, command.asked_by) == (campaign, "pause", "Sold.", carl)
    assert (command.state, flow.server.at("update")) == ("asked", [])


@pytest.mark.parametrize("of", ["order", "campaign"])
def test_check_makes_campaigns_due(flow: Flow, author: User, of: str) -> None:
    campaign = publish_campaign(flow, author)
    carl = commander()
    Campaign.objects.update(next_check_at=NOW + timedelta(hours=1))
    asked = len(flow.asked)
    result = run(start("check", campaign.order if of == "order" else campaign, user=carl))
    assert (result.sweeps, again(campaign).next_check_at, len(flow.asked)) == ({Sweep.SYNC}, NOW, asked)


def test_a_row_that_changed_after_the_start_is_skipped_and_left_alone(author: User) -> None:
    order = draft(author)
    batch = start("publish", order, user=author)
    orders.cancel(order.pk, 1, reason="No.", user=author, now=NOW)
    run(batch)
    assert results(batch) == [("skipped", "Changed meanwhile")]
    assert reload(order).state == "cancelled"


def test_an_order_that_costs_more_than_was_seen_is_not_submitted(author: User) -> None:
    order = draft(author)
    batch = start("publish", order, user=author)
    Plan.objects.update(default_budget="1500.01")
    run(batch)
    assert results(batch) == [("skipped", "Changed meanwhile")]
    assert "costs 1,500.01 ZAR now; when you looked it was 1,500.00 ZAR" in BatchRow.objects.get().words
    assert (reload(order).state, reload(order).version, kinds(order)) == ("draft", 1, ["order.created"])


def test_a_campaign_that_somebody_commanded_meanwhile_is_skipped(flow: Flow, author: User) -> None:
    campaign, carl = publish_campaign(flow, author), commander()
    batch = start("pause", campaign, user=carl, reason="Sold.")
    commands.ask(campaign.pk, Action.CANCEL, reason="Over.", user=carl, now=NOW)
    run(batch)
    assert results(batch) == [("skipped", "Changed meanwhile")]
    assert Command.objects.get().action == "cancel"


def test_rights_are_asked_again_for_each_row(author: User) -> None:
    home, away = make_branch(), make_branch()
    clerk = make_user("clerk", *WRITES, branches=[home, away])
    rows = [draft(author, branch=home), draft(author, branch=away)]
    batch = start("publish", *rows, user=clerk)
    away.staff.remove(clerk)
    run(batch)
    assert results(batch) == [("done", ""), ("skipped", "Branch")]
    assert [reload(row).state for row in rows] == ["queued", "draft"]


@pytest.mark.parametrize("lost", ["permission", "login"])
def test_whoever_may_not_any_more_has_nothing_done(author: User, lost: str) -> None:
    clerk = make_user("clerk", *WRITES)
    order = draft(author)
    batch = start("publish", order, user=clerk)
    if lost == "permission":
        clerk.user_permissions.filter(codename="submit_order").delete()
    else:
        User.objects.filter(pk=clerk.pk).update(is_active=False)
    run(batch)
    assert [state for state, _ in results(batch)] == ["skipped"]
    assert reload(order).state == "draft"


def break_down(monkeypatch: pytest.MonkeyPatch, error: BaseException, order: Order) -> None:
    """Let the submission of the order break down after it has written."""
    real = orders.submit

    def submit(order_id: int, *arguments: Any, **named: Any) -> Order:
        moved = real(order_id, *arguments, **named)
        if order_id == order.pk:
            raise error
        return moved

    monkeypatch.setattr(orders, "submit", submit)


def test_a_fault_of_the_console_fails_its_row_alone_and_leaves_nothing_behind(
    author: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = draft(author), draft(author)
    batch = start("publish", one, two, user=author)
    break_down(monkeypatch, ZeroDivisionError("secret"), one)
    with caplog.at_level(logging.ERROR):
        run(batch)
    assert results(batch) == [("failed", "Fault of the console"), ("done", "")]
    assert (reload(one).state, kinds(one)) == ("draft", ["order.created"])
    assert "secret" not in BatchRow.objects.filter(order=one).get().words
    assert "ZeroDivisionError" in caplog.text
    assert ended(batch).failed == 1


class Killed(BaseException):
    """What kill -9 is to a worker: nothing catches it."""


@pytest.mark.parametrize("error", [Killed(), OperationalError("gone")], ids=["killed", "database gone"])
def test_a_worker_that_dies_leaves_its_row_as_it_was_and_the_next_one_goes_on(
    author: User, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    rows = [draft(author) for _ in range(3)]
    batch = start("publish", *rows, user=author)
    with monkeypatch.context() as patch:
        break_down(patch, error, rows[1])
        with pytest.raises(type(error)):
            run(batch)
    assert results(batch) == [("done", ""), ("waiting", ""), ("waiting", "")]
    assert [reload(row).state for row in rows] == ["queued", "draft", "draft"]
    assert batch_running.unfinished(NOW, 10) == [batch.pk]
    run(batch)
    assert results(batch) == [("done", "")] * 3
    assert [kinds(row) for row in rows] == [["order.created", "order.submitted"]] * 3


def test_while_somebody_works_on_a_batch_nobody_else_does(author: User) -> None:
    batch = start("publish", draft(author), user=author)
    Batch.objects.update(lease_until=NOW + SECOND)
    assert run(batch).closed == 0
    assert batch_running.unfinished(NOW, 10) == []
    assert batch_running.unfinished(NOW + 2 * SECOND, 10) == [batch.pk]
    assert run(batch, clock=Clock(NOW + 2 * SECOND)).closed == 1


def test_a_lease_of_a_clock_that_was_ahead_holds_nobody_up(author: User) -> None:
    batch = start("publish", draft(author), user=author)
    Batch.objects.update(lease_until=NOW + timedelta(days=1))
    assert batch_running.unfinished(NOW, 10) == [batch.pk]
    assert run(batch).closed == 1


def test_a_turn_that_is_over_leaves_rows_for_the_next(author: User) -> None:
    batch = start("publish", draft(author), user=author)
    assert run(batch, stop_after=-1).left
    assert results(batch) == [("waiting", "")]
    assert (ended(batch).ended_at, batch.lease_until) == (None, None)
    assert run(batch).left is False


def test_a_batch_that_was_offered_to_others_goes_on_while_nobody_takes_it(author: User) -> None:
    batch = start("duplicate", *(draft(author) for _ in range(3)), user=author)
    offers: list[str] = []
    assert run(batch, stop_after=-1, offer=lambda: offers.append("offered")).closed == 3
    assert offers == ["offered"]
    assert ended(batch).done == 3


def test_a_batch_that_somebody_else_has_taken_is_theirs(author: User) -> None:
    batch = start("duplicate", *(draft(author) for _ in range(3)), user=author)
    theirs = NOW + SECOND

    def take() -> None:
        assert batch_running.unfinished(NOW, 10) == [batch.pk]
        Batch.objects.update(lease_until=theirs)

    assert run(batch, stop_after=-1, offer=take).closed == 0
    assert results(batch) == [("waiting", "")] * 3
    assert ended(batch).lease_until == theirs


def test_a_batch_that_was_offered_ends_where_an_order_waits_to_be_published(author: User) -> None:
    batch = start("duplicate", draft(author), user=author)
    queued(author)
    assert run(batch, stop_after=-1, offer=lambda: None).left
    assert results(batch) == [("waiting", "")]
    assert batch_running.unfinished(NOW, 10) == [batch.pk]


def test_a_batch_that_nobody_takes_is_given_up_after_a_while(author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_running, "GOES_ON", 0)
    batch = start("duplicate", draft(author), user=author)
    assert run(batch, stop_after=-1, offer=lambda: None).left
    assert batch_running.unfinished(NOW, 10) == [batch.pk]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_each_row_once(author: User) -> None:
    rows = [draft(author) for _ in range(6)]
    batch = start("duplicate", *rows, user=author)

    def do_all() -> int:
        return sum(batch_running._do_row(deed_of(BatchKind.ORDER, "duplicate"), row, NOW) for row in found())

    def found() -> list[BatchRow]:
        return list(BatchRow.objects.filter(batch=batch).select_related("batch").order_by("pk"))

    assert sum(result for result in at_once(do_all, do_all) if isinstance(result, int)) == 6
    assert Order.objects.count() == 12
    assert results(batch) == [("done", "")] * 6


def told_of_start(batch: Batch) -> dict[str, Any]:
    told: dict[str, Any] = Event.objects.get(kind="batch.started", subject=f"batch:{batch.pk}").data
    return told


def test_the_failed_rows_are_tried_again_in_one_new_batch(author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = draft(author), draft(author)
    batch = start("publish", one, two, user=author)
    with monkeypatch.context() as patch:
        break_down(patch, ZeroDivisionError(), one)
        run(batch)
    second = start("publish", one, user=author, again_of=batch)
    told = rf"The failed rows of {batch} are tried again already, by {second}\. Nothing was done\."
    with pytest.raises(Refused, match=told):
        start("publish", one, user=author, again_of=batch)
    assert told_of_start(second)["again_of"] == batch.pk
    assert (second.again_of, second.total, results(second)) == (batch, 1, [("waiting", "")])
    run(second)
    assert (reload(one).state, results(second)) == ("queued", [("done", "")])
    assert Batch.objects.count() == 2


def test_a_failed_row_that_changed_since_is_skipped_when_tried_again(
    author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = draft(author)
    batch = start("publish", order, user=author)
    with monkeypatch.context() as patch:
        break_down(patch, ZeroDivisionError(), order)
        run(batch)
    second = start("publish", order, user=author, again_of=batch)
    Order.objects.filter(pk=order.pk).update(version=2)
    run(second)
    assert (results(second), reload(order).state) == ([("skipped", "Changed meanwhile")], "draft")


def test_the_amount_of_a_row_is_what_the_page_showed(author: User) -> None:
    order = draft(author, budget_override=Decimal("12.34"))
    batch = start("publish", order, user=author, seen=seen_of(look("publish", order, user=author)))
    run(batch)
    assert BatchRow.objects.get().amount == reload(order).budget == Decimal("12.34")
