"""The moves of an order as people make them: a page that says what will happen, then a POST that does it once."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from kombu import Connection

from campaigns.models import Event, Listing, Order
from campaigns.services import dry_runs, orders
from campaigns.services.dry_runs import DryRunResult
from flowsite.celery import app
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> User:
    return building.author()


@pytest.fixture
def second() -> User:
    return factories.make_user("second", *building.EVERYTHING)


def page(order: Order, deed: str) -> str:
    return f"/admin/campaigns/order/{order.pk}/{deed}/"


def make(client: Client, order: Order, deed: str, **words: Any) -> Any:
    return client.post(page(order, deed), {"version": order.version} | words)


def states(order: Order) -> tuple[str, int]:
    now = Order.objects.get(pk=order.pk)
    return now.state, now.version


def told(answer: Any) -> list[str]:
    return [str(message) for message in answer.wsgi_request._messages]


def refusal(answer: Any) -> dict[str, list[str]]:
    return {field: list(words) for field, words in answer.context["form"].errors.items()}


def form_of(answer: Any) -> str:
    return str(answer.content.decode()).split("novalidate", 1)[1].split("</form>", 1)[0]


def waiting_messages() -> list[Any]:
    """Take the messages that wait for a worker."""
    found = []
    with Connection(app.conf.broker_url, transport_options=app.conf.broker_transport_options) as connection:
        for queue in map(connection.SimpleQueue, app.conf.task_queues):
            while len(queue):
                message = queue.get(block=False)
                message.ack()
                found.append((message.headers["task"], message.payload[1]))
    return found


@pytest.mark.parametrize(
    ("build", "deeds"),
    [
        (building.draft, ["submit", "dry_run", "cancel"]),
        (building.awaiting_approval, ["approve", "reject", "dry_run", "return", "cancel"]),
        (building.queued, ["dry_run", "return", "cancel"]),
        (building.rejected, ["dry_run", "return", "cancel"]),
        (building.in_doubt, ["settle"]),
        (lambda: building.published("queue_1"), []),
    ],
    ids=["draft", "awaiting", "queued", "rejected", "in doubt", "published"],
)
def test_the_page_offers_the_moves_that_the_state_allows(second: User, build: Any, deeds: list[str]) -> None:
    order = build()
    html = building.client_of(second).get(page(order, "change")).content.decode()
    names = ("submit", "approve", "reject", "settle", "dry_run", "return", "cancel")
    assert [name for name in names if page(order, name) in html] == deeds
    assert (page(order, "edit") in html) == (order.state == "draft")


def test_the_page_offers_no_approval_to_whoever_wrote_the_order() -> None:
    both = factories.make_user("both", *building.EVERYTHING)
    order = building.awaiting_approval(both)
    html = building.client_of(both).get(page(order, "change")).content.decode()
    assert page(order, "approve") not in html
    assert page(order, "reject") in html


def test_the_page_offers_nothing_to_whoever_may_only_look() -> None:
    order = building.awaiting_approval()
    html = building.client_of(factories.make_user("reader", "view_order")).get(page(order, "change")).content.decode()
    assert [name for name in ("approve", "reject", "return", "cancel", "dry_run") if page(order, name) in html] == []


@pytest.mark.parametrize("permission", ["change_order", "submit_order", "approve_order"])
def test_whoever_builds_submits_or_approves_orders_is_offered_a_dry_run(permission: str) -> None:
    order, somebody = building.draft(), factories.make_user("somebody", "view_order", permission)
    html = building.client_of(somebody).get(page(order, "change")).content.decode()
    assert page(order, "dry_run") in html


def test_the_page_of_a_move_says_what_it_does_and_costs_and_changes_nothing(author: User) -> None:
    branch = factories.make_branch()
    listings = tuple(factories.make_listing(branch) for _ in range(3))
    order = building.draft(branch=branch, listings=listings, budget_override=Decimal(2928))
    answer = building.client_of(author).get(page(order, "submit"))
    assert answer.status_code == 200
    assert "Publish 3 listings, 2,928.00 ZAR." in answer.content.decode()
    assert states(order) == ("draft", 1)
    assert building.kinds(order) == ["order.created"]


def test_submit_queues_the_order_and_tells_a_worker(author: User) -> None:
    waiting_messages()
    order = building.draft()
    answer = make(building.client_of(author), order, "submit")
    assert (answer.status_code, answer.headers["Location"]) == (302, page(order, "change"))
    assert told(answer) == [f"Order {order} is submitted and queued: a worker publishes it now."]
    assert states(order) == ("queued", 2)
    assert waiting_messages() == [("campaigns.tasks.publish_order", {"order_id": order.pk})]


def test_submit_of_a_large_order_waits_for_a_second_person(author: User) -> None:
    waiting_messages()
    order = building.draft(branch=factories.make_branch(approval_threshold=Decimal(1)))
    answer = make(building.client_of(author), order, "submit")
    assert told(answer) == [
        f"Order {order} is submitted. A second person must approve it before anything is published."
    ]
    assert states(order) == ("awaiting_approval", 2)
    assert waiting_messages() == []


def test_a_double_click_submits_once_and_says_so(author: User) -> None:
    order, client = building.draft(), building.client_of(author)
    make(client, order, "submit")
    answer = make(client, order, "submit")
    assert answer.status_code == 409
    assert refusal(answer) == {
        "__all__": [
            f"{order} has changed since you opened this page. Nothing was done. Look at it again and decide anew."
        ]
    }
    assert building.kinds(order) == ["order.created", "order.submitted"]


def test_a_move_without_the_version_that_was_seen_is_refused(author: User) -> None:
    order = building.draft()
    answer = building.client_of(author).post(page(order, "submit"), {})
    assert refusal(answer) == {"version": ["This field is required."]}
    assert states(order) == ("draft", 1)


def test_a_move_without_the_csrf_token_is_refused(author: User) -> None:
    order, client = building.draft(), Client(enforce_csrf_checks=True)
    client.force_login(author)
    assert make(client, order, "submit").status_code == 403
    assert states(order) == ("draft", 1)


def test_what_no_longer_holds_is_said_when_it_is_submitted(author: User) -> None:
    order = building.draft()
    order.listings.update(active=False)
    answer = make(building.client_of(author), order, "submit")
    listing = order.listings.get()
    assert refusal(answer) == {"__all__": [f"Listing {listing} is not active. Remove it, or activate it."]}
    assert states(order) == ("draft", 1)


def test_a_second_person_approves_and_a_worker_is_told(second: User) -> None:
    order = building.awaiting_approval()
    waiting_messages()
    answer = make(building.client_of(second), order, "approve")
    assert told(answer) == [f"Order {order} is approved and queued: a worker publishes it now."]
    assert states(order) == ("queued", 3)
    assert Order.objects.get().approved_by == second
    assert waiting_messages() == [("campaigns.tasks.publish_order", {"order_id": order.pk})]


def test_nobody_approves_what_they_submitted_superusers_too() -> None:
    boss = User.objects.create_superuser("boss", password="x")
    order = building.awaiting_approval(boss)
    waiting_messages()
    answer = make(building.client_of(boss), order, "approve")
    assert answer.status_code == 403
    assert refusal(answer) == {"__all__": [f"boss wrote or submitted order {order}, so somebody else must approve it."]}
    assert states(order) == ("awaiting_approval", 2)
    assert waiting_messages() == []


def test_reject_asks_for_a_comment(second: User) -> None:
    order = building.awaiting_approval()
    answer = make(building.client_of(second), order, "reject", comment="  ")
    assert refusal(answer) == {"comment": ["Say why, so that the author knows what to change."]}
    assert states(order) == ("awaiting_approval", 2)


def test_reject_sends_the_order_back_with_the_comment(second: User) -> None:
    order = building.awaiting_approval()
    make(building.client_of(second), order, "reject", comment="Too dear.")
    assert states(order) == ("draft", 3)
    html = building.client_of(building.author()).get(page(order, "change")).content.decode()
    assert "Too dear." in html


def test_the_page_that_approves_leads_to_the_one_that_rejects(second: User) -> None:
    order = building.awaiting_approval()
    html = building.client_of(second).get(page(order, "approve")).content.decode()
    assert f'href="{page(order, "reject")}"' in html
    assert states(order) == ("awaiting_approval", 2)


def test_what_can_not_be_approved_can_be_rejected_from_the_same_page(second: User) -> None:
    order = building.awaiting_approval()
    Listing.objects.update(active=False)
    answer = building.client_of(second).get(page(order, "approve"))
    assert [fault["field"] for fault in answer.context["faults"]] == ["Listings"]
    assert f'href="{page(order, "reject")}"' in answer.content.decode()


def test_a_draft_s_review_offers_no_rejection(second: User) -> None:
    order = building.draft()
    assert page(order, "reject") not in building.client_of(second).get(page(order, "submit")).content.decode()


def test_return_makes_the_order_a_draft_again(author: User) -> None:
    order = building.queued()
    answer = make(building.client_of(author), order, "return", reason="A typing error.")
    assert told(answer) == [f"Order {order} is a draft again and can be edited."]
    assert states(order) == ("draft", 3)
    assert Event.objects.filter(kind="order.returned", text__contains="A typing error.").count() == 1


def test_cancel_asks_for_a_reason(author: User) -> None:
    order = building.draft()
    answer = make(building.client_of(author), order, "cancel")
    assert refusal(answer) == {"reason": ["Say why: it stays in the history."]}
    assert states(order) == ("draft", 1)


def test_cancel_ends_the_order(author: User) -> None:
    order = building.draft()
    answer = make(building.client_of(author), order, "cancel", reason="Sold.")
    assert told(answer) == [f"Order {order} is cancelled."]
    assert states(order) == ("cancelled", 2)


def test_cancelling_an_order_that_is_live_by_mistake_says_that_its_campaigns_run_on(author: User) -> None:
    order = building.live_after_all(building.said_not_live(user=author), "queue_1", "queue_2")
    client = building.client_of(author)
    run_on = "Its 2 campaigns at Flow run on. To stop the spending, cancel each campaign on its own page."
    question = client.get(page(order, "cancel")).context["says"]
    assert question == f"End the order here; it can't be taken up again. {run_on}"
    answer = make(client, order, "cancel", reason="It is live.")
    assert told(answer) == [f"Order {order} is cancelled. {run_on}"]
    assert list(order.campaigns.values_list("phase", flat=True)) == ["queued", "queued"]


def test_cancelling_an_order_whose_campaigns_are_over_says_nothing_of_them(author: User) -> None:
    order = building.live_after_all(building.said_not_live(user=author), "queue_1")
    order.campaigns.update(phase="completed")
    assert "at Flow" not in building.client_of(author).get(page(order, "cancel")).context["says"]


def test_the_page_of_a_move_that_is_no_longer_possible_leads_back(author: User) -> None:
    order = building.queued()
    answer = building.client_of(author).get(page(order, "submit"))
    assert (answer.status_code, answer.headers["Location"]) == (302, page(order, "change"))
    assert told(answer) == [
        f"“Submit” is not possible for {order} now, and nothing was done. Only in the state “draft”; this order is “queued”. "
        "A worker sends it within seconds; to stop that, return it to draft first."
    ]


def test_a_move_on_an_older_view_of_the_order_keeps_the_words(second: User) -> None:
    order = building.awaiting_approval()
    orders.return_to_draft(order.pk, order.version, user=building.author(), now=order.created_at)
    answer = make(building.client_of(second), order, "reject", comment="Too dear for this month.")
    assert answer.status_code == 409
    assert "Too dear for this month." in answer.content.decode()
    assert building.kinds(order)[-1] == "order.returned"


def test_a_move_on_an_older_view_of_the_order_leads_back_to_it_and_has_no_button(second: User) -> None:
    order = building.awaiting_approval()
    client = building.client_of(second)
    assert "<button" in form_of(client.get(page(order, "reject")))
    orders.return_to_draft(order.pk, order.version, user=building.author(), now=order.created_at)
    html = form_of(make(client, order, "reject", comment="Too dear."))
    assert "<button" not in html
    assert f'<a href="{page(order, "change")}"' in html
    assert f"Look at {order} again" in html


def test_a_move_that_is_refused_for_another_reason_keeps_its_button(second: User) -> None:
    order = building.awaiting_approval()
    html = form_of(make(building.client_of(second), order, "reject", comment=""))
    assert "<button" in html
    assert f"Look at {order} again" not in html


def test_a_dry_run_asks_first(author: User) -> None:
    order = building.draft()
    answer = building.client_of(author).get(page(order, "dry_run"))
    assert "Nothing is published and nothing is spent." in answer.content.decode()
    assert building.kinds(order) == ["order.created"]


def test_a_dry_run_that_cannot_reach_flow_says_so(author: User) -> None:
    order = building.draft()
    answer = make(building.client_of(author), order, "dry_run")
    assert answer.status_code == 409
    (words,) = refusal(answer)["__all__"]
    assert words.startswith("The dry run gave no answer:")
    assert words.endswith("A dry run publishes nothing and spends nothing.")
    assert states(order) == ("draft", 1)


@pytest.mark.parametrize(
    ("ok", "words"),
    [
        (True, "Dry run: Flow would take this order. Nothing was published. Flow said: Valid. Expected campaigns: 2."),
        (False, "Dry run: Flow would refuse this order. Valid. Expected campaigns: 2."),
    ],
)
def test_a_dry_run_tells_what_flow_said_without_its_json(
    author: User, monkeypatch: pytest.MonkeyPatch, ok: bool, words: str
) -> None:
    order = building.draft()
    result = DryRunResult(ok, "Valid.", 200, (("Expected campaigns", "2"),), '{"expectedCampaigns": 2}')
    monkeypatch.setattr(dry_runs, "dry_run", lambda *_args, **_options: result)
    answer = make(building.client_of(author), order, "dry_run")
    assert (told(answer) if ok else answer.context["form"].non_field_errors()) == [words]
