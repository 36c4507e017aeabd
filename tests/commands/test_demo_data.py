"""`demo_data`: what it loads, that it loads it once, and where it refuses."""

from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Model
from django.utils import timezone
from pytest_django import Settings

from campaigns.models import Agent, Branch, Event, Listing, Order, Plan
from campaigns.selectors import branches_for
from tests.commands.console import Console
from tests.factories import make_plan

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _beside_the_sandbox(settings: Settings) -> None:
    settings.DEBUG = True
    settings.FLOW_BASE_URL = "http://127.0.0.1:8100"
    settings.APPROVAL_THRESHOLD = None


def run() -> str:
    output = StringIO()
    call_command("demo_data", stdout=output)
    return output.getvalue()


def everything() -> list[list[tuple[Any, ...]]]:
    models: tuple[type[Model], ...] = (Branch, Agent, Plan, Listing, Order, Event, User)
    return [list(model._default_manager.order_by("pk").values_list()) for model in models]


def test_it_loads_a_catalogue_people_and_orders_in_several_states() -> None:
    output = run()

    assert [model.objects.count() for model in (Branch, Agent, Plan, Listing)] == [5, 11, 4, 30]
    assert Plan.objects.filter(ref="facebookv2", active=True).exists()
    zones = set(Branch.objects.values_list("time_zone", flat=True))
    assert zones == {"Africa/Johannesburg", "Europe/London"}
    assert dict(Order.objects.values_list("order_ref", "state")) == {
        "DEMO-001": "draft",
        "DEMO-002": "draft",
        "DEMO-003": "awaiting_approval",
        "DEMO-004": "queued",
        "DEMO-005": "queued",
    }
    assert "Orders: 2 draft, 1 awaiting approval, 2 queued" in output


def test_it_tells_the_logins_and_they_work(client: Any) -> None:
    output = run()

    for username in ("admin", "olivia", "peter", "vera"):
        assert f"  {username}" in output
        assert client.login(username=username, password="demo")
    assert "“demo”" in output


def test_each_person_may_do_what_the_list_of_logins_says() -> None:
    run()

    def may(username: str, *permissions: str) -> list[bool]:
        user = User.objects.get(username=username)
        return [user.is_staff and user.has_perm(f"campaigns.{permission}") for permission in permissions]

    deeds = (
        "view_order",
        "view_campaign",
        "add_order",
        "submit_order",
        "command_campaign",
        "approve_order",
        "settle_order",
    )
    assert may("admin", *deeds, "add_branch") == [True] * 8
    assert may("olivia", *deeds) == [True, True, True, True, True, False, False]
    assert may("peter", *deeds) == [True, True, False, False, False, True, True]
    assert may("vera", *deeds) == [True, True, False, False, False, False, False]
    assert not any(
        may(username, "add_branch", "settle_alone") != [False, False] for username in ("olivia", "peter", "vera")
    )


def test_somebody_works_for_two_branches_alone_and_all_others_for_every_one() -> None:
    run()

    people = User.objects.exclude(is_superuser=True)
    works_for = {user.username: ", ".join(branch.name for branch in branches_for(user)) for user in people}
    everywhere = "London International Desk, Menlyn, Sandton, Sea Point, Umhlanga"
    assert works_for == {
        "sanele": "Menlyn, Sandton",
        **dict.fromkeys(("olivia", "peter", "zinhle", "vera"), everywhere),
    }


def test_dates_begin_in_the_morning_of_the_branch() -> None:
    run()

    for order in Order.objects.exclude(start_at=None).select_related("branch"):
        assert order.start_at is not None
        assert order.start_at > timezone.now()
        assert order.start_at.astimezone(ZoneInfo(order.branch.time_zone)).hour == 9


def test_a_second_run_changes_nothing_and_says_so() -> None:
    run()
    before = everything()

    output = run()

    assert output.startswith("The demo data is there already: nothing was changed.\n")
    assert everything() == before


def test_what_staff_have_changed_since_stays() -> None:
    run()
    Branch.objects.filter(name="Sandton").update(name="Sandton City")
    User.objects.get(username="vera").delete()

    run()

    assert Branch.objects.filter(name="Sandton City").exists()
    assert not User.objects.filter(username="vera").exists()


def test_a_catalogue_that_is_there_already_is_left_alone() -> None:
    plan = make_plan(ref="facebookv2", name="Our own")

    output = run()

    assert output == "This console has a catalogue of its own, so no demo data was loaded: nothing was changed.\n"
    assert Plan.objects.get() == plan
    assert not User.objects.exists()


def test_a_user_who_is_there_keeps_the_password_and_the_rights(client: Any) -> None:
    User.objects.create_user("peter", password="a long password of Peter's", is_staff=True, is_superuser=True)

    run()

    assert not client.login(username="peter", password="demo")
    assert User.objects.get(username="peter").groups.count() == 0


def test_it_refuses_beside_real_money(settings: Settings) -> None:
    settings.FLOW_BASE_URL, settings.FLOW_IS_LOCAL = "https://api.flowliving.com", False

    with pytest.raises(CommandError, match=r"the demo's orders would spend real money. Nothing was loaded."):
        run()

    assert not any(everything())


def test_it_refuses_where_others_may_reach_the_console(settings: Settings) -> None:
    settings.DEBUG = False

    with pytest.raises(CommandError, match=r"everybody knows the demo's passwords. Nothing was loaded."):
        run()

    assert not any(everything())


def test_scripts_get_what_was_made_as_data(console: Console) -> None:
    data = console.json("demo_data")

    assert data == {
        "users": ["admin", "olivia", "peter", "zinhle", "sanele", "vera"],
        "catalogue": {"branches": 5, "agents": 11, "plans": 4, "listings": 30},
        "orders": {"draft": 2, "awaiting_approval": 1, "queued": 2},
    }
    assert console.json("demo_data") == {"users": [], "catalogue": {}, "orders": {}}
