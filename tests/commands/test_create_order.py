"""`create_order`: as scripts and people run it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from campaigns.models import Branch, Event, Order
from tests.commands.console import Console
from tests.commands.inside import Done, run
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user

NOTHING_LEFT_OUT = {
    *(
        "order_ref",
        "state",
        "problem",
        "plan",
        "branch",
        "agent",
        "listings",
        "start_at",
        "end_at",
        "budget",
        "currency",
    ),
    *("payload_sha256", "next_attempt_at", "attempts", "campaigns", "in_doubt_since", "reminders"),
}


@pytest.fixture
def _catalogue(db: None) -> None:
    here, there = make_branch(external_id="B1"), make_branch(external_id="B2")
    make_agent(here, external_id="A1", name="Ann")
    make_agent(there, external_id="A2", name="Bob")
    make_listing(here, external_id="L1")
    make_listing(here, external_id="L2")
    make_listing(there, external_id="L9", title="A flat elsewhere")
    make_plan(ref="P1")
    make_user("anna", "add_order", "submit_order")


inside = pytest.mark.usefixtures("_catalogue")


def create(*words: str, listing: str = "L1", user: str = "anna", **others: str) -> Done:
    chosen: dict[str, Any] = {"plan": "P1", "branch": "B1", "listing": listing, "user": user} | others
    return run("create_order", *[part for name, value in chosen.items() for part in (f"--{name}", value)], *words)


# In the shell ---------------------------------------------------------------------------------------------------------
WORDS = (
    "create_order",
    "--plan",
    "P1",
    "--branch",
    "B1",
    "--listing",
    "L1",
    "L2",
    "--user",
    "anna",
    "--order-ref",
    "N1",
)


def test_a_script_reads_data_alone_on_stdout_and_the_broker_may_be_gone(shop: Console, unwritable_broker: str) -> None:
    done = shop.run(*WORDS, "--agent", "A1", "--submit", "--json", BROKER_DIR=unwritable_broker)

    assert done.returncode == 0
    data = json.loads(done.stdout)
    assert set(data) == NOTHING_LEFT_OUT
    assert (data["order_ref"], data["state"], data["listings"]) == ("N1", "queued", ["L1", "L2"])
    assert (data["agent"], data["budget"], data["currency"]) == ("A1", "1500.00", "ZAR")
    assert (data["attempts"], data["campaigns"]) == ([], [])
    said = done.stderr.splitlines()
    assert (said[0], said[-1]) == ("Created order N1 for 1,500.00 ZAR.", "Order N1 is now: queued.")
    assert said[1].endswith("The broker can't be reached (OperationalError); the sweep will find the work")
    assert shop.states()["N1"] == "queued"


def test_two_processes_with_the_same_ref_make_one_order(shop: Console) -> None:
    racing = [shop.start(*WORDS) for _ in range(2)]
    ended = [shop.finish(process) for process in racing]

    assert [done.returncode for done in ended] == [0, 0], [done.stderr for done in ended]
    assert sorted(done.stdout.splitlines()[0] for done in ended) == [
        "Created order N1 for 1,500.00 ZAR.",
        "Order N1 is there already with this content.",
    ]
    assert shop.rows("SELECT count(*) FROM campaigns_order WHERE order_ref = 'N1'") == [(1,)]


def test_what_is_no_text_is_refused_before_anything_is_done(shop: Console) -> None:
    done = shop.run(*WORDS, "--agent", b"A\xff")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "“A\\udcff” is not UTF-8. Nothing was done. Write it in UTF-8, as the terminal should.\n"
    assert "N1" not in shop.states()


# What it makes --------------------------------------------------------------------------------------------------------
@inside
def test_people_read_the_order_ref_and_the_state() -> None:
    done = create()

    order = Order.objects.get()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Created order {order.order_ref} for 1,500.00 ZAR.\nOrder {order.order_ref} is now: draft.\n"
    )


@inside
def test_times_without_an_offset_are_those_of_the_branch() -> None:
    done = create("--start", "2030-01-01T09:00", "--end", "2030-01-15", "--budget", "2928.5", "--json")

    assert (done.returncode, done.data["budget"]) == (0, "2928.50")
    assert (done.data["start_at"], done.data["end_at"]) == ("2030-01-01T07:00:00Z", "2030-01-14T22:00:00Z")
    order = Order.objects.get()
    assert (order.start_at, order.budget_override) == (datetime(2030, 1, 1, 7, tzinfo=UTC), Decimal("2928.50"))


@inside
@pytest.mark.parametrize("written", ["2030-01-01T09:00+02:00", "2030-01-01T07:00Z", "2030-01-01T02:00:00-05:00"])
def test_times_with_an_offset_are_that_moment(written: str) -> None:
    assert create("--start", written, "--json").data["start_at"] == "2030-01-01T07:00:00Z"


@inside
def test_listings_may_be_given_together_or_one_by_one_and_twice() -> None:
    assert create("--listing", "L2", "L1", "--json").data["listings"] == ["L1", "L2"]


@inside
def test_an_order_that_needs_a_second_person_waits_for_one() -> None:
    make_listing(make_branch(external_id="B3", approval_threshold="1500.00"), external_id="L3")

    done = create("--submit", "--json", branch="B3", listing="L3")

    assert (done.returncode, done.data["state"]) == (0, "awaiting_approval")


# Again ----------------------------------------------------------------------------------------------------------------
@inside
def test_the_same_ref_with_the_same_content_answers_the_order_that_is_there() -> None:
    words = ("--order-ref", "N1", "--start", "2030-01-01T09:00", "--budget", "10", "--json")
    first = create(*words)
    history = Event.objects.count()

    again = create("--listing", "L1", *words)

    assert (again.returncode, again.data) == (0, first.data)
    assert again.stderr.splitlines()[0] == "Order N1 is there already with this content."
    assert (Order.objects.count(), Event.objects.count()) == (1, history)


@inside
def test_a_second_run_with_submit_submits_the_draft_and_a_third_changes_nothing() -> None:
    create("--order-ref", "N1")

    assert create("--order-ref", "N1", "--submit", "--json").data["state"] == "queued"
    version = Order.objects.get().version
    assert create("--order-ref", "N1", "--submit", "--json").data["state"] == "queued"
    assert Order.objects.get().version == version


@inside
def test_the_same_ref_still_answers_when_the_start_has_passed_since() -> None:
    create("--order-ref", "N1")
    Order.objects.update(start_at=datetime(2020, 1, 1, 7, tzinfo=UTC))

    done = create("--order-ref", "N1", "--start", "2020-01-01T09:00")

    assert (done.returncode, Order.objects.count()) == (0, 1)


@inside
@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--listing", "L2"), "listings"),
        (("--agent", "A1"), "agent"),
        (("--budget", "10"), "budget_override"),
        (("--end", "2030-02-01"), "end_at"),
    ],
)
def test_the_same_ref_with_other_content_is_refused(words: tuple[str, ...], field: str) -> None:
    create("--order-ref", "N1")
    before = list(Order.objects.values())

    done = create("--order-ref", "N1", "--submit", *words)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Order N1 is there already with other content ({field}). Nothing was changed. "
        "Use another order_ref, or edit that order in the admin.\n"
    )
    assert list(Order.objects.values()) == before


# What it refuses ------------------------------------------------------------------------------------------------------
@inside
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plan": "P 1"}, "plan: There is no plan “P 1”. Check the id, or import the plan first."),
        ({"branch": "b1"}, "branch: There is no branch “b1”. Check the id, or import the branch first."),
        ({"agent": "Ä1"}, "agent: There is no agent “Ä1”. Check the id, or import the agent first."),
        ({"agent": "A2"}, "agent: Agent Bob (A2) works at another branch. Choose an agent of "),
        ({"listing": ""}, "listings: There is no listing “”. Check the id, or import the listing first."),
        ({"listing": "L9"}, "listings: Listing A flat elsewhere (L9) belongs to another branch."),
        ({"budget": "0"}, "budget_override: The budget must be more than 0. Enter an amount."),
        ({"start": "2020-01-01T09:00"}, "start_at: The start, 1 Jan 2020, 09:00 SAST, is in the past"),
        ({"start": "2030-01-02", "end": "2030-01-01"}, "end_at: The end must be after the start."),
        ({"order-ref": "N 1"}, "order_ref: An order_ref starts with a letter or digit"),
        ({"order-ref": "é1"}, "order_ref: An order_ref starts with a letter or digit"),
        ({"order-ref": "N" * 300}, "order_ref: Ensure this value has at most 64 characters (it has 300)."),
        ({"user": "nobody"}, "There is no user “nobody”. Nothing was done."),
    ],
)
def test_what_breaks_a_rule_is_told_with_its_field_and_nothing_is_made(changes: dict[str, str], sentence: str) -> None:
    done = create("--submit", "--json", **changes)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert not Order.objects.exists()


@inside
def test_every_wrong_id_is_told_at_once() -> None:
    done = create("--listing", "X1", "X2", plan="P9", agent="A9")

    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["plan", "agent", "listings", "listings"]


@inside
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--start", "tomorrow"), "argument --start: “tomorrow” is not a date and time. Write it such as"),
        (("--end", "2030-02-30"), "argument --end: “2030-02-30” is not a date and time."),
        (("--start", "0001-01-01T00:00+05:00"), "argument --start: “0001-01-01T00:00+05:00” is not a date"),
        (("--end", "9999-12-31T23:59-05:00"), "argument --end: “9999-12-31T23:59-05:00” is not a date"),
        (("--budget", "1e3"), "argument --budget: “1e3” is not an amount. Write digits and a point"),
        (("--budget", "-5"), "argument --budget: An amount can't be negative."),
        (("--budget", "1.005"), "argument --budget: 1.005 has more than two decimals. Round it to cents."),
        (("--order-ref", " "), "argument --order-ref: it is empty. Give a reference of your own, or leave"),
        (("--listing",), "argument --listing: expected at least one argument"),
        (("--colour", "red"), "unrecognized arguments: --colour red"),
    ],
)
def test_what_the_command_line_alone_shows_to_be_wrong_is_wrong_usage(words: tuple[str, ...], sentence: str) -> None:
    done = create(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"manage.py create_order: error: {sentence}" in done.stderr
    assert not Order.objects.exists()


@inside
@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("2030-03-31T01:30", "start_at: 01:30 on 31 Mar 2030 does not exist in Europe/London"),
        ("2030-10-27T01:30", "start_at: 01:30 on 27 Oct 2030 happens twice in Europe/London"),
    ],
)
def test_a_time_that_the_clocks_of_the_branch_skip_or_have_twice_is_refused(written: str, sentence: str) -> None:
    make_listing(make_branch(external_id="B3", time_zone="Europe/London"), external_id="L3")

    done = create("--start", written, branch="B3", listing="L3")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert not Order.objects.exists()


# Who may --------------------------------------------------------------------------------------------------------------
@inside
def test_somebody_who_may_not_or_is_gone_creates_nothing() -> None:
    make_user("vera")
    make_user("gone", "add_order", is_active=False)

    refused = [create(user="vera"), create(user="gone")]

    assert [(done.returncode, done.stdout) for done in refused] == [(1, ""), (1, "")]
    assert refused[0].stderr == ("vera may not create orders. Ask an administrator for the permission “add_order”.\n")
    assert refused[1].stderr == (
        "User “gone” is not active. Nothing was done. Give the name of somebody who can log in.\n"
    )
    assert not Order.objects.exists()


@inside
def test_somebody_without_staff_status_creates_nothing() -> None:
    make_user("robot", "add_order", is_staff=False)

    done = create(user="robot")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "User “robot” has no staff status. Nothing was done. Give the name of somebody who can log in.\n"
    )
    assert not Order.objects.exists()


@inside
def test_what_belongs_to_another_branch_reads_like_what_is_not_there() -> None:
    make_user("tess", "add_order", branches=[Branch.objects.get(external_id="B1")])

    foreign = [create(user="tess", agent="A2", listing="L9"), create(user="tess", branch="B2", listing="L1")]
    unknown = [create(user="tess", agent="A7", listing="L7"), create(user="tess", branch="B7", listing="L1")]

    assert [(done.returncode, done.stdout) for done in [*foreign, *unknown]] == [(1, "")] * 4
    assert foreign[0].stderr == (
        "agent: There is no agent “A2”. Check the id, or import the agent first.\n"
        "listings: There is no listing “L9”. Check the id, or import the listing first.\n"
    )
    assert foreign[1].stderr == "branch: There is no branch “B2”. Check the id, or import the branch first.\n"
    assert [done.stderr for done in unknown] == [
        foreign[0].stderr.replace("A2", "A7").replace("L9", "L7"),
        foreign[1].stderr.replace("B2", "B7"),
    ]
    assert not Order.objects.exists()


@inside
@pytest.mark.parametrize("words", [(), ("--budget", "123"), ("--submit",)])
def test_a_ref_of_another_branch_tells_nothing_of_its_order(words: tuple[str, ...]) -> None:
    create("--order-ref", "N1", "--budget", "123", branch="B2", listing="L9")
    make_user("tess", "view_order", "add_order", "submit_order", branches=[Branch.objects.get(external_id="B1")])
    before, history = list(Order.objects.values()), Event.objects.count()

    done = create("--order-ref", "N1", "--json", *words, user="tess")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "The order_ref N1 can't be used. No order was created. Choose another, or leave --order-ref out.\n"
    )
    assert (list(Order.objects.values()), Event.objects.count()) == (before, history)


@inside
def test_whoever_may_not_create_orders_learns_nothing_by_the_content_of_one() -> None:
    create("--order-ref", "N1")
    make_user("vera", "view_order")
    before = list(Order.objects.values())

    refused = [create("--order-ref", "N1", *words, user="vera") for words in ((), ("--budget", "10"), ("--agent", "X"))]

    assert [(done.returncode, done.stdout) for done in refused] == [(1, "")] * 3
    assert {done.stderr for done in refused} == {
        "vera may not create orders. Ask an administrator for the permission “add_order”.\n"
    }
    assert list(Order.objects.values()) == before


@inside
def test_an_order_that_was_made_but_may_not_be_submitted_is_partly_done() -> None:
    make_user("adam", "add_order")

    done = create("--submit", "--json", user="adam")

    assert (done.returncode, done.data["state"]) == (3, "draft")
    assert done.data["order_ref"] == Order.objects.get().order_ref
    assert "adam may not submit orders. Ask an administrator for the permission “submit_order”." in done.stderr

    again = create("--submit", "--json", "--order-ref", done.data["order_ref"], user="adam")
    assert (again.returncode, again.stdout) == (1, "")
    assert Order.objects.get().state == "draft"
