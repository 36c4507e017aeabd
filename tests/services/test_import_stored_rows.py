"""Rows that say just what is stored are left alone, without a look at each cell; all others are judged as ever."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Agent, Event, Listing
from campaigns.services.catalogue import ImportResult, Kind
from campaigns.services.catalogue.checking import Column
from tests.factories import make_branch
from tests.services.catalogue_files import import_lines, said

pytestmark = pytest.mark.django_db

HEADER = "external_id,branch,agent,title,price,url,active"
ROWS = tuple(f"L{n},B1,,House {n},{n}000.00,https://portal.example/{n},yes" for n in range(1, 4))


@pytest.fixture(autouse=True)
def _imported() -> None:
    make_branch(external_id="B1")
    assert import_lines(Kind.LISTINGS, HEADER, *ROWS) == ImportResult(created=3)


def test_no_cell_is_judged_again_and_no_row_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Column, "take", lambda *_: pytest.fail("a cell was judged"))

    with CaptureQueriesContext(connection) as queries:
        assert import_lines(Kind.LISTINGS, HEADER, *ROWS) == ImportResult(unchanged=3)
    assert not [query for query in queries.captured_queries if "FOR UPDATE" in query["sql"]]
    assert Event.objects.count() == 3


def test_an_amount_without_its_cents_and_other_words_for_yes_say_the_same() -> None:
    rows = ("L1,B1,,House 1,1000,https://portal.example/1,yes", "L2,B1,, House 2 ,2000.0,https://portal.example/2,TRUE")
    assert import_lines(Kind.LISTINGS, HEADER, *rows) == ImportResult(unchanged=2)


def test_a_row_that_differs_in_one_cell_is_changed_and_told_alone() -> None:
    rows = (ROWS[0], ROWS[1].replace("House 2", "Home 2"), ROWS[2])
    assert import_lines(Kind.LISTINGS, HEADER, *rows) == ImportResult(changed=1, unchanged=2)
    assert list(Listing.objects.order_by("external_id").values_list("title", flat=True)) == [
        "House 1",
        "Home 2",
        "House 3",
    ]
    assert [event.data for event in Event.objects.filter(kind="listing.changed")] == [{"title": ["House 2", "Home 2"]}]


def test_a_stored_row_that_stands_twice_is_told_in_both_places() -> None:
    assert said(import_lines(Kind.LISTINGS, HEADER, ROWS[0], ROWS[0])) == [
        (2, "external_id", "“L1” stands in line 3 again. Keep one of the two rows."),
        (3, "external_id", "“L1” stands in line 2 already. Keep one of the two rows."),
    ]


def test_an_error_beside_stored_rows_is_told_and_nothing_is_written() -> None:
    result = import_lines(Kind.LISTINGS, HEADER, *ROWS, "L4,B1,,House 4,much,https://portal.example/4,yes")
    assert [(line, column) for line, column, _ in said(result)] == [(5, "price")]
    assert Listing.objects.count() == 3


def test_a_listing_whose_agent_has_moved_is_judged_although_it_is_stored_so() -> None:
    far = make_branch(external_id="B2")
    header = "external_id,branch,agent,title,price,url"
    import_lines(Kind.AGENTS, "external_id,branch,name,email", "A1,B1,Thandi,t@agency.example")
    row = "L9,B1,A1,House,10.00,https://portal.example/9"
    import_lines(Kind.LISTINGS, header, row)
    Agent.objects.update(branch=far)

    assert [(line, column) for line, column, _ in said(import_lines(Kind.LISTINGS, header, row))] == [(2, "agent")]


@pytest.mark.parametrize(
    "address", ["https://portal.example/a b", "https://portal .example/1", "portal.example/1", "ftp:/x/1"]
)
def test_a_wrong_web_address_is_refused_whatever_site_is_known(address: str) -> None:
    result = import_lines(Kind.LISTINGS, HEADER, f"L8,B1,,House,10,{address},yes")
    assert [(line, column) for line, column, _ in said(result)] == [(2, "url")]
