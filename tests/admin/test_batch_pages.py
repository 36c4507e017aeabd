"""The pages of batches: progress, result, file, second try, and who sees them."""

import csv
import io
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns import tasks
from campaigns.admin import batches as batch_pages
from campaigns.models import Batch, BatchRow
from campaigns.services.spreadsheets import guarded
from tests import factories
from tests.admin import building
from tests.services import batching
from tests.services.building import Clock

pytestmark = pytest.mark.django_db
LIST = "/admin/campaigns/batch/"


def page(batch: Batch, name: str = "change") -> str:
    return reverse(f"admin:campaigns_batch_{name}", args=[batch.pk])


def start(name: str, *rows: Any, user: User, reason: str = "") -> Batch:
    return batching.start(name, *rows, user=user, reason=reason, now=timezone.now())


def run(batch: Batch) -> None:
    batching.run(batch, clock=Clock(timezone.now()))


@pytest.fixture
def batch() -> Batch:
    """A batch of the author: one draft to publish, one order that is queued already."""
    return start("publish", building.draft(), building.queued(), user=building.author())


@pytest.fixture
def client() -> Client:
    return building.client_of(building.author())


def test_a_batch_that_runs_shows_its_progress_and_where_to_ask_for_more(client: Client, batch: Batch) -> None:
    html = client.get(page(batch)).content.decode()
    assert f'max="2" value="1" data-url="{page(batch, "progress")}"' in html
    assert "1 of 2 rows: 0 done, 1 skipped, 0 failed." in html
    assert "Load this page again" in html
    assert "<script>" not in html.split("<main", 1)[-1]


def test_progress_is_told_to_the_script(client: Client, batch: Batch) -> None:
    assert client.get(page(batch, "progress")).json() == {
        "finished": 1,
        "words": "1 of 2 rows: 0 done, 1 skipped, 0 failed.",
        "ended": False,
    }
    run(batch)
    assert client.get(page(batch, "progress")).json() == {
        "finished": 2,
        "words": "Ended: 1 done, 1 skipped, 0 failed.",
        "ended": True,
    }


def test_the_result_names_each_row_with_its_reason_and_can_be_narrowed(client: Client, batch: Batch) -> None:
    run(batch)
    answer = client.get(page(batch))
    assert len(answer.context["table"]["rows"]) == 2
    assert "State: queued" in answer.content.decode()
    assert "data-url" not in answer.content.decode()
    narrowed = client.get(f"{page(batch)}?state=skipped")
    assert [row.state for row in narrowed.context["page"]] == ["skipped"]
    assert len(client.get(f"{page(batch)}?state=nonsense&page=99").context["page"]) == 2


def test_looking_changes_nothing(client: Client, batch: Batch) -> None:
    for name in ("change", "progress"):
        client.get(page(batch, name))
    assert [state for state, _ in batching.results(batch)] == ["waiting", "skipped"]
    assert client.post(page(batch), {"deed": "cancel"}).status_code == 403


@pytest.mark.parametrize("name", ["change", "progress", "csv"])
def test_others_do_not_see_a_batch_but_those_who_work_everywhere_do(batch: Batch, name: str) -> None:
    home = batch.rows.earliest("pk").subject.branch
    colleague = factories.make_user("colleague", "view_order", "export_lists", branches=[home])
    boss = factories.make_user("boss", "view_order", "export_lists")
    assert building.client_of(colleague).get(page(batch, name)).status_code == 404
    assert building.client_of(boss).get(page(batch, name)).status_code == 200
    assert building.names(building.client_of(colleague).get(LIST).context["cl"].result_list) == []
    assert building.names(building.client_of(boss).get(LIST).context["cl"].result_list) == [str(batch)]


def test_somebody_else_cannot_try_a_batch_again(batch: Batch) -> None:
    fail(batch)
    home = batch.rows.earliest("pk").subject.branch
    colleague = building.client_of(factories.make_user("colleague", *building.ORDER_STAFF, branches=[home]))
    assert colleague.get(again(batch)).status_code == 404
    assert (
        colleague.post(again(batch), {"deed": "publish", "rows": "1:1:1:ZAR:1", "again_of": batch.pk}).status_code
        == 404
    )
    assert Batch.objects.count() == 1


def test_rows_of_a_branch_that_was_left_are_not_shown_any_more() -> None:
    home, away = factories.make_branch(), factories.make_branch()
    clerk = factories.make_user("clerk", *building.ORDER_STAFF, "export_lists", branches=[home, away])
    kept, lost = building.draft(branch=home), building.draft(branch=away)
    batch = start("publish", kept, lost, user=clerk)
    run(batch)
    away.staff.remove(clerk)
    client = building.client_of(clerk)
    for name in ("change", "csv"):
        text = client.get(page(batch, name)).content.decode()
        assert kept.order_ref in text
        assert lost.order_ref not in text
    assert "Rows of branches that you do not work for are not shown." in client.get(page(batch)).content.decode()


def fail(batch: Batch) -> None:
    """Let the batch end with all rows that waited failed by a fault of the console."""
    waiting = BatchRow.objects.filter(batch=batch, state="waiting")
    failed = waiting.update(state="failed", why="Fault of the console", words="Nothing was done.")
    Batch.objects.filter(pk=batch.pk).update(failed=failed, ended_at=timezone.now())


def again(batch: Batch) -> str:
    """Return the address that the button leads to."""
    return batch_pages.again_url(batch)


def hidden(answer: Any) -> dict[str, str]:
    return {field.name: str(field.value()) for field in answer.context["form"] if field.is_hidden}


def test_the_failed_rows_are_looked_at_with_their_money_before_they_are_tried_again(
    client: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(tasks, "nudge_batch", told.append)
    fail(batch)
    assert f'href="{again(batch).replace("&", "&amp;")}"' in client.get(page(batch)).content.decode()
    seen = client.get(again(batch))
    text = " ".join(re.sub(r"<[^>]+>", " ", seen.content.decode()).split())
    assert f"These are the rows that failed in {batch}, as they are now." in text
    assert "1 will be done 1 × Submitted and published at once 1,500.00 ZAR may be spent." in text
    assert seen.context["doing"] == "Publish 1 order, 1,500.00 ZAR"
    assert seen.context["list_url"] == page(batch)
    assert (told, Batch.objects.count()) == ([], 1)

    answer = client.post(again(batch), hidden(seen))
    second = Batch.objects.get(again_of=batch)
    assert answer.headers["Location"] == page(second)
    assert (told, second.total, batching.results(second)) == ([second.pk], 1, [("waiting", "")])
    html = client.get(page(batch)).content.decode()
    assert "Try the failed ones again" not in html
    assert page(second) in html


def failed_twice_to_cancel() -> Batch:
    batch = start("cancel", building.draft(), building.draft(), user=building.author(), reason="Sold.")
    fail(batch)
    return batch


def test_trying_again_asks_for_the_reason_where_the_deed_needs_one(client: Client) -> None:
    batch = failed_twice_to_cancel()
    seen = client.get(again(batch))
    assert seen.context["form"]["reason"].value() == "Sold."
    refused = client.post(again(batch), {**hidden(seen), "reason": " "})
    assert "Say why: it stays in the history" in refused.content.decode()
    client.post(again(batch), {**hidden(seen), "reason": "Sold, and paid."})
    assert Batch.objects.get(again_of=batch).reason == "Sold, and paid."


def test_the_same_page_sent_twice_is_one_batch_and_another_page_is_refused(client: Client) -> None:
    batch = failed_twice_to_cancel()
    seen, other = client.get(again(batch)), client.get(again(batch))
    first, twice = (client.post(again(batch), {**hidden(seen), "reason": "Sold."}) for _ in range(2))
    second = Batch.objects.get(again_of=batch)
    assert first.headers["Location"] == twice.headers["Location"] == page(second)
    late = client.post(again(batch), {**hidden(other), "reason": "Sold."})
    told = f"The failed rows of {batch} are tried again already, by {second}. Nothing was done."
    assert (late.status_code, told in late.content.decode()) == (409, True)
    assert told in client.get(again(batch), follow=True).content.decode()
    assert Batch.objects.count() == 2


def test_only_rows_that_failed_are_tried_again(client: Client) -> None:
    batch, other = failed_twice_to_cancel(), building.draft()
    seen = client.get(again(batch))
    sent = hidden(seen)
    sent["rows"] += f" {other.pk}:{other.version}:1500.00:ZAR:1"
    client.post(again(batch), {**sent, "reason": "Sold."})
    assert Batch.objects.get(again_of=batch).total == 2


def test_rows_that_failed_and_are_not_there_for_the_person_any_more_are_told() -> None:
    home = factories.make_branch()
    clerk = factories.make_user("clerk", *building.ORDER_STAFF, branches=[home])
    batch = start("publish", building.draft(branch=home), user=clerk)
    fail(batch)
    home.staff.remove(clerk)
    answer = building.client_of(clerk).get(again(batch), follow=True)
    assert f"None of the rows that failed in {batch} is there for you. Nothing was done." in answer.content.decode()


def test_trying_again_needs_the_site_s_own_form(batch: Batch) -> None:
    fail(batch)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(building.author())
    assert strict.post(again(batch), hidden(strict.get(again(batch)))).status_code == 403
    assert Batch.objects.count() == 1


def test_where_nothing_failed_trying_again_says_so(client: Client, batch: Batch) -> None:
    run(batch)
    answer = client.get(again(batch), follow=True)
    assert answer.redirect_chain == [(page(batch), 302)]
    assert f"{batch} has no failed rows to try again. Nothing was done." in answer.content.decode()
    assert Batch.objects.count() == 1


def test_the_file_has_a_line_for_each_row(batch: Batch) -> None:
    run(batch)
    client = building.client_of(factories.make_user("boss", "view_order", "export_lists"))
    answer = client.get(page(batch, "csv"))
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    refs = [str(row.order) for row in batch.rows.all()]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="batch-{batch.pk}.csv"'
    assert lines[0][:4] == ["row", "branch", "result", "reason"]
    assert [[line[0], *line[2:4], line[5], line[6], line[7]] for line in lines[1:]] == [
        [refs[0], "Done", "", "1500.00", "ZAR", "Queued"],
        [refs[1], "Skipped", "State: queued", "1500.00", "ZAR", "Queued"],
    ]


def test_the_file_needs_its_permission(client: Client, batch: Batch) -> None:
    run(batch)
    assert client.get(page(batch, "csv")).status_code == 403
    assert page(batch, "csv") not in client.get(page(batch)).content.decode()


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_file_is_a_formula(batch: Batch, sign: str) -> None:
    assert guarded(f"{sign}1+1") == f"'{sign}1+1"
    BatchRow.objects.update(words=f"{sign}cmd|' /C calc'!A0")
    client = building.client_of(factories.make_user("boss", "view_order", "export_lists"))
    lines = list(csv.reader(io.StringIO(client.get(page(batch, "csv")).content.decode("utf-8-sig"), newline="")))
    assert lines[1][4] == f"'{sign}cmd|' /C calc'!A0"


def test_harmless_cells_stay_as_they_are() -> None:
    assert [guarded(text) for text in ("", "ORD-1", "a=b", "1-1")] == ["", "ORD-1", "a=b", "1-1"]


def test_the_menu_leads_to_the_batches(client: Client) -> None:
    html = client.get("/admin/").content.decode()
    assert LIST in html
    assert "My batches" in html
    newcomer = building.client_of(factories.make_user("newcomer"))
    assert LIST not in newcomer.get("/admin/").content.decode()


def test_history_of_a_batch_is_shown_to_who_started_it(batch: Batch) -> None:
    factories.may(building.author(), "view_event")
    home = factories.make_branch()
    clerk = factories.make_user("clerk", *building.ORDER_STAFF, "view_event", branches=[home])
    own = start("publish", building.draft(branch=home), user=clerk)
    seen = building.client_of(clerk).get("/admin/campaigns/event/").context["cl"].queryset
    assert set(seen.filter(subject__startswith="batch:").values_list("subject", flat=True)) == {f"batch:{own.pk}"}


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("of", ["order", "campaign"])
def test_a_page_takes_as_many_queries_for_many_rows_as_for_one(of: str) -> None:
    boss = factories.make_user("boss", *building.EVERYTHING, "export_lists")
    client = building.client_of(boss)
    rows: list[Any] = [building.published(f"queue_{number}") for number in range(8)]
    if of == "campaign":
        rows = [order.campaigns.get() for order in rows]
    few = start("check", rows[0], user=boss)
    many = start("check", *rows, user=boss)
    for batch in (few, many):
        run(batch)
    queries(client, page(few))
    assert queries(client, page(few)) == queries(client, page(many))
    assert queries(client, page(few, "csv")) == queries(client, page(many, "csv"))


def test_the_list_takes_as_many_queries_for_many_batches_as_for_one(client: Client, batch: Batch) -> None:
    queries(client, LIST)
    one = queries(client, LIST)
    fields = {"kind": "order", "deed": "publish", "total": 1, "started_by": batch.started_by}
    Batch.objects.bulk_create(Batch(token=f"{number:032}", started_at=timezone.now(), **fields) for number in range(20))
    assert queries(client, LIST) == one


def test_progress_is_plain_json(client: Client, batch: Batch) -> None:
    answer = client.get(page(batch, "progress"))
    assert answer.headers["Content-Type"] == "application/json"
    assert set(json.loads(answer.content)) == {"finished", "words", "ended"}


def test_a_campaign_that_the_batch_paused_is_said_to_be_pausing_until_flow_confirms_it() -> None:
    boss = factories.make_user("boss", *building.EVERYTHING)
    campaign = building.campaign(phase="live", flow_status="active")
    paused = start("pause", campaign, user=boss, reason="Sold.")
    run(paused)
    (row,) = building.client_of(boss).get(page(paused)).context["table"]["rows"]
    assert re.sub("<[^>]+>", " ", row[4]).split() == ["play_circle", "Live", "pause", "Pausing…"]
