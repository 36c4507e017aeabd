"""Many rows of a list at once: ticks, what will happen, and the start of a batch."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import tasks
from campaigns.admin import bulk
from campaigns.models import Batch, BatchRow, Command, Order
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
ORDERS, ORDER_BATCH = "/admin/campaigns/order/", "/admin/campaigns/order/batch/"
CAMPAIGNS, CAMPAIGN_BATCH = "/admin/campaigns/campaign/", "/admin/campaigns/campaign/batch/"


@pytest.fixture(autouse=True)
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches that workers were told of."""
    told: list[int] = []
    monkeypatch.setattr(tasks, "nudge_batch", told.append)
    return told


@pytest.fixture
def client() -> Client:
    return building.client_of(building.author())


def ask(client: Client, deed: str, *rows: Any, page: str = ORDER_BATCH, **more: str) -> Any:
    return client.get(page, {"deed": deed, "row": [row.pk for row in rows], **more})


def hidden(answer: Any) -> dict[str, str]:
    """Return what the page's form sends along."""
    form = answer.context["form"]
    return {field.name: str(field.value()) for field in form if field.is_hidden}


def send(client: Client, answer: Any, page: str = ORDER_BATCH, **values: str) -> Any:
    return client.post(page, {**hidden(answer), **values})


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_the_list_offers_a_tick_for_each_row_and_the_deeds_that_the_person_may_do(client: Client) -> None:
    order = building.draft()
    html = client.get(ORDERS).content.decode()
    assert f'name="row" value="{order.pk}" aria-label="Select {order}"' in html
    assert [deed.name for deed in client.get(ORDERS).context["bulk_deeds"]] == ["publish", "cancel", "duplicate"]


@pytest.mark.parametrize("page", [ORDERS, CAMPAIGNS])
def test_whoever_may_only_look_has_no_ticks(page: str) -> None:
    building.campaign()
    reader = building.client_of(factories.make_user("reader", "view_order", "view_campaign"))
    html = reader.get(page).content.decode()
    assert 'name="row"' not in html
    assert 'id="bulk"' not in html


def test_the_page_tells_row_by_row_what_will_happen_and_changes_nothing(client: Client) -> None:
    draft, queued = building.draft(), building.queued()
    answer = ask(client, "publish", draft, queued)
    text = words(answer)
    assert "Publish 2 orders" in text
    assert "1 will be done 1 × Submitted and published at once 1,500.00 ZAR may be spent." in text
    assert "1 will be skipped 1 × State: queued" in text
    assert f"Order {queued} is queued: it can&#x27;t submit from there. Nothing was done." in text
    assert (Batch.objects.count(), building.kinds(draft)) == (0, ["order.created"])


def test_a_batch_is_started_and_the_workers_are_told_once(client: Client, nudged: list[int]) -> None:
    rows = [building.draft(), building.draft()]
    answer = send(client, ask(client, "publish", *rows))
    batch = Batch.objects.get()
    assert answer.headers["Location"] == reverse("admin:campaigns_batch_change", args=[batch.pk])
    assert nudged == [batch.pk]
    assert {row.order for row in batch.rows.all()} == set(rows)
    assert [Order.objects.get(pk=row.pk).state for row in rows] == ["draft", "draft"]


def test_the_same_page_sent_twice_starts_one_batch(client: Client) -> None:
    page = ask(client, "publish", building.draft())
    first, second = send(client, page), send(client, page)
    assert first.headers["Location"] == second.headers["Location"]
    assert Batch.objects.count() == 1


def test_a_form_without_the_token_of_this_site_is_refused() -> None:
    author, order = building.author(), building.draft()
    page = ask(building.client_of(author), "publish", order)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(author)
    assert strict.post(ORDER_BATCH, hidden(page)).status_code == 403
    assert not Batch.objects.exists()


def test_all_that_match_means_filters_and_search_within_the_person_s_branches() -> None:
    home, away = factories.make_branch(), factories.make_branch()
    clerk = factories.make_user("clerk", *building.ORDER_STAFF, branches=[home])
    mine = [building.draft(branch=home) for _ in range(2)]
    building.queued(branch=home)
    building.draft(branch=away)
    client = building.client_of(clerk)
    answer = ask(client, "publish", which="all", of="state__exact=draft")
    assert meant(answer) == set(mine)
    answer = ask(client, "publish", which="all", of=f"q={mine[0].order_ref}&p=7")
    assert meant(answer) == {mine[0]}


def meant(answer: Any) -> set[Order]:
    """Return the orders that the page's form names."""
    return set(Order.objects.filter(pk__in=[text.split(":")[0] for text in hidden(answer)["rows"].split()]))


def test_rows_of_another_branch_are_neither_shown_nor_done() -> None:
    home, away = factories.make_branch(), factories.make_branch()
    clerk = building.client_of(factories.make_user("clerk", *building.ORDER_STAFF, branches=[home]))
    mine, foreign = building.draft(branch=home), building.draft(branch=away)
    page = ask(clerk, "publish", mine, foreign)
    assert foreign.order_ref not in page.content.decode()
    rows = f"{mine.pk}:1:1500.00:ZAR:1 {foreign.pk}:1:1500.00:ZAR:1"
    send(clerk, page, rows=rows)
    assert [row.order for row in BatchRow.objects.all()] == [mine]
    assert send(clerk, page, rows=f"{foreign.pk}:1:1500.00:ZAR:1", token="b" * 32).status_code == 302
    assert Batch.objects.count() == 1


def test_more_than_a_batch_takes_is_refused_with_what_to_do(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_ROWS", 1)
    building.draft()
    building.draft()
    answer = client.get(ORDER_BATCH, {"deed": "publish", "which": "all", "of": "state__exact=draft"}, follow=True)
    assert "2 orders match, and one batch takes at most 1. Narrow the filters or the search" in words(answer)
    assert answer.redirect_chain[0][0].startswith(f"{ORDERS}?state__exact=draft")


@pytest.mark.parametrize("of", ["nonsense=1", "state__exact=x&branch__id__exact=99999999999999999999999"])
def test_nonsense_for_filters_is_refused(client: Client, of: str) -> None:
    building.draft()
    answer = client.get(ORDER_BATCH, {"deed": "publish", "which": "all", "of": of})
    assert answer.status_code == 302
    assert not Batch.objects.exists()


@pytest.mark.parametrize("query", [{}, {"deed": "approve"}, {"deed": ""}])
def test_without_a_deed_the_list_comes_back_with_its_ticks_and_filters(client: Client, query: dict[str, str]) -> None:
    one, two = building.draft(), building.draft()
    answer = client.get(ORDER_BATCH, {**query, "row": str(one.pk), "of": "state__exact=draft"}, follow=True)
    assert "Choose what to do with the rows. Nothing was done." in words(answer)
    assert answer.redirect_chain[0][0].startswith(f"{ORDERS}?state__exact=draft")
    html = answer.content.decode()
    assert re.search(rf'value="{one.pk}" aria-label="[^"]+" class="bulk-tick" checked', html)
    assert not re.search(rf'value="{two.pk}" aria-label="[^"]+" class="bulk-tick" checked', html)


def test_without_a_tick_the_list_comes_back_with_the_deed(client: Client) -> None:
    building.draft()
    answer = client.get(ORDER_BATCH, {"deed": "cancel"}, follow=True)
    assert "Tick the rows that you mean, or choose all that match. Nothing was done." in words(answer)
    assert '<option value="cancel" selected>' in answer.content.decode()


def test_a_missing_reason_is_told_beside_the_field_and_the_rows_stay(client: Client) -> None:
    order = building.draft()
    page = ask(client, "cancel", order)
    answer = send(client, page, reason=" ")
    assert answer.status_code == 200
    assert "Say why: it stays in the history" in words(answer)
    assert hidden(answer) == hidden(page)
    assert not Batch.objects.exists()
    assert send(client, answer, reason="Withdrawn.").status_code == 302
    assert Batch.objects.get().reason == "Withdrawn."


def test_rows_that_changed_since_the_page_was_shown_are_told_and_nothing_starts(client: Client) -> None:
    order = building.draft()
    page = ask(client, "publish", order)
    Order.objects.update(version=2)
    answer = send(client, page)
    assert answer.status_code == 409
    assert "None of these rows can be done any more." in words(answer)
    assert "1 × Changed meanwhile" in words(answer)
    assert not Batch.objects.exists()


@pytest.mark.parametrize("rows", ["", "x", "1:2", "1:1:much:ZAR:1", "-1:1:1:ZAR:1", "99999999999999999999:1:1:ZAR:1"])
def test_rows_that_cannot_be_read_start_nothing(client: Client, rows: str) -> None:
    page = ask(client, "publish", building.draft())
    answer = send(client, page, rows=rows)
    assert answer.status_code == 302
    assert not Batch.objects.exists()


@pytest.mark.parametrize("send_it", [False, True])
def test_whoever_may_not_do_the_deed_gets_no_page_of_it(client: Client, send_it: bool) -> None:
    order = building.draft()
    page = ask(client, "publish", order)
    reader = building.client_of(factories.make_user("reader", "view_order"))
    answer = send(reader, page) if send_it else ask(reader, "publish", order)
    assert answer.status_code == 403
    assert not Batch.objects.exists()


def test_whoever_may_not_see_orders_gets_no_page(client: Client) -> None:
    order = building.draft()
    stranger = building.client_of(factories.make_user("stranger", "submit_order"))
    assert ask(stranger, "publish", order).status_code == 403


def test_approving_is_not_offered_in_bulk(client: Client) -> None:
    factories.may(building.author(), "approve_order")
    client = building.client_of(User.objects.get(username="author"))
    order = building.awaiting_approval()
    assert "approve" not in [deed.name for deed in client.get(ORDERS).context["bulk_deeds"]]
    assert ask(client, "approve", order).status_code == 302
    assert Order.objects.get().state == "awaiting_approval"


def test_campaigns_are_commanded_in_a_batch(nudged: list[int]) -> None:
    campaign = building.campaign(phase="live")
    client = building.client_of(factories.make_user("carl", "view_campaign", "command_campaign"))
    assert [deed.name for deed in client.get(CAMPAIGNS).context["bulk_deeds"]] == ["pause", "resume", "cancel", "check"]
    page = ask(client, "pause", campaign, page=CAMPAIGN_BATCH)
    assert "1 × Flow is asked to pause it" in words(page)
    assert send(client, page, CAMPAIGN_BATCH, reason="Sold.").status_code == 302
    assert (len(nudged), Command.objects.count()) == (1, 0)


def test_a_hundred_rows_are_shown_and_the_rest_is_counted(client: Client) -> None:
    order = building.draft()
    made = {"plan": order.plan, "branch": order.branch, "created_by": order.created_by, "created_at": order.created_at}
    Order.objects.bulk_create(Order(order_ref=f"MANY-{number:03}", **made) for number in range(119))
    answer = ask(client, "cancel", which="all")
    assert len(answer.context["table"]["rows"]) == 100
    assert (answer.context["count"], answer.context["rest"]) == (120, 20)
    assert "And 20 more 20 × Cancelled; nothing is published" in words(answer)


def test_the_page_takes_as_many_queries_for_many_rows_as_for_two(client: Client) -> None:
    rows = [building.draft() for _ in range(10)]

    def queries(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ask(client, "publish", *rows[:count]).status_code == 200
        return len(captured)

    queries(2)
    assert queries(2) == queries(10)


def test_hostile_names_are_shown_as_text(client: Client) -> None:
    branch = factories.make_branch(name="<script>alert(1)</script>")
    page = ask(client, "publish", building.draft(branch=branch))
    assert "<script>alert(1)" not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in page.content.decode()
