"""Importing the catalogue in two steps: what is seen is what is imported, and nothing else."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Agent, Branch, Event, ImportFile, Listing
from campaigns.services import imports
from campaigns.services.catalogue import reading
from campaigns.services.errors import NotAllowed, Refused, Stale
from campaigns.services.imports import Imported, confirming
from tests.factories import make_agent, make_branch, make_listing, make_user
from tests.services.building import NOW
from tests.services.import_files import confirmed, errors, kept, seen, verdicts

pytestmark = pytest.mark.django_db

AGENTS = "external_id,branch,name,email"
LISTINGS = "external_id,branch,agent,title,price,url"
KEEPS = ("add_agent", "change_agent", "add_listing", "change_listing")


@pytest.fixture
def keeper() -> User:
    return make_user("naledi", *KEEPS)


@pytest.fixture
def branch() -> Branch:
    return make_branch(external_id="B1")


@pytest.mark.usefixtures("branch")
def test_each_row_is_new_changed_unchanged_or_wrong(keeper: User) -> None:
    make_agent(Branch.objects.get(), external_id="A1", name="Thandi", email="t@agency.example")
    make_agent(Branch.objects.get(), external_id="A2", name="Pieter", email="p@agency.example")
    file = kept(
        "agents",
        AGENTS,
        "A1,B1,Thandi,t@agency.example",
        "A2,B1,Piet,p@agency.example",
        "A3,B1,Aisha,a@agency.example",
        "A4,B9,Zola,nobody",
        user=keeper,
    )

    findings = seen(file, keeper)

    expected = [(2, "A1", "unchanged"), (3, "A2", "changed"), (4, "A3", "new"), (5, "A4", "wrong")]
    assert verdicts(findings) == expected
    assert findings.rows[1].changes == {"name": ["Pieter", "Piet"]}
    assert findings.rows[2].changes["name"] == [None, "Aisha"]
    assert [(line, column) for line, column, _ in errors(findings)] == [(5, "branch"), (5, "email")]
    assert findings.counts == {"wrong": 1, "new": 1, "changed": 1, "unchanged": 1}
    assert Agent.objects.count() == 2
    assert not Event.objects.exists()


@pytest.mark.usefixtures("branch")
def test_a_confirmation_imports_what_was_seen_and_forgets_the_file(keeper: User) -> None:
    file = kept("agents", AGENTS, "A1,B1,Thandi,t@agency.example", user=keeper)

    assert confirmed(file, seen(file, keeper), keeper) == Imported(created=1, changed=0, left_out=0)

    assert Agent.objects.get().name == "Thandi"
    assert not ImportFile.objects.exists()
    assert [(event.kind, event.actor) for event in Event.objects.order_by("pk")] == [
        ("agent.created", keeper),
        ("agents.imported", keeper),
    ]
    assert Event.objects.latest("pk").text == "naledi imported agents from agents.csv: 1 new, 0 changed, 0 left out."


def test_what_changed_since_it_was_seen_is_not_imported(keeper: User, branch: Branch) -> None:
    agent = make_agent(branch, external_id="A1", name="Thandi", email="t@agency.example")
    file = kept("agents", AGENTS, "A1,B1,Thandiwe,t@agency.example", user=keeper)
    findings = seen(file, keeper)
    Agent.objects.filter(pk=agent.pk).update(name="Thandeka")

    with pytest.raises(Stale, match=r"Nothing was imported\. Look at it again"):
        confirmed(file, findings, keeper)

    assert Agent.objects.get().name == "Thandeka"
    assert not Event.objects.exists()
    assert confirmed(file, seen(file, keeper), keeper).changed == 1


@pytest.mark.usefixtures("branch")
def test_a_file_with_a_wrong_row_is_not_imported_unless_somebody_asks_for_the_good_rows(keeper: User) -> None:
    lines = (AGENTS, "A1,B1,Thandi,t@agency.example", "A2,B1,,p@agency.example")
    file = kept("agents", *lines, user=keeper)
    findings = seen(file, keeper)

    with pytest.raises(Refused, match=r"The file has errors\. Nothing was imported"):
        confirmed(file, findings, keeper)
    assert not Agent.objects.exists()

    assert confirmed(file, findings, keeper, good_only=True) == Imported(created=1, changed=0, left_out=1)
    assert Agent.objects.get().external_id == "A1"


@pytest.mark.usefixtures("branch")
def test_of_two_rows_with_the_same_id_neither_is_good(keeper: User) -> None:
    file = kept("agents", AGENTS, "A1,B1,Thandi,t@agency.example", "A1,B1,Pieter,p@agency.example", user=keeper)
    findings = seen(file, keeper)

    assert verdicts(findings) == [(2, "A1", "wrong"), (3, "A1", "wrong")]
    with pytest.raises(Refused, match="There is nothing to import"):
        confirmed(file, findings, keeper, good_only=True)
    assert not Agent.objects.exists()


@pytest.mark.usefixtures("branch")
def test_rejected_rows_come_back_with_what_is_wrong_and_that_column_is_passed_over(keeper: User) -> None:
    header = "external_id,branch,name,email,problem"
    file = kept("agents", header, "A1,B1,Thandi,t@agency.example,=1", "A2,B1,-Piet,nobody,old", user=keeper)

    rows = list(imports.rejected_rows(file, seen(file, keeper)))

    mail = "“nobody” is not an email address. Write one such as name@agency.example."
    expected = [
        ("external_id", "branch", "name", "email", "problem"),
        ("A2", "B1", "-Piet", "nobody", f"Line 3: email: {mail}"),
    ]
    assert rows == expected
    again = kept("agents", header, f'A2,B1,\'-Piet,p@agency.example,"Line 3: {mail}"', user=keeper)
    assert verdicts(seen(again, keeper)) == [(2, "A2", "new")]
    confirmed(again, seen(again, keeper), keeper)
    assert Agent.objects.get().name == "-Piet"


def test_a_column_that_the_file_lacks_stays_as_it_is_beside_new_rows(keeper: User, branch: Branch) -> None:
    make_agent(branch, external_id="A1", name="Thandi", email="t@agency.example", active=False)
    file = kept("agents", AGENTS, "A1,B1,Thandiwe,t@agency.example", "A2,B1,Piet,p@agency.example", user=keeper)
    confirmed(file, seen(file, keeper), keeper)
    assert list(Agent.objects.order_by("external_id").values_list("name", "active")) == [
        ("Thandiwe", False),
        ("Piet", True),
    ]


def test_somebody_of_one_branch_imports_for_that_branch_alone(branch: Branch) -> None:
    other = make_branch(external_id="B2")
    make_listing(other, external_id="L9", title="Theirs")
    make_agent(other, external_id="A9")
    user = make_user("thabo", *KEEPS, branches=[branch])
    file = kept(
        "listings",
        LISTINGS,
        "L1,B1,,Ours,100,https://portal.example/1",
        "L2,B2,,Theirs,100,https://portal.example/2",
        "L9,B1,,Taken over,100,https://portal.example/9",
        "L3,B1,A9,Ours,100,https://portal.example/3",
        user=user,
    )

    findings = seen(file, user)

    nowhere = "In your branches there is no {} with the external id “{}”. Correct it, or import that {} first."
    assert errors(findings) == [
        (3, "branch", nowhere.format("branch", "B2", "branch")),
        (
            4,
            "external_id",
            "“L9” is a listing of a branch that you do not work for. Correct the id, or leave the row out.",
        ),
        (5, "agent", nowhere.format("agent", "A9", "agent")),
    ]
    assert all(row.changes == {} for row in findings.wrong)
    assert confirmed(file, findings, user, good_only=True).created == 1
    assert list(Listing.objects.order_by("external_id").values_list("external_id", "title")) == [
        ("L1", "Ours"),
        ("L9", "Theirs"),
    ]


def test_a_branch_that_somebody_does_not_work_for_is_not_changed(branch: Branch) -> None:
    other = make_branch(external_id="B2", name="Theirs")
    user = make_user("thabo", "add_branch", "change_branch", branches=[branch])
    file = kept("branches", "external_id,name", "B1,Mine", "B2,Taken over", user=user)
    findings = seen(file, user)
    assert verdicts(findings) == [(2, "B1", "changed"), (3, "B2", "wrong")]
    confirmed(file, findings, user, good_only=True)
    other.refresh_from_db()
    assert other.name == "Theirs"


@pytest.mark.parametrize("kind", imports.NAMES)
def test_whoever_may_not_add_and_change_keeps_no_file(kind: str) -> None:
    user = make_user("reader", "view_order", "add_order", "add_agent", "add_listing", "add_plan", "add_branch")
    with pytest.raises(NotAllowed):
        kept(kind, "external_id", user=user)
    assert not ImportFile.objects.exists()


@pytest.mark.usefixtures("branch")
def test_whoever_has_lost_the_permission_meanwhile_imports_nothing(keeper: User) -> None:
    file = kept("agents", AGENTS, "A1,B1,Thandi,t@agency.example", user=keeper)
    findings = seen(file, keeper)
    keeper.user_permissions.clear()
    with pytest.raises(NotAllowed):
        confirmed(file, findings, User.objects.get(pk=keeper.pk))
    assert not Agent.objects.exists()


def test_a_file_is_its_owner_s_alone_and_for_a_day(keeper: User) -> None:
    other = make_user("thabo", *KEEPS)
    file = kept("agents", AGENTS, user=keeper)
    day = timedelta(days=1)
    assert imports.kept_file("agents", file.pk, user=keeper, now=NOW + day - timedelta(seconds=1)) == file
    assert imports.kept_file("agents", file.pk, user=keeper, now=NOW + day) is None
    assert imports.kept_file("agents", file.pk, user=other, now=NOW) is None
    assert imports.kept_file("listings", file.pk, user=keeper, now=NOW) is None


def test_a_newer_file_takes_the_place_of_the_older_one_of_its_kind(keeper: User) -> None:
    for kind in ("agents", "listings", "agents"):
        kept(kind, "external_id", user=keeper)
    assert sorted(ImportFile.objects.values_list("kind", flat=True)) == ["agents", "listings"]


def test_old_files_are_removed(keeper: User) -> None:
    kept("agents", AGENTS, user=keeper)
    assert imports.remove_expired(NOW + timedelta(hours=23)) == 0
    assert imports.remove_expired(NOW + timedelta(hours=24)) == 1
    assert not ImportFile.objects.exists()


def test_a_file_that_is_too_large_is_not_kept(keeper: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE", 1024**2)
    with pytest.raises(ValidationError, match=r"The file is larger than 1 MiB\. Split it"):
        imports.keep("agents", io.BytesIO(b"x" * (1024**2 + 1)), "a.csv", user=keeper, now=NOW)
    assert not ImportFile.objects.exists()


def test_a_file_with_too_many_rows_says_so(keeper: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "MOST_ROWS", 1)
    file = kept("agents", AGENTS, "A1,B1,x,x@a.example", "A2,B1,x,x@a.example", user=keeper)
    assert errors(seen(file, keeper)) == [(3, "", "The file has more than 1 rows. Split it into several files.")]
