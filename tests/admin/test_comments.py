"""Comments are written on the page of an order, by those who may, about what they may see."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns.models import Event, Order
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
FIELD = '<textarea name="text"'


def writer(**fields: Any) -> User:
    return factories.make_user("writer", "view_order", "comment_order", **fields)


def send(order: Order, text: str, user: User, **how: Any) -> Any:
    return building.client_of(user).post(f"/admin/campaigns/order/{order.pk}/comment/", {"text": text}, **how)


def comments() -> int:
    return Event.objects.filter(kind="order.commented").count()


def test_a_comment_is_written_and_whom_it_tells_and_does_not_tell_is_said() -> None:
    order = building.draft()
    factories.make_user("sue", "view_order")
    factories.make_user("far", "view_order", branches=[factories.make_branch()])
    answer = send(order, "@sue, ask @far & @<b>", writer(), follow=True)
    assert answer.redirect_chain == [(f"/admin/campaigns/order/{order.pk}/change/#timeline", 302)]
    assert [str(message) for message in answer.context["messages"]] == [
        "Your comment is in the history. Told: sue.",
        "@far can't see this order and is not told.",
    ]
    html = answer.content.decode()
    for words in ("Your comment is in the history. Told: sue.", "@far can&#x27;t see this order and is not told."):
        assert html.count(words) == 1
        assert html.index('id="timeline"') < html.index(words) < html.index(FIELD)
    assert '<strong class="timeline-mention">@sue</strong>, ask @far &amp; @&lt;b&gt;' in html


def test_what_was_said_of_a_comment_is_not_lost_on_a_page_without_a_timeline() -> None:
    order, user = building.draft(), writer()
    client = building.client_of(user)
    client.post(f"/admin/campaigns/order/{order.pk}/comment/", {"text": "Sold."})
    assert "Your comment is in the history." in client.get("/admin/campaigns/order/").content.decode()


def test_what_is_wrong_is_said_beside_the_field_and_what_was_written_stays() -> None:
    order, text = building.draft(), "x" * 2001
    html = send(order, text, writer()).content.decode()
    assert "A comment has at most 2,000 characters; this one has 2,001. Shorten it or split it." in html
    assert text in html
    assert comments() == 0


def test_a_double_click_writes_it_once_and_says_so() -> None:
    order, user = building.draft(), writer()
    send(order, "Sold.", user)
    answer = send(order, "Sold.", user)
    assert answer.status_code == 409
    assert "You said exactly this a moment ago" in answer.content.decode()
    assert comments() == 1


def test_without_the_permission_there_is_no_form_and_nothing_is_written() -> None:
    order, reader = building.draft(), factories.make_user("reader", "view_order")
    page = f"/admin/campaigns/order/{order.pk}/change/"
    assert FIELD not in building.client_of(reader).get(page).content.decode()
    assert FIELD in building.client_of(writer()).get(page).content.decode()
    assert send(order, "Hello.", reader).status_code == 403
    assert comments() == 0


def test_the_order_of_another_branch_is_not_found() -> None:
    order = building.draft()
    assert send(order, "Hello.", writer(branches=[factories.make_branch()])).status_code == 404
    assert comments() == 0


def test_a_get_and_a_post_without_the_token_write_nothing() -> None:
    order, user = building.draft(), writer()
    page = f"/admin/campaigns/order/{order.pk}/comment/"
    assert building.client_of(user).get(page, {"text": "Hello."}).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(page, {"text": "Hello."}).status_code == 403
    assert comments() == 0
