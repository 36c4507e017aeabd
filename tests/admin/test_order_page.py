"""The page of an order tells where it stands, what is next and for whom, what it costs, and all that happened."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns.admin.order_next import next_step
from campaigns.domain.states import Outcome, Resolution
from campaigns.models import Hold, Order
from campaigns.services import moves, orders, publishing, recording
from campaigns.services.recording import Answer
from campaigns.services.settling import settle
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


def shown(order: Order, user: User | None = None) -> str:
    client = building.client_of(user or factories.make_user("reader", "view_order"))
    return client.get(f"/admin/campaigns/order/{order.pk}/change/").content.decode()


def test_dates_are_shown_on_the_branch_s_clock_and_in_utc() -> None:
    start = datetime(2040, 7, 1, 8, 0, tzinfo=UTC)
    html = shown(building.draft(branch=factories.make_branch(time_zone="Europe/Lisbon"), start_at=start, end_at=None))
    assert "1 Jul 2040, 09:00 WEST" in html
    assert "(1 Jul 2040, 08:00 UTC)" in html
    assert "None is sent: Flow decides" in html


def test_the_amount_says_whether_it_is_the_plan_s_or_an_override() -> None:
    plan = factories.make_plan(default_budget=Decimal(2928))
    html = shown(building.draft(plan=plan))
    assert "<strong>2,928.00 ZAR</strong>" in html
    assert "The plan&#x27;s default, 2,928.00 ZAR" in html
    assert "Flow does not document whether per listing or per order." in html
    html = shown(building.draft(plan=plan, budget_override=Decimal(99)), User.objects.get(username="reader"))
    assert "<strong>99.00 ZAR</strong>" in html
    assert "Override; the plan&#x27;s default is 2,928.00 ZAR" in html


def test_a_submitted_order_shows_exactly_what_is_sent_and_its_hash() -> None:
    order = building.queued()
    html = shown(order)
    assert order.payload_sha256 in html
    assert f"&quot;orderRef&quot;:&quot;{order.order_ref}&quot;" in html.replace(" ", "")


def test_a_rehearsal_is_called_one(settings: Any) -> None:
    settings.FLOW_IS_LOCAL = True
    rehearsed = shown(building.queued())
    settings.FLOW_IS_LOCAL = False
    meant = shown(building.queued(), User.objects.get(username="reader"))
    assert "no real money." in rehearsed.split("Money and people")[1]
    assert "no real money." not in meant.split("Money and people")[1]


def test_the_problem_is_told_as_plain_text() -> None:
    html = shown(building.rejected())
    assert "Unknown plan &lt;b&gt;reference&lt;/b&gt;." in html
    assert "<b>reference" not in html


def test_a_draft_that_was_rejected_says_by_whom_and_when_with_the_comment() -> None:
    branch = factories.make_branch(time_zone="Africa/Johannesburg", approval_threshold=Decimal(1))
    order = building.queued(branch=branch)
    second = factories.make_user("second", *building.EVERYTHING)
    at = datetime(2027, 3, 12, 7, 0, tzinfo=UTC)
    orders.reject(order.pk, order.version, comment="Too <b>dear</b>.", user=second, now=at)
    with time_machine.travel(at + timedelta(hours=3), tick=False):
        html = shown(order, building.author())
    assert "Rejected by second, 12 Mar 2027, 09:00 SAST, 3 h ago: Too &lt;b&gt;dear&lt;/b&gt;." in html


def test_a_draft_that_was_returned_after_a_rejection_is_not_called_rejected() -> None:
    order = building.awaiting_approval()
    second = factories.make_user("second", *building.EVERYTHING)
    order = orders.reject(order.pk, order.version, comment="Too dear.", user=second, now=timezone.now())
    order = orders.submit(order.pk, order.version, user=building.author(), now=timezone.now())
    orders.return_to_draft(order.pk, order.version, user=building.author(), now=timezone.now())
    Order.objects.update(problem="Its listing is sold.")
    html = shown(order, building.author())
    assert "Its listing is sold." in html
    assert "Rejected by" not in html


def test_attempts_campaigns_and_history_are_there_and_tell_people_from_flow() -> None:
    order = building.published("queue_1", "queue_2")
    html = shown(order, factories.make_user("viewer", "view_order", "view_campaign", "view_attempt"))
    for campaign in order.campaigns.all():
        assert f'href="/admin/campaigns/campaign/{campaign.pk}/change/">{campaign.tracking_id}</a>' in html
    assert f'href="/admin/campaigns/attempt/{order.attempts.get().pk}/change/">Attempt 1</a>' in html
    assert 'aria-hidden="true">person</span>author' in html
    assert 'aria-hidden="true">cloud</span>Flow' in html
    assert "author submitted the order for 1,500.00 ZAR." in html


def test_nobody_is_led_to_pages_that_they_may_not_see() -> None:
    order = building.published("queue_1")
    html = shown(order)
    assert "queue_1" in html
    assert f"/admin/campaigns/campaign/{order.campaigns.get().pk}/" not in html
    assert "/admin/campaigns/attempt/" not in html
    assert "All of the history" not in html
    assert "All of the history" in shown(order, factories.make_user("auditor", "view_order", "view_event"))


def test_the_next_step_names_who_can_take_it() -> None:
    approver = factories.make_user("approver", "view_order", "approve_order")
    author = factories.make_user("both", *building.EVERYTHING)
    order = building.awaiting_approval(author)
    assert next_step(order, approver, timezone.now()).endswith("approves or rejects it. Who can: you.")
    assert next_step(order, author, timezone.now()).endswith("approves or rejects it. Who can: approver.")


def test_the_next_step_says_where_nobody_can_take_it() -> None:
    order = building.awaiting_approval()
    assert next_step(order, building.author(), timezone.now()).endswith(
        "Nobody can yet: ask an administrator to let somebody approve orders."
    )


def test_many_who_can_are_not_all_named() -> None:
    for number in range(7):
        factories.make_user(f"approver{number}", "approve_order")
    words = next_step(building.awaiting_approval(), building.author(), timezone.now())
    assert words.endswith("Who can: approver0, approver1, approver2, approver3, approver4 and others.")


def test_a_queued_order_says_when_it_is_tried() -> None:
    order, now = building.queued(), timezone.now()
    assert next_step(order, building.author(), now).startswith("a worker sends it to Flow within half a minute.")
    order.next_attempt_at = datetime(2040, 1, 1, 8, 0, tzinfo=UTC)
    # A moment that far ahead was written by a clock that was wrong, and nobody waits for it.
    assert next_step(order, building.author(), now).startswith("a worker sends it to Flow within half a minute.")
    now = datetime(2040, 1, 1, 7, 30, tzinfo=UTC)
    assert next_step(order, building.author(), now) == "it waits: a worker tries again at 1 Jan 2040, 10:00 SAST."
    until = now + timedelta(hours=1)
    Hold.objects.update_or_create(pk=Hold.SINGLETON, defaults={"until": until})
    assert next_step(order, building.author(), now).startswith("it waits: Flow asked us to wait until ")


def test_nobody_is_told_to_submit_again_what_flow_turned_out_to_have_taken() -> None:
    settler = factories.make_user("settler", "settle_order", "settle_alone")
    author, order, now = building.author(), building.in_doubt(), timezone.now()
    settle(order.pk, Resolution.NOT_LIVE, evidence="We looked.", user=settler, now=now)
    second = publishing._claim(moves.read(order.pk), now)
    assert publishing._mark_sent(second, now)
    late = Answer(Outcome.PUBLISHED, "Flow accepted the order.", 202, "{}", ("queue_a",), "queued")
    recording.record_answer(order.attempts.get(number=1), late, now=now + timedelta(minutes=1))
    recording.record_answer(second, Answer(Outcome.REJECTED, "No.", 400), now=now + timedelta(minutes=2))

    def told(state: str) -> str:
        order = moves.read(second.order_id)
        assert order.state == state
        return next_step(order, author, now)

    cancel = "cancel it. Flow took it already, so it is never sent again; what runs there is to be kept or cancelled."
    assert told("rejected") == f"{cancel} Who can: you."
    orders.return_to_draft(order.pk, moves.read(order.pk).version, user=author, now=now)
    assert told("draft") == f"{cancel} Who can: you."
    orders.cancel(order.pk, moves.read(order.pk).version, reason="It is live.", user=author, now=now)
    surplus = "look at its campaigns, and cancel those that are not wanted, each on its own page."
    assert told("cancelled").startswith(surplus)
    order.campaigns.update(phase="cancelled")
    assert told("cancelled").startswith("nothing, it is over.")


def test_what_runs_twice_is_the_next_step_until_it_is_over() -> None:
    order, user, now = building.published_twice(["queue_1"], ["queue_2"]), building.author(), timezone.now()
    assert next_step(order, user, now).startswith("look at its campaigns, and cancel those that are not wanted")
    order.campaigns.update(phase="cancelled")
    assert next_step(order, user, now) == "nothing to do: its campaigns are over."


def test_the_last_steps_ask_nothing_of_anybody() -> None:
    now, user = timezone.now(), building.author()
    published = building.published("queue_1", "queue_2")
    follow = "nothing to do. Flow took the order, and its campaigns are followed below."
    assert next_step(published, user, now) == follow
    published.campaigns.filter(tracking_id="queue_1").update(phase="cancelled")
    assert next_step(published, user, now) == follow
    published.campaigns.filter(tracking_id="queue_2").update(phase="completed")
    assert next_step(published, user, now) == "nothing to do: its campaigns are over."
    order = building.draft()
    order.state = "cancelled"
    assert next_step(order, user, now) == "nothing, it is over. To publish the same, duplicate it."
