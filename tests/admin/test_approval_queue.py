"""“My approvals”: what waits for this person, and for nobody else."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.admin import approval_queue
from campaigns.models import Order
from campaigns.services import orders
from campaigns.services.content import Content
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

QUEUE = "/admin/campaigns/order/approvals/"


def waiting(user: User | None = None, **fields: Any) -> Order:
    return building.awaiting_approval(user, start_at=None, end_at=None, **fields)


def approver(name: str = "approver", **fields: Any) -> User:
    return factories.make_user(name, "view_order", "approve_order", **fields)


def seen(user: User) -> Any:
    answer = building.client_of(user).get(QUEUE)
    assert answer.status_code == 200
    return answer


def refs(user: User) -> list[str]:
    return building.names(row["order"] for row in seen(user).context["rows"])


def badge(user: User) -> int:
    items = seen(user).context["sidebar_navigation"][1]["items"]
    return int(next(item["badge"] for item in items if item["title"] == "My approvals"))


def test_the_queue_holds_what_waits_the_oldest_first_with_the_money() -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        first = waiting()
    second, dear = waiting(budget_override=Decimal(2928)), waiting(plan=factories.make_plan(currency="EUR"))
    building.queued()
    building.draft()
    user = approver()
    assert refs(user) == [second.order_ref, dear.order_ref, first.order_ref]
    assert seen(user).context["money"] == ["1,500.00 EUR", "4,428.00 ZAR"]
    assert badge(user) == 3


def test_what_the_person_created_edited_or_submitted_is_not_there() -> None:
    user = factories.make_user("both", *building.EVERYTHING)
    waiting(user)
    other = waiting()
    edited = waiting()
    edited = orders.return_to_draft(edited.pk, edited.version, user=building.author(), now=timezone.now())
    content = orders.Content.of(edited)
    changed = orders.Content(content.plan, content.branch, content.listings, budget_override=Decimal(1700))
    edited = orders.edit_order(edited.pk, edited.version, changed, user=user, now=timezone.now())
    orders.submit(edited.pk, edited.version, user=building.author(), now=timezone.now())
    submitted = building.draft(branch=factories.make_branch(approval_threshold=Decimal(1)))
    orders.submit(submitted.pk, submitted.version, user=user, now=timezone.now())
    assert Order.objects.filter(state="awaiting_approval").count() == 4
    assert refs(user) == [other.order_ref]
    assert badge(user) == 1


def test_what_is_another_branch_s_is_neither_there_nor_counted() -> None:
    mine, theirs = waiting(), waiting()
    user = approver(branches=[mine.branch])
    assert refs(user) == [mine.order_ref]
    assert badge(user) == 1
    assert seen(user).context["money"] == ["1,500.00 ZAR"]
    assert theirs.order_ref not in seen(user).content.decode()


def test_each_order_leads_to_its_page_and_to_its_review() -> None:
    order = waiting()
    html = seen(approver()).content.decode()
    assert f'href="/admin/campaigns/order/{order.pk}/change/"' in html
    assert f'href="/admin/campaigns/order/{order.pk}/approve/"' in html


def test_an_empty_queue_says_what_would_wait_there() -> None:
    assert "Nothing waits for your approval" in seen(approver()).content.decode()


def test_the_queue_is_for_those_who_may_approve() -> None:
    waiting()
    client = building.client_of(building.author())
    assert client.get(QUEUE).status_code == 403
    assert "My approvals" not in client.get("/admin/").content.decode()


def test_nothing_can_be_sent_to_the_queue() -> None:
    assert building.client_of(approver()).post(QUEUE).status_code == 405


def test_the_queue_has_pages_and_asks_no_more_for_more_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    user = approver()
    client = building.client_of(user)
    waiting()
    with CaptureQueriesContext(connection) as few:
        client.get(QUEUE)
    for _ in range(3):
        waiting()
    with CaptureQueriesContext(connection) as many:
        client.get(QUEUE)
    assert len(many) == len(few)
    monkeypatch.setattr(approval_queue, "PER_PAGE", 3)
    assert len(refs(user)) == 3
    assert len(client.get(f"{QUEUE}?page=2").context["rows"]) == 1


def test_an_order_that_was_here_before_says_whether_it_is_another_one_now() -> None:
    author, user = building.author(), approver()
    refused, returned, as_it_was, new = waiting(author), waiting(author), waiting(author), waiting(author)
    for order, edit in ((refused, Decimal(99)), (as_it_was, None)):
        orders.reject(order.pk, order.version, comment="Too dear.", user=user, now=timezone.now())
        _submit_again(order, author, edit)
    orders.return_to_draft(returned.pk, returned.version, user=author, now=timezone.now())
    _submit_again(returned, author, Decimal(98))
    answer = seen(user)
    assert {row["order"].pk: row["again"] for row in answer.context["rows"]} == {
        refused.pk: "Edited since it was sent back",
        returned.pk: "Edited since it was submitted before",
        as_it_was.pk: "Sent back, and not edited since",
        new.pk: "",
    }
    assert "Edited since it was sent back" in answer.content.decode()


def _submit_again(order: Order, author: User, budget: Decimal | None) -> None:
    draft = Order.objects.get(pk=order.pk)
    if budget:
        content = replace(Content.of(draft), budget_override=budget)
        orders.edit_order(draft.pk, draft.version, content, user=author, now=timezone.now())
        draft = Order.objects.get(pk=order.pk)
    orders.submit(draft.pk, draft.version, user=author, now=timezone.now())
