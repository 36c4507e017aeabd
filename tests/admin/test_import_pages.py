"""The pages of an import: upload, look, confirm, and the rows to mend."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from campaigns.models import Agent, Branch, ImportFile, Order
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db

AGENTS = "/admin/campaigns/agent/import/"
HEADER = "external_id,branch,name,email"
LISTS = {"branch": "branches", "agent": "agents", "listing": "listings", "plan": "plans", "order": "orders"}


@pytest.fixture
def branch() -> Branch:
    return factories.make_branch(external_id="B1")


@pytest.fixture
def naledi(branch: Branch) -> User:
    return factories.make_user("naledi", "view_agent", "add_agent", "change_agent", branches=[branch])


@pytest.fixture
def client(naledi: User) -> Client:
    return building.client_of(naledi)


def upload(client: Client, *lines: str, page: str = AGENTS, **options: Any) -> Any:
    file = SimpleUploadedFile("agents.csv", "\n".join(lines).encode())
    return client.post(page, {"file": file}, **options)


def previewed(client: Client, *lines: str) -> tuple[str, str, str]:
    """Upload a file; return the address of its preview, the page and its fingerprint."""
    address = upload(client, *lines).headers["Location"]
    answer = client.get(address)
    return address, answer.content.decode(), answer.context["fingerprint"]


def test_a_file_is_uploaded_looked_at_and_confirmed(client: Client, branch: Branch) -> None:
    factories.make_agent(branch, external_id="A1", name="<b>Thandi</b>", email="t@agency.example")
    page, html, seen = previewed(
        client, HEADER, "A1,B1,<i>Thandiwe</i>,t@agency.example", "A2,B1,Piet,p@agency.example"
    )
    assert "&lt;b&gt;Thandi&lt;/b&gt;</del> → <ins>&lt;i&gt;Thandiwe&lt;/i&gt;</ins>" in html
    assert "Import 2 rows" in html
    assert "<i>Thandiwe" not in html
    assert Agent.objects.count() == 1

    answer = client.post(page, {"fingerprint": seen, "good_only": "0"}, follow=True)

    assert "Imported agents.csv: 1 new, 1 changed." in answer.content.decode()
    assert sorted(Agent.objects.values_list("name", flat=True)) == ["<i>Thandiwe</i>", "Piet"]
    assert "is not kept any more" in client.get(page, follow=True).content.decode()


def test_wrong_rows_are_told_counted_and_downloaded_and_the_good_ones_imported(client: Client) -> None:
    page, html, seen = previewed(client, HEADER, "A1,B1,Thandi,t@agency.example", "A2,B1,=Piet,nobody")
    assert "Import the 1 good row<" in html
    assert "“nobody” is not an email address." in html
    counts = {tab["name"]: tab["count"] for tab in client.get(page).context["tabs"]}
    assert counts == {"All rows": 2, "Wrong": 1, "New": 1, "Changed": 0, "Unchanged": 0}
    rejected: Any = client.get(f"{page}rejected/")
    lines = b"".join(rejected.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == '"external_id","branch","name","email","problem"'
    assert lines[1].startswith('"A2","B1","\'=Piet","nobody","Line 3: email: ')

    refused = client.post(page, {"fingerprint": seen, "good_only": "0"}, follow=True)
    assert "The file has errors. Nothing was imported." in refused.content.decode()
    assert not Agent.objects.exists()
    assert "download the wrong rows first" in " ".join(html.split())
    done = client.post(page, {"fingerprint": seen, "good_only": "1"}, follow=True)
    assert "Imported agents.csv: 1 new, 0 changed, 1 wrong row left out." in done.content.decode()
    assert Agent.objects.get().external_id == "A1"
    gone: Any = client.get(f"{page}rejected/", follow=True)
    assert "This file is not kept any more" in gone.content.decode()


def test_where_no_row_can_be_imported_nobody_is_told_to_import_the_good_ones(client: Client) -> None:
    html = " ".join(previewed(client, HEADER, "A2,B1,Piet,nobody")[1].split())
    assert "No row can be imported." in html
    assert "Mend the wrong rows in your file" in html
    assert "import the good ones" not in html


def test_what_changed_meanwhile_is_shown_again(client: Client, branch: Branch) -> None:
    agent = factories.make_agent(branch, external_id="A1", name="Thandi", email="t@agency.example")
    page, _, seen = previewed(client, HEADER, "A1,B1,Thandiwe,t@agency.example")
    Agent.objects.filter(pk=agent.pk).update(name="Thandeka")
    answer = client.post(page, {"fingerprint": seen, "good_only": "0"}, follow=True)
    assert "Nothing was imported. Look at it again." in answer.content.decode()
    assert "Thandeka</del>" in answer.content.decode()
    assert Agent.objects.get().name == "Thandeka"


def test_many_rows_come_page_by_page_and_by_verdict(client: Client) -> None:
    rows = [f"A{number},B1,Name,{'nobody' if number % 2 else 'a@agency.example'}" for number in range(250)]
    page, _, _ = previewed(client, HEADER, *rows)
    assert client.get(page).context["page"].paginator.num_pages == 3
    wrong = client.get(f"{page}?show=wrong&page=2").context
    assert (wrong["page"].paginator.count, len(wrong["table"]["rows"])) == (125, 25)
    assert client.get(f"{page}?show=nonsense&page=x").status_code == 200


def test_a_preview_takes_as_many_queries_for_200_rows_as_for_2(client: Client) -> None:
    counts = []
    for number in (2, 200):
        page, _, _ = previewed(client, HEADER, *(f"A{each},B1,Name,a@agency.example" for each in range(number)))
        with CaptureQueriesContext(connection) as captured:
            client.get(page)
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"name\nx", "The column is missing."),
        (b"\xff\xfea", "The file is written in UTF-16"),
        (b"PK\x03\x04nonsense", "The file is no Excel workbook (.xlsx), or is damaged."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(client: Client, content: bytes, words: str) -> None:
    answer = client.post(AGENTS, {"file": SimpleUploadedFile("a.csv", content)}, follow=True)
    assert words in answer.content.decode()
    assert 'name="fingerprint"' not in answer.content.decode()


def test_a_missing_file_is_asked_for(client: Client) -> None:
    assert "Choose a file." in client.post(AGENTS, {}).content.decode()
    assert not ImportFile.objects.exists()


def test_nobody_else_sees_or_confirms_the_file(client: Client, branch: Branch) -> None:
    page, _, seen = previewed(client, HEADER, "A1,B1,Thandi,t@agency.example")
    other = building.client_of(factories.make_user("thabo", "add_agent", "change_agent", branches=[branch]))
    for answer in (
        other.get(page),
        other.get(f"{page}rejected/"),
        other.post(page, {"fingerprint": seen, "good_only": "1"}),
    ):
        assert answer.headers["Location"] == AGENTS
    assert not Agent.objects.exists()
    assert ImportFile.objects.exists()


def test_looking_at_a_file_changes_nothing(client: Client) -> None:
    page, _, seen = previewed(client, HEADER, "A1,B1,Thandi,t@agency.example")
    client.get(f"{page}?fingerprint={seen}&good_only=1")
    assert not Agent.objects.exists()


def test_a_form_from_elsewhere_imports_nothing(client: Client, naledi: User) -> None:
    page, _, seen = previewed(client, HEADER, "A1,B1,Thandi,t@agency.example")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(naledi)
    assert strict.post(page, {"fingerprint": seen, "good_only": "0"}).status_code == 403
    assert upload(strict, HEADER).status_code == 403
    assert not Agent.objects.exists()


@pytest.mark.parametrize("name", LISTS)
def test_whoever_may_not_import_gets_no_page_and_no_button(name: str) -> None:
    client = building.client_of(factories.make_user("reader", f"view_{name}"))
    page = f"/admin/campaigns/{name}/import/"
    for address in (page, f"{page}template/", f"{page}1/", f"{page}1/rejected/"):
        assert client.get(address).status_code == 403
    assert upload(client, "external_id", page=page).status_code == 403
    assert "Import…" not in client.get(f"/admin/campaigns/{name}/").content.decode()
    assert not ImportFile.objects.exists()


@pytest.mark.parametrize(("name", "kind"), LISTS.items())
def test_each_kind_has_a_template_whose_first_sheet_can_be_imported(name: str, kind: str) -> None:
    client = building.client_of(User.objects.create_superuser("boss", password="x"))
    page = f"/admin/campaigns/{name}/import/"
    assert "What the file holds" in client.get(page).content.decode()
    answer: Any = client.get(f"{page}template/")
    content = b"".join(answer.streaming_content)
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == [kind.capitalize(), "Help"]
    columns = [cell.value for cell in book.worksheets[0][1]]
    assert [row[0].value for row in list(book.worksheets[1].rows)[1:]] == columns
    shown = client.post(page, {"file": SimpleUploadedFile("a.xlsx", content)}, follow=True).content.decode()
    assert "Below the headers there are no rows." in shown


def test_orders_come_in_as_drafts() -> None:
    branch = factories.make_branch(external_id="B1")
    listing, plan = factories.make_listing(branch), factories.make_plan()
    client = building.client_of(building.author())
    page = "/admin/campaigns/order/import/"
    row = f"R-1,{plan.ref},B1,{listing.external_id}"
    preview = upload(client, "order_ref,plan,branch,listings", row, page=page).headers["Location"]
    seen = client.get(preview).context["fingerprint"]
    building.draft()
    answer = client.post(preview, {"fingerprint": seen, "good_only": "0"}, follow=True)
    assert Order.objects.get(order_ref="R-1").state == "draft"
    assert building.names(answer.context["cl"].result_list) == ["R-1"]
    assert [chip.name for chip in answer.context["cl"].chips] == ["Created by", "Created at"]
