"""Whatever stands in the database, no page shows it as markup, turned around, or without end."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client

from campaigns.admin import outside
from campaigns.domain.texts import is_hidden
from campaigns.models import (
    Agent,
    Attempt,
    Batch,
    BatchRow,
    Branch,
    Campaign,
    Command,
    Event,
    ImportFile,
    Listing,
    Order,
    Plan,
    SavedView,
    Settlement,
)
from campaigns.services.spreadsheets import LONGEST
from tests import factories
from tests.admin import building
from tests.admin.other_branch import (
    MARK,
    OtherBranch,
    autocompletes,
    make_other_branch,
    pages_of_a_row,
    pages_of_no_row,
)

pytestmark = pytest.mark.django_db

SCRIPT = f"<script>{MARK}()</script>"
NASTY = f"{SCRIPT}\u202e\u2066\x07\x1b{'y' * 100_000}"
# Ids, codes and addresses of our own making, which nobody can write freely.
CODES = {
    *("external_id", "ref", "order_ref", "currency", "time_zone", "kind", "deed", "token", "list_name", "poll_mark"),
    *("payload", "payload_sha256", "previous_sha256", "subject", "why"),
}
FREE: list[type[models.Model]] = [
    *(Branch, Agent, Listing, Plan, Order, Attempt, Campaign, Command, Event, Batch, BatchRow, Settlement),
    *(SavedView, ImportFile),
]
IN_A_FORM = re.compile(r"<textarea.*?</textarea>|<input[^>]*>", re.DOTALL)


def texts_of(model: type[models.Model]) -> Iterator[Any]:
    for field in model._meta.concrete_fields:
        if isinstance(field, models.CharField | models.TextField) and not field.choices and field.name not in CODES:
            yield field


def spoil(model: type[models.Model]) -> None:
    """Write the text into each field of each row, past every guard."""
    for field in texts_of(model):
        for pk in list(model._default_manager.values_list("pk", flat=True)):
            text = f"{pk}{NASTY}"[: field.max_length]
            model._default_manager.filter(pk=pk).update(**{field.name: text})


def spoil_file(kind: str) -> None:
    rows = f'external_id,branch,agent,title,price,url\nL-7,other-1,,"{NASTY}",{SCRIPT},https://example.com/\u202e\n'
    ImportFile.objects.filter(kind=kind).update(content=rows.encode())


@pytest.fixture
def other(unguarded: None) -> OtherBranch:
    found = make_other_branch()
    order = found.row(Order)
    Event.objects.create(
        order=order,
        at=order.created_at,
        kind="order.dry_run",
        text=NASTY,
        data={"text": NASTY, "ok": False},
        actor_kind="flow",
        previous_sha256="0" * 64,
    )
    found.rows[Event] = list(Event.objects.all())
    found.rows[Plan] = list(Plan.objects.all())
    return found


@pytest.fixture
def client() -> Client:
    return building.client_of(User.objects.create_superuser("root", first_name="Root"))


def harm(text: str) -> list[str]:
    """Return what a page must not have."""
    found = sorted({f"U+{ord(letter):04X}" for letter in text if is_hidden(letter) and letter not in "\n\r\t"})
    if SCRIPT in text:
        found.append("a script")
    if "y" * (outside.LONGEST + 1) in IN_A_FORM.sub("", text):
        found.append("a text without end")
    return found


def test_no_page_shows_what_was_written_behind_the_console_s_back(other: OtherBranch, client: Client) -> None:
    for model in FREE:
        spoil(model)
    spoil_file("listings")
    found, seen = {}, 0
    for page in [*pages_of_no_row(), *pages_of_a_row(other.rows)]:
        answer = client.get(page)
        if answer.status_code == 200 and not answer.streaming:
            html = answer.content.decode()
            seen += MARK in html
            kind = answer.headers["Content-Type"].partition(";")[0]
            # In a file a script is a text like any other, and a cell may hold more than a page shows.
            harmless = {"a script", "a text without end"} if kind == "text/csv" else set()
            if set(harm(html)) - harmless:
                found[page] = harm(html)
    assert found == {}
    assert seen > 30


def test_no_answer_to_a_choice_by_typing_does_either(other: OtherBranch, client: Client) -> None:
    for model in (Branch, Agent, Listing, Plan):
        spoil(model)
    texts = [
        row["text"]
        for page in autocompletes(other)
        if (answer := client.get(page)).status_code == 200
        for row in json.loads(answer.content)["results"]
    ]
    assert any(MARK in text for text in texts)
    assert [text for text in texts if any(map(is_hidden, text))] == []


@pytest.mark.parametrize("model", [Branch, Agent, Listing, Plan, Order, Campaign, Command])
@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_no_exported_file_does_either(other: OtherBranch, client: Client, model: type[Any], file_format: str) -> None:
    spoil(model)
    page = f"/admin/campaigns/{model._meta.model_name}/export/"
    answer = client.post(page, {"format": file_format, "query": ""})
    content = answer.getvalue()
    assert answer.status_code == 200
    if file_format == "csv":
        text = content.decode("utf-8-sig")
        assert [letter for letter in text if is_hidden(letter) and letter not in "\n\r\t"] == []
        assert "y" * (LONGEST + 1) not in text


def test_what_is_typed_stays_whole_in_its_field() -> None:
    text = "y" * (outside.LONGEST + 10)
    html = f'<textarea name="reason">{text}</textarea><input value="{text}"><p title="{text}">{text}&lt;</p>'
    shown = outside.page(html)
    assert f'<textarea name="reason">{text}</textarea><input value="{text}">' in shown
    cut = f"{'y' * outside.LONGEST}…"
    assert f'<p title="{cut}">{cut}</p>' in shown


def test_a_sign_is_not_cut_in_half() -> None:
    text = f"{'y' * (outside.LONGEST - 2)}&lt;script&gt;"
    assert outside.page(f"<p>{text}</p>") == f"<p>{'y' * (outside.LONGEST - 2)}…</p>"


def test_an_old_name_with_a_hidden_letter_is_mended_by_saving_it(client: Client) -> None:
    branch = factories.make_branch()
    Branch.objects.filter(pk=branch.pk).update(name="Sea\u202ePoint")
    page = f"/admin/campaigns/branch/{branch.pk}/change/"
    html = client.get(page).content.decode()
    began = re.search(r'name="began" value="([^"]*)"', html)
    assert began
    assert 'value="SeaPoint"' in html
    written = {"external_id": branch.external_id, "name": "SeaPoint", "time_zone": branch.time_zone, "active": "on"}
    written["began"] = began[1].replace("&quot;", '"')
    assert client.post(page, written).status_code == 302
    assert Branch.objects.get(pk=branch.pk).name == "SeaPoint"
