"""Users: administrators give roles and branches, and nobody becomes a superuser by that."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import selectors
from campaigns.models import Event
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db
WORDS = "a long password of hers"


@pytest.fixture
def administrator() -> User:
    user = factories.make_user("admina", branches=[])
    user.groups.add(Group.objects.get(name="Administrator"))
    return user


@pytest.fixture
def client(administrator: User) -> Client:
    return building.client_of(administrator)


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    """Return what the page of a user sends."""
    fields = {"username": user.username, "is_active": "on", "is_staff": "on"}
    times = {"date_joined_0": "2030-01-01", "date_joined_1": "09:00:00"}
    return {**fields, **times, **changes}


def test_an_administrator_gives_a_role_and_branches(client: Client) -> None:
    person, branch = factories.make_user("naledi", branches=[]), factories.make_branch(name="Sea Point")
    role = Group.objects.get(name="Publisher")

    answer = client.post(
        f"/admin/auth/user/{person.pk}/change/", form_of(person, groups=[role.pk], branches=[branch.pk])
    )

    assert answer.status_code == 302
    person = User.objects.get(pk=person.pk)
    assert list(selectors.branches_for(person)) == [branch]
    assert person.has_perm("campaigns.submit_order")
    assert Event.objects.get(kind="user.branches").text == f"admina let naledi work for {branch.external_id}."


def test_the_page_shows_the_branches_and_keeps_them(client: Client) -> None:
    branch = factories.make_branch(name="Sea Point")
    person = factories.make_user("naledi", branches=[branch])
    page = f"/admin/auth/user/{person.pk}/change/"

    assert "Sea Point" in client.get(page).content.decode()
    client.post(page, form_of(person, branches=[branch.pk], first_name="Naledi"))

    assert User.objects.get(pk=person.pk).first_name == "Naledi"
    assert list(selectors.branches_for(person)) == [branch]
    assert not Event.objects.filter(kind="user.branches").exists()


def test_an_administrator_makes_nobody_a_superuser(client: Client, administrator: User) -> None:
    person = factories.make_user("naledi", branches=[])
    everywhere = Permission.objects.get(codename="settle_alone")
    for user in (person, administrator):
        client.post(
            f"/admin/auth/user/{user.pk}/change/",
            form_of(user, is_superuser="on", user_permissions=[everywhere.pk], first_name="Changed"),
        )
    assert set(User.objects.values_list("username", "first_name", "is_superuser")) == {
        ("naledi", "Changed", False),
        ("admina", "Changed", False),
    }
    assert not person.user_permissions.exists()


@pytest.mark.parametrize("page", ["change", "password", "delete"])
def test_an_administrator_does_not_touch_a_superuser(client: Client, page: str) -> None:
    boss = factories.make_user("boss", is_superuser=True)
    sent = form_of(boss, first_name="Changed", password1="x", password2="x", post="yes")
    assert client.post(f"/admin/auth/user/{boss.pk}/{page}/", sent).status_code == 403
    there = User.objects.get(pk=boss.pk)
    assert there.first_name == ""
    assert there.check_password(factories.PASSWORD)


@pytest.fixture
def helper() -> User:
    """Return somebody with a role of the house's own, who keeps the people of one branch."""
    user = factories.make_user("hilda", branches=[factories.make_branch()])
    user.user_permissions.add(*Permission.objects.filter(codename__in=["change_user", "view_user", "delete_user"]))
    return user


def test_whoever_works_for_some_branches_gives_nobody_a_role(helper: User) -> None:
    person, role = factories.make_user("naledi", branches=[]), Group.objects.get(name="Administrator")
    for user in (person, helper):
        sent = form_of(user, groups=[role.pk], first_name="Changed")
        assert building.client_of(helper).post(f"/admin/auth/user/{user.pk}/change/", sent).status_code == 302
    assert set(User.objects.values_list("username", "first_name")) == {("naledi", "Changed"), ("hilda", "Changed")}
    assert not User.objects.filter(groups=role).exists()


def of_every_branch(helper: User) -> User:
    return factories.make_user("admina")


def of_every_branch_and_switched_off(helper: User) -> User:
    return factories.make_user("admina", is_active=False)


def of_another_branch(helper: User) -> User:
    return factories.make_user("zoe", branches=[factories.make_branch()])


def of_the_branch_with_more_rights(helper: User) -> User:
    return factories.make_user("zoe", "submit_order", branches=list(selectors.branches_for(helper)))


@pytest.mark.parametrize("page", ["change", "password", "delete"])
@pytest.mark.parametrize(
    "make", [of_every_branch, of_every_branch_and_switched_off, of_another_branch, of_the_branch_with_more_rights]
)
def test_whoever_works_for_some_branches_does_not_touch_those_who_may_do_more(
    helper: User, make: Callable[[User], User], page: str
) -> None:
    other = make(helper)
    sent = form_of(other, first_name="Changed", password1="x", password2="x", post="yes")
    assert building.client_of(helper).post(f"/admin/auth/user/{other.pk}/{page}/", sent).status_code == 403
    there = User.objects.get(pk=other.pk)
    assert (there.first_name, there.check_password(factories.PASSWORD)) == ("", True)


def test_whoever_works_for_some_branches_changes_no_role(helper: User) -> None:
    helper.user_permissions.add(*Permission.objects.filter(codename__in=["add_group", "change_group", "delete_group"]))
    role, client = Group.objects.create(name="Helpers"), building.client_of(helper)
    everywhere = Permission.objects.get(codename="every_branch")
    sent = {"name": "Helpers", "permissions": [everywhere.pk], "post": "yes"}
    for page in (f"{role.pk}/change", f"{role.pk}/delete", "add"):
        assert client.post(f"/admin/auth/group/{page}/", sent).status_code == 403
    assert not Group.objects.get(name="Helpers").permissions.exists()


def test_the_list_names_the_roles_with_as_many_queries_for_ten_people_as_for_five(client: Client) -> None:
    def queries_with(people: int) -> int:
        for number in range(people - 5, people):
            person = factories.make_user(f"person{number}", branches=[])
            person.groups.set(Group.objects.filter(name__in=["Viewer", "Approver"]))
        with CaptureQueriesContext(connection) as asked:
            page = client.get("/admin/auth/user/").content.decode()
        assert page.count("Approver, Viewer") == people
        return len(asked)

    assert queries_with(5) == queries_with(10)


def test_each_role_may_do_what_its_name_says() -> None:
    def may(role: str) -> set[str]:
        rights = Group.objects.get(name=role).permissions.filter(content_type__app_label="campaigns")
        return {right.codename for right in rights if not right.codename.startswith("view_")}

    builds = {"add_order", "change_order", "comment_order"}
    publishes = {*builds, "submit_order", "command_campaign", "export_lists"}
    approves = {"approve_order", "settle_order", "comment_order", "export_lists"}
    keeps = {f"{deed}_{model}" for deed in ("add", "change", "delete") for model in ("agent", "listing")}
    assert may("Viewer") == set()
    assert may("Order builder") == builds
    assert may("Publisher") == publishes
    assert may("Approver") == approves
    assert may("Branch manager") == publishes | approves | keeps
    assert may("Administrator") >= may("Branch manager") | {"every_branch", "settle_alone", "change_branch"}


def test_somebody_new_may_log_in_unless_that_is_switched_off(client: Client) -> None:
    page = "/admin/auth/user/add/"
    html = client.get(page).content.decode()
    (field,) = re.findall(r'<input type="checkbox" name="is_staff"[^>]*>', html)
    assert " checked" in field
    sent = {"username": "naledi", "usable_password": "true", "password1": WORDS, "password2": WORDS}
    for staff, may in (("on", True), ("", False)):
        client.post(page, {**sent, "username": f"naledi{staff}", **({"is_staff": staff} if staff else {})})
        assert User.objects.get(username=f"naledi{staff}").is_staff is may


def test_no_is_an_answer_and_not_marked_as_a_failure(client: Client) -> None:
    factories.make_user("gone", is_active=False)
    html = client.get("/admin/auth/user/").content.decode()
    assert '<span class="console-unseen">No</span>' in html
    assert "close_small" not in html
