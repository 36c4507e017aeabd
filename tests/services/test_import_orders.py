"""Importing orders: drafts, matched by their order_ref, made and edited through the doors that people use."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Branch, Order
from campaigns.services import imports, orders
from campaigns.services.catalogue.findings import Verdict
from campaigns.services.errors import Refused, Stale
from campaigns.services.imports import Imported, confirming
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user
from tests.services.building import NOW, kinds, reload
from tests.services.catalogue_files import workbook
from tests.services.import_files import confirmed, errors, kept, seen, verdicts

pytestmark = pytest.mark.django_db

HEADER = "order_ref,plan,branch,agent,listings,start,end,budget_override"


@pytest.fixture(autouse=True)
def branch() -> Branch:
    branch = make_branch(external_id="B1", time_zone="Africa/Johannesburg")
    make_agent(branch, external_id="A1")
    for name in ("L1", "L2"):
        make_listing(branch, external_id=name)
    make_plan(ref="P1")
    return branch


def test_a_new_ref_becomes_a_draft(author: User) -> None:
    file = kept("orders", HEADER, "R-1,P1,B1,A1,L1; L2,2030-03-01 09:00,2030-03-15T07:00Z,2928", user=author)

    findings = seen(file, author)
    assert verdicts(findings) == [(2, "R-1", "new")]
    assert findings.rows[0].changes["start"] == [None, "2030-03-01 09:00:00+02:00"]
    assert confirmed(file, findings, author) == Imported(created=1, changed=0, left_out=0)

    order = Order.objects.get()
    assert (order.order_ref, order.state, order.created_by) == ("R-1", "draft", author)
    assert (order.plan.ref, order.branch.external_id, order.agent and order.agent.external_id) == ("P1", "B1", "A1")
    assert list(order.listings.order_by("external_id").values_list("external_id", flat=True)) == ["L1", "L2"]
    assert order.start_at == datetime(2030, 3, 1, 7, tzinfo=UTC)
    assert order.end_at == datetime(2030, 3, 15, 7, tzinfo=UTC)
    assert order.budget_override == Decimal(2928)
    assert kinds(order) == ["order.created"]


def test_the_same_file_again_changes_nothing_also_where_the_order_is_submitted(author: User) -> None:
    lines = (HEADER, "R-1,P1,B1,,L1|L2,2030-03-01 09:00,,", "R-2,P1,B1,,L2,,,")
    file = kept("orders", *lines, user=author)
    confirmed(file, seen(file, author), author)
    order = Order.objects.get(order_ref="R-1")
    orders.submit(order.pk, order.version, user=author, now=NOW)

    findings = seen(kept("orders", *lines, user=author), author)

    assert verdicts(findings) == [(2, "R-1", "unchanged"), (3, "R-2", "unchanged")]


def test_a_draft_with_other_content_is_edited_and_columns_that_are_left_out_stay(author: User) -> None:
    first = kept("orders", HEADER, "R-1,P1,B1,A1,L1,2030-03-01 09:00,,1000", user=author)
    confirmed(first, seen(first, author), author)
    file = kept("orders", "order_ref,plan,branch,listings", "R-1,P1,B1,L2", user=author)

    findings = seen(file, author)
    assert verdicts(findings) == [(2, "R-1", "changed")]
    assert findings.rows[0].changes == {"listings": [["L1"], ["L2"]]}
    assert confirmed(file, findings, author) == Imported(created=0, changed=1, left_out=0)

    order = Order.objects.get()
    assert list(order.listings.values_list("external_id", flat=True)) == ["L2"]
    assert (order.budget_override, order.version) == (Decimal(1000), 2)
    assert kinds(order) == ["order.created", "order.edited"]


def test_a_submitted_order_with_other_content_is_a_wrong_row(author: User) -> None:
    first = kept("orders", HEADER, "R-1,P1,B1,,L1,,,", user=author)
    confirmed(first, seen(first, author), author)
    order = Order.objects.get()
    orders.submit(order.pk, order.version, user=author, now=NOW)
    before = Order.objects.values().get()

    file = kept("orders", HEADER, "R-1,P1,B1,,L2,,,5", user=author)
    findings = seen(file, author)

    message = (
        "Order R-1 is there already with another listings, budget_override, and it is no draft (queued). Only a draft can be "
        "edited: return it to draft first, or leave the row out."
    )
    assert errors(findings) == [(2, "order_ref", message)]
    with pytest.raises(Refused):
        confirmed(file, findings, author, good_only=True)
    assert Order.objects.values().get() == before


def test_every_rule_of_an_order_is_told_by_line_and_column(author: User) -> None:
    other = make_listing(external_id="L9")
    file = kept(
        "orders",
        HEADER,
        ",P1,B1,,L1,,,",
        "R 2,P9,B9,A9,L8,soon,,much",
        "R-3,P1,B1,,L1;L1,,,",
        "R-4,P1,B1,,,,,",
        "R-5,P1,B1,,L1,2029-12-31 09:00,,0",
        f"R-6,P1,B1,,{other.external_id},,,",
        "R-7,P9,B1,A9,L8,,,",
        "R-8,P1,B1,,L1,2030-03-02,2030-03-01,",
        user=author,
    )

    findings = seen(file, author)

    assert [(line, column) for line, column, _ in errors(findings)] == [
        (2, "order_ref"),
        (3, "order_ref"),
        (3, "plan"),
        (3, "branch"),
        (3, "agent"),
        (3, "listings"),
        (3, "start"),
        (3, "budget_override"),
        (4, "listings"),
        (5, "listings"),
        (6, "start"),
        (6, "budget_override"),
        (7, "listings"),
        (8, "plan"),
        (8, "agent"),
        (8, "listings"),
        (9, "end"),
    ]
    said = [words for line, column, words in errors(findings) if (line, column) in [(3, "plan"), (3, "branch")]]
    assert said == [
        "There is no plan with the ref “P9”. Correct it, or import that plan first.",
        "There is no branch with the external id “B9”. Correct it, or import that branch first.",
    ]
    assert all(row.verdict == "wrong" for row in findings.rows)
    with pytest.raises(Refused):
        confirmed(file, findings, author, good_only=True)
    assert not Order.objects.exists()


def test_somebody_of_one_branch_imports_orders_of_that_branch_alone(branch: Branch) -> None:
    other = make_branch(external_id="B2")
    make_listing(other, external_id="L9")
    boss = make_user("boss", "view_order", "add_order", "change_order")
    theirs = kept("orders", HEADER, "R-9,P1,B2,,L9,,,", user=boss)
    confirmed(theirs, seen(theirs, boss), boss)
    user = make_user("thabo", "view_order", "add_order", "change_order", branches=[branch])
    lines = (HEADER, "R-1,P1,B1,,L1,,,", "R-2,P1,B2,,L9,,,", "R-3,P1,B1,,L9,,,", "R-9,P1,B1,,L1,,,")

    file = kept("orders", *lines, user=user)
    findings = seen(file, user)

    expected = [(3, "branch"), (3, "listings"), (4, "listings"), (5, "order_ref")]
    assert [(line, column) for line, column, _ in errors(findings)] == expected
    assert errors(findings)[-1][2] == "The order_ref R-9 can't be used. Choose another."
    confirmed(file, findings, user, good_only=True)
    assert sorted(Order.objects.values_list("order_ref", "branch__external_id")) == [("R-1", "B1"), ("R-9", "B2")]


def test_an_order_that_was_edited_since_it_was_seen_is_not_overwritten(author: User) -> None:
    first = kept("orders", HEADER, "R-1,P1,B1,,L1,,,", user=author)
    confirmed(first, seen(first, author), author)
    file = kept("orders", HEADER, "R-1,P1,B1,,L2,,,", "R-2,P1,B1,,L1,,,", user=author)
    findings = seen(file, author)
    order = reload(Order.objects.get())
    content = orders.Content.of(order)
    changed = orders.Content(**content.__dict__ | {"budget_override": Decimal(7)})
    orders.edit_order(order.pk, order.version, changed, user=author, now=NOW)

    with pytest.raises(Stale):
        confirmed(file, findings, author)

    assert [(each.order_ref, each.budget_override) for each in Order.objects.all()] == [("R-1", Decimal(7))]


def test_a_draft_that_cannot_be_made_takes_all_others_back(author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept("orders", HEADER, "R-1,P1,B1,,L1,,,", "R-2,P1,B1,,L1,,,", user=author)
    findings = seen(file, author)
    monkeypatch.setattr(orders, "create_order", _once(orders.create_order))
    with pytest.raises(Refused, match="no more"):
        confirmed(file, findings, author)
    assert not Order.objects.exists()


def _once(create: object) -> object:
    made: list[object] = []

    def create_once(*args: object, **kwargs: object) -> object:
        if made:
            raise Refused("no more")
        made.append(create(*args, **kwargs))  # type: ignore[operator]  # the door itself
        return made[0]

    return create_once


def test_a_workbook_may_hold_dates(author: User) -> None:
    header = ["order_ref", "plan", "branch", "listings", "start", "end"]
    nine = datetime(2030, 3, 1, 9)  # noqa: DTZ001 - workbooks know no zones
    content = workbook([header, ["R-1", "P1", "B1", "L1", nine, "2030-03-15 09:00"]])
    file = imports.keep("orders", io.BytesIO(content), "orders.xlsx", user=author, now=NOW)
    confirmed(file, seen(file, author), author)
    order = Order.objects.get()
    assert order.start_at == datetime(2030, 3, 1, 7, tzinfo=UTC)
    assert order.end_at == datetime(2030, 3, 15, 7, tzinfo=UTC)


def test_a_file_with_too_many_orders_says_so(author: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "MOST_ORDERS", 1)
    file = kept("orders", HEADER, "R-1,P1,B1,,L1,,,", "R-2,P1,B1,,L1,,,", user=author)
    assert errors(seen(file, author)) == [(3, "", "The file has more than 1 rows. Split it into several files.")]


def test_the_look_takes_as_many_queries_for_50_orders_as_for_2(author: User) -> None:
    one = kept("orders", HEADER, "R-0,P1,B1,A1,L1,,,", user=author)
    confirmed(one, seen(one, author), author)
    counts = []
    for rows in (2, 50):
        many = kept("orders", HEADER, *(f"R-{number},P1,B1,A1,L1;L2,,,9" for number in range(rows)), user=author)
        user = User.objects.get(pk=author.pk)
        with CaptureQueriesContext(connection) as captured:
            assert seen(many, user).counts[Verdict.NEW] == rows - 1
        counts.append(len(captured))
    assert counts[0] == counts[1]
