"""Files with something wrong in a header or a cell: everything is told, nothing is written."""

import pytest

from campaigns.models import Agent, Branch, Event, Listing, Plan
from campaigns.services.catalogue import Kind
from tests.factories import make_agent, make_branch
from tests.services.catalogue_files import import_lines, said

pytestmark = pytest.mark.django_db

BRANCHES = "external_id,name,time_zone,monthly_budget,approval_threshold,active"
BRANCH = {"external_id": "B1", "name": "Sandton"}
PLANS = "ref,name,default_budget,duration_days,currency,objective,channels,max_listings,active"
PLAN = {"ref": "P1", "name": "Plan", "default_budget": "1500", "duration_days": "14"}
AGENTS = "external_id,branch,name,email,active"
AGENT = {"external_id": "A1", "branch": "B1", "name": "Thandi", "email": "t@agency.example"}
LISTINGS = "external_id,branch,agent,title,price,url,address,status,image_url,active"
LISTING = {"external_id": "L1", "branch": "B1", "title": "House", "price": "1", "url": "https://portal.example/1"}
GOOD = {
    Kind.BRANCHES: (BRANCHES, BRANCH),
    Kind.PLANS: (PLANS, PLAN),
    Kind.AGENTS: (AGENTS, AGENT),
    Kind.LISTINGS: (LISTINGS, LISTING),
}

IANA = "Write its IANA name, such as Africa/Johannesburg."
TURNS = "The text has an invisible sign (U+202E) that would turn text around. Remove it."
DIGITS = "Write digits and a point, such as 2928.00."
WHOLE = "is not a web address. Write it whole, such as https://portal.example/1."
ID = "An id has letters, digits and signs of plain ASCII only, without spaces. Copy it from Flow exactly as it stands there."


@pytest.mark.parametrize(
    ("kind", "column", "cell", "message"),
    [
        (Kind.BRANCHES, "external_id", "B 1", ID),
        (Kind.BRANCHES, "external_id", "Bé1", ID),
        (Kind.BRANCHES, "external_id", "B\u200b1", ID),
        (Kind.BRANCHES, "external_id", "", "The cell is empty. Fill it in."),
        (Kind.BRANCHES, "name", "x" * 300, "The cell has 300 characters, and at most 200 fit. Shorten it."),
        (Kind.BRANCHES, "name", "San\0dton", "The text has an invisible control character (U+0000). Type it again without."),
        (Kind.BRANCHES, "name", "San\u202edton", TURNS),
        (Kind.LISTINGS, "title", "Ho\u2066use", TURNS.replace("202E", "2066")),
        (Kind.LISTINGS, "url", "https://portal.example/\u202e1", TURNS),
        (Kind.AGENTS, "email", "t@agency\u202e.example", TURNS),
        (Kind.BRANCHES, "time_zone", "Joburg", "“Joburg” is not a time zone. " + IANA),
        (Kind.BRANCHES, "time_zone", "../etc/passwd", "“../etc/passwd” is not a time zone. " + IANA),
        (Kind.BRANCHES, "monthly_budget", "-1", "An amount can't be negative. Write 0 or more."),
        (Kind.BRANCHES, "monthly_budget", "1.999", "1.999 has more than two decimals. Round it to cents."),
        (Kind.BRANCHES, "monthly_budget", "NaN", "“NaN” is not an amount. " + DIGITS),
        (Kind.BRANCHES, "monthly_budget", "1e5", "“1e5” is not an amount. " + DIGITS),
        (Kind.BRANCHES, "monthly_budget", "R 1 500", "“R 1 500” is not an amount. " + DIGITS),
        (Kind.PLANS, "default_budget", "99999999999", "99,999,999,999 is too large. The largest amount is 9,999,999,999.99."),
        (Kind.BRANCHES, "monthly_budget", "9" * 5000, "The cell has 5,000 characters, and at most 100 fit. Shorten it."),
        (Kind.BRANCHES, "active", "perhaps", "“perhaps” is neither yes nor no. Write yes or no."),
        (Kind.PLANS, "duration_days", "14.5", "“14.5” is not a whole number. Write digits only, such as 14."),
        (Kind.PLANS, "duration_days", "-3", "“-3” is not a whole number. Write digits only, such as 14."),
        (Kind.PLANS, "duration_days", "0", "Ensure this value is greater than or equal to 1."),
        (Kind.PLANS, "currency", "rand", "The cell has 4 characters, and at most 3 fit. Shorten it."),
        (Kind.PLANS, "currency", "zar", "Write the currency as three capital letters, such as ZAR."),
        (Kind.AGENTS, "email", "thandi", "“thandi” is not an email address. Write one such as name@agency.example."),
        (Kind.AGENTS, "branch", "B9", "There is no branch with the external id “B9”. Correct it, or import that branch first."),
        (Kind.AGENTS, "branch", "", "The cell is empty. Fill it in."),
        (Kind.LISTINGS, "agent", "A9", "There is no agent with the external id “A9”. Correct it, or import that agent first."),
        (Kind.LISTINGS, "agent", "elsewhere", "This agent works at another branch. Choose an agent of the listing's branch."),
        (Kind.LISTINGS, "url", "portal.example/1", "“portal.example/1” " + WHOLE),
        (Kind.LISTINGS, "url", "javascript:alert(1)", "“javascript:alert(1)” " + WHOLE),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_told_by_line_and_column(kind: Kind, column: str, cell: str, message: str) -> None:
    make_branch(external_id="B1" if kind in (Kind.AGENTS, Kind.LISTINGS) else "other")
    make_agent(external_id="elsewhere")
    before = [model.objects.count() for model in (Branch, Agent, Plan, Listing)]
    header, row = GOOD[kind]
    wrong = row | {column: cell}

    result = import_lines(kind, header, ",".join(wrong.get(name, "") for name in header.split(",")))

    assert said(result) == [(2, column, message)]
    assert [model.objects.count() for model in (Branch, Agent, Plan, Listing)] == before
    assert not Event.objects.exists()


def test_all_errors_of_all_rows_are_told_in_the_order_of_the_file_and_the_good_rows_are_not_written() -> None:
    make_branch(external_id="B1")

    result = import_lines(
        Kind.AGENTS,
        AGENTS,
        "A1,B1,Thandi,t@agency.example,yes",
        "A 2,B9,,nobody,maybe",
        "A3,B1,Pieter,p@agency.example,yes",
        "A4,B8,Aisha,a@agency.example,yes",
    )

    assert [(line, column) for line, column, _ in said(result)] == [
        (3, "external_id"),
        (3, "branch"),
        (3, "name"),
        (3, "email"),
        (3, "active"),
        (5, "branch"),
    ]
    assert not Agent.objects.exists()


def test_an_id_that_stands_twice_is_told_where_it_stands_again() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name", "B1,Sandton", "B2,Menlyn", "B1,Rosebank")

    assert said(result) == [
        (2, "external_id", "“B1” stands in line 4 again. Keep one of the two rows."),
        (4, "external_id", "“B1” stands in line 2 already. Keep one of the two rows."),
    ]
    assert not Branch.objects.exists()


def test_an_unknown_header_is_refused_with_a_guess() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,name,aktive", "B1,Sandton,yes")

    known = "external_id, name, time_zone, monthly_budget, approval_threshold, active"
    message = f"The column is not known. Did you mean active? Rename or delete it; known are: {known}."
    assert said(result) == [(1, "aktive", message)]
    assert not Branch.objects.exists()


def test_a_missing_header_a_repeated_one_and_an_empty_one_are_told_together() -> None:
    result = import_lines(Kind.BRANCHES, "external_id,,active,active", "B1,Sandton,yes,no")

    assert said(result) == [
        (1, "number 2", "The column has no header. Name it, or delete the column."),
        (1, "active", "The column stands twice. Delete one of the two."),
        (1, "name", "The column is missing. Add it; needed are: external_id, name."),
    ]


def test_headers_may_be_written_with_capitals_and_spaces_around_them() -> None:
    assert import_lines(Kind.BRANCHES, " External_ID ,NAME,,", "B1,Sandton,,").created == 1


def test_spaces_around_a_cell_are_no_part_of_it_and_line_breaks_become_spaces() -> None:
    import_lines(Kind.BRANCHES, "external_id,name", '  B1 ," Sandton', ' and surroundings "')

    assert Branch.objects.values_list("external_id", "name").get() == ("B1", "Sandton and surroundings")
