"""What people make of an order on its page: copies, renewals, replacements, templates; and a start that comes too late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from campaigns import tasks
from campaigns.models import Command, Order, OrderTemplate
from tests import factories
from tests.admin import building
from tests.admin.test_order_moves import told

pytestmark = pytest.mark.django_db
NOW = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def boss() -> User:
    return factories.make_user("boss", *building.EVERYTHING)


def page(order: Order, deed: str) -> str:
    return f"/admin/campaigns/order/{order.pk}/{deed}/"


def labels(client: Client, order: Order) -> list[str]:
    return [button["deed"].label for button in client.get(page(order, "change")).context["buttons"]]


def pairs(answer: Any) -> dict[str, str]:
    return {name: str(value) for name, value in answer.context["pairs"]}


def dated(**fields: Any) -> Order:
    return building.draft(start_at=NOW + DAY, end_at=NOW + 8 * DAY, **fields)


def test_what_is_offered_follows_the_state_and_the_rights(boss: User) -> None:
    client = building.client_of(boss)
    published = building.published("queue_1")
    assert labels(client, published) == ["Renew", "Duplicate", "Save as template", "Cancel and replace"]
    assert labels(client, building.draft())[-2:] == ["Duplicate", "Save as template"]
    assert labels(building.client_of(building.author()), published) == ["Renew", "Duplicate", "Save as template"]
    assert labels(building.client_of(factories.make_user("reader", "view_order")), published) == []


@pytest.mark.parametrize("deed", ["duplicate", "renew"])
def test_looking_at_the_question_makes_nothing_and_answering_leads_to_the_draft(boss: User, deed: str) -> None:
    source, client = building.published("queue_1"), building.client_of(boss)
    assert client.get(page(source, deed)).status_code == 200
    assert Order.objects.count() == 1
    answer = client.post(page(source, deed), {"version": source.version})
    draft = Order.objects.get(copied_from=source)
    assert (answer.status_code, answer.headers["Location"]) == (302, page(draft, "change"))
    assert told(answer)[0].endswith("Nothing is published until it is submitted.")


def test_both_pages_name_the_other(boss: User) -> None:
    source, client = building.published("queue_1"), building.client_of(boss)
    for deed in ("duplicate", "renew"):
        client.post(page(source, deed), {"version": source.version})
    copy, renewal = Order.objects.filter(copied_from=source).order_by("pk")
    html = client.get(page(source, "change")).content.decode()
    for words in (f"{copy}</a> (duplicate, draft)", f"{renewal}</a> (renewal, draft)"):
        assert words in html
    what = dict(client.get(page(renewal, "change")).context["what"])
    assert what["Renewal of"] == f'<a class="text-link" href="{page(source, "change")}">{source}</a>'
    assert "Copies" not in what


def test_an_order_of_another_branch_is_not_named(boss: User) -> None:
    source, client = building.draft(), building.client_of(boss)
    client.post(page(source, "duplicate"), {"version": source.version})
    copy = Order.objects.get(copied_from=source)
    branch = factories.make_branch()
    Order.objects.filter(pk=copy.pk).update(branch=branch)
    there = building.client_of(factories.make_user("there", "view_order", branches=[branch]))
    html = there.get(page(copy, "change")).content.decode()
    assert "an order of another branch" in html
    here = building.client_of(factories.make_user("here", "view_order", branches=[source.branch]))
    assert copy.order_ref not in dict(here.get(page(source, "change")).context["what"])
    assert there.post(page(source, "duplicate"), {"version": source.version}).status_code == 404
    assert Order.objects.count() == 2


def test_a_replacement_says_what_it_means_for_the_money_and_asks_flow_to_cancel(boss: User) -> None:
    source, client = building.published("queue_1", "queue_2"), building.client_of(boss)
    asked = client.get(page(source, "replace"))
    assert "cancel 2 campaigns" in asked.context["says"]
    assert pairs(asked)["Cancelled"].startswith("1,500.00 ZAR was committed to")
    assert pairs(asked)["New order"].startswith("A new amount, on top of that: 1,500.00 ZAR")
    with patch.object(tasks, "nudge_command") as nudge:
        answer = client.post(page(source, "replace"), {"version": source.version, "reason": "Wrong dates."})
    draft = Order.objects.get(copied_from=source)
    assert answer.headers["Location"] == page(draft, "change")
    assert (draft.state, draft.copied_how) == ("draft", "replacement")
    assert sorted(call.args[0] for call in nudge.call_args_list) == sorted(Command.objects.values_list("pk", flat=True))
    assert set(Command.objects.values_list("action", "reason")) == {("cancel", "Wrong dates.")}


def test_a_replacement_that_can_t_be_made_says_so_and_keeps_the_reason(boss: User) -> None:
    source, client = building.published("queue_1"), building.client_of(boss)
    source.listings.update(active=False)
    answer = client.post(page(source, "replace"), {"version": source.version, "reason": "Wrong dates."})
    assert answer.status_code == 409
    assert "of another branch. Build a new order. Nothing was done." in answer.content.decode()
    assert "Wrong dates." in answer.content.decode()
    assert not Command.objects.exists()
    assert Order.objects.count() == 1


def test_the_new_dates_are_shown_before_the_click_and_are_those_that_come(
    boss: User, clock: time_machine.Traveller
) -> None:
    order = dated(branch=factories.make_branch(time_zone="Africa/Johannesburg"), agent=None)
    client = building.client_of(boss)
    assert "Move start and end" not in labels(client, order)
    clock.move_to(NOW + DAY)
    assert "Move start and end" in labels(client, order)

    asked = client.get(page(order, "rescue"))
    shown = pairs(asked)
    assert (shown["Start"], shown["End"]) == ("2 Jan 2030, 11:00 SAST", "9 Jan 2030, 11:00 SAST")
    assert (shown["New start"], shown["New end"]) == ("3 Jan 2030, 11:00 SAST", "10 Jan 2030, 11:00 SAST")
    clock.move_to(NOW + DAY + timedelta(minutes=5))
    answer = client.post(page(order, "rescue"), asked.context["form"].initial)

    order.refresh_from_db()
    assert answer.headers["Location"] == page(order, "change")
    assert (order.start_at, order.end_at) == (NOW + 2 * DAY, NOW + 9 * DAY)


def test_rescuing_a_queued_order_makes_it_a_draft_and_the_page_says_so(
    boss: User, clock: time_machine.Traveller
) -> None:
    order = building.queued(start_at=NOW + DAY, end_at=NOW + 8 * DAY)
    clock.move_to(NOW + DAY)
    client = building.client_of(boss)
    asked = client.get(page(order, "rescue"))
    assert "drops its approval if it has one" in asked.context["says"]
    answer = client.post(page(order, "rescue"), asked.context["form"].initial)
    order.refresh_from_db()
    assert (order.state, order.start_at) == ("draft", NOW + 2 * DAY)
    assert told(answer) == [
        f"Order {order} starts at 3 Jan 2030, 11:00 SAST now. It is a draft again: submit it again."
    ]


def test_a_start_that_was_shown_too_long_ago_is_not_taken(boss: User, clock: time_machine.Traveller) -> None:
    order, client = dated(), building.client_of(boss)
    clock.move_to(NOW + DAY)
    written = client.get(page(order, "rescue")).context["form"].initial
    clock.move_to(NOW + 3 * DAY)
    answer = client.post(page(order, "rescue"), written)
    assert answer.status_code == 409
    assert "is too close now" in answer.content.decode()
    order.refresh_from_db()
    assert (order.start_at, order.version) == (NOW + DAY, 1)


def test_a_template_is_saved_used_renamed_and_deleted(boss: User) -> None:
    order, client = building.draft(start_at=None, end_at=None), building.client_of(boss)
    listed = "/admin/campaigns/order/templates/"
    answer = client.post(page(order, "template"), {"version": order.version, "name": "<b>Spring</b>"})
    template = OrderTemplate.objects.get()
    assert answer.headers["Location"] == listed
    assert "&lt;b&gt;Spring&lt;/b&gt;" in client.get(listed).content.decode()

    answer = client.post(f"{listed}{template.pk}/begin/")
    begun = Order.objects.exclude(pk=order.pk).get()
    assert answer.headers["Location"] == page(begun, "change")

    assert client.get(f"{listed}{template.pk}/rename/").status_code == 200
    assert client.post(f"{listed}{template.pk}/rename/", {"name": "Summer"}).headers["Location"] == listed
    assert client.get(f"{listed}{template.pk}/delete/").status_code == 200
    assert OrderTemplate.objects.get().name == "Summer"
    assert client.post(f"{listed}{template.pk}/delete/").headers["Location"] == listed
    assert not OrderTemplate.objects.exists()


def test_a_taken_name_is_said_beside_the_field_with_the_input_kept(boss: User) -> None:
    order, client = building.draft(), building.client_of(boss)
    for _ in range(2):
        answer = client.post(page(order, "template"), {"version": order.version, "name": "Spring"})
    assert answer.context["form"].errors == {
        "name": [f"Branch {order.branch} has a template “Spring” already. Choose another name."]
    }
    assert 'value="Spring"' in answer.content.decode()


def test_templates_of_another_branch_are_neither_seen_nor_touched(boss: User) -> None:
    order = building.draft()
    building.client_of(boss).post(page(order, "template"), {"version": order.version, "name": "Spring"})
    template = OrderTemplate.objects.get()
    stranger = factories.make_user("stranger", *building.ORDER_STAFF, branches=[factories.make_branch()])
    client, listed = building.client_of(stranger), "/admin/campaigns/order/templates/"
    assert "Spring" not in client.get(listed).content.decode()
    for deed in ("begin", "rename", "delete"):
        assert client.post(f"{listed}{template.pk}/{deed}/", {"name": "Mine"}).status_code == 404
    assert (OrderTemplate.objects.get().name, Order.objects.count()) == ("Spring", 1)
    reader = building.client_of(factories.make_user("reader", "view_order"))
    assert reader.get(listed).status_code == 403
    assert reader.post(f"{listed}{template.pk}/begin/").status_code == 403


def test_a_get_begins_no_order(boss: User) -> None:
    order, client = building.draft(), building.client_of(boss)
    client.post(page(order, "template"), {"version": order.version, "name": "Spring"})
    template = OrderTemplate.objects.get()
    assert client.get(f"/admin/campaigns/order/templates/{template.pk}/begin/").status_code == 405
    assert Order.objects.count() == 1


def test_a_template_of_which_nothing_is_left_says_why(boss: User) -> None:
    order, client = building.draft(), building.client_of(boss)
    client.post(page(order, "template"), {"version": order.version, "name": "Spring"})
    order.listings.update(active=False)
    answer = client.post(f"/admin/campaigns/order/templates/{OrderTemplate.objects.get().pk}/begin/")
    assert told(answer)[-1].startswith("Template “Spring”: None of the listings can be advertised any more")
    assert Order.objects.count() == 1
