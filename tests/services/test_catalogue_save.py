"""Saving and deleting single entries, as the admin does."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from campaigns.models import Agent, Branch, Event, Listing, Plan
from campaigns.services import catalogue, orders
from campaigns.services.errors import NotAllowed, Refused
from campaigns.services.orders import Content
from tests.factories import make_agent, make_branch, make_listing, make_plan, make_user
from tests.services.catalogue_files import NOW

pytestmark = pytest.mark.django_db


def test_a_new_entry_is_written_with_its_line_of_history() -> None:
    admin = make_user("admin", is_superuser=True)

    catalogue.save(Branch(external_id="B1", name="Sandton", monthly_budget=Decimal(5)), user=admin, now=NOW)

    event = Event.objects.get()
    assert Branch.objects.get().name == "Sandton"
    assert (event.kind, event.subject, event.actor, event.at) == ("branch.created", "branch:B1", admin, NOW)
    assert event.text == "admin added branch Sandton (B1)."
    assert event.data == {
        "external_id": [None, "B1"],
        "name": [None, "Sandton"],
        "time_zone": [None, "Africa/Johannesburg"],
        "monthly_budget": [None, "5.00"],
        "active": [None, True],
    }


def test_a_change_is_written_with_old_and_new() -> None:
    admin = make_user("admin", is_superuser=True)
    agent = make_agent(make_branch(external_id="B1"), external_id="A1", name="Thandi")
    agent.branch, agent.active = make_branch(external_id="B2"), False

    catalogue.save(agent, user=admin, now=NOW)

    event = Event.objects.get()
    assert Agent.objects.values_list("branch__external_id", "active").get() == ("B2", False)
    assert (event.kind, event.subject) == ("agent.changed", "agent:A1")
    assert event.data == {"branch": ["B1", "B2"], "active": [True, False]}
    assert event.text == "admin changed branch, active of agent Thandi (A1)."


def test_saving_without_a_change_writes_no_history() -> None:
    admin = make_user("admin", is_superuser=True)

    catalogue.save(make_plan(), user=admin, now=NOW)

    assert not Event.objects.exists()


def test_a_wrong_field_is_told_by_name_and_nothing_is_written() -> None:
    admin = make_user("admin", is_superuser=True)
    listing = make_listing(title="House")
    listing.title, listing.agent = "Flat", make_agent()

    with pytest.raises(ValidationError) as error:
        catalogue.save(listing, user=admin, now=NOW)

    assert list(error.value.message_dict) == ["agent"]
    assert Listing.objects.get().title == "House"
    assert not Event.objects.exists()


def test_a_person_without_the_permission_is_refused() -> None:
    olivia = make_user("olivia", "change_branch")
    branch = make_branch(external_id="B1", name="Sandton")

    with pytest.raises(NotAllowed, match="olivia may not add plans"):
        catalogue.save(Plan(ref="P1", name="Plan", default_budget=Decimal(1), duration_days=1), user=olivia, now=NOW)
    with pytest.raises(NotAllowed, match="olivia may not delete branches"):
        catalogue.delete(branch, user=olivia, now=NOW)

    assert not Plan.objects.exists()
    assert Branch.objects.get() == branch
    assert not Event.objects.exists()


def test_an_entry_that_nothing_refers_to_is_deleted_with_its_line_of_history() -> None:
    admin = make_user("admin", is_superuser=True)
    plan = make_plan(ref="P1", name="Plan")

    catalogue.delete(plan, user=admin, now=NOW)

    event = Event.objects.get()
    assert not Plan.objects.exists()
    assert (event.kind, event.subject, event.text) == ("plan.deleted", "plan:P1", "admin deleted plan Plan (P1).")
    assert event.data["name"] == ["Plan", None]


def test_an_entry_that_others_refer_to_stays_and_the_refusal_counts_them() -> None:
    admin = make_user("admin", is_superuser=True)
    branch = make_branch(external_id="B1", name="Sandton")
    listings = (make_listing(branch, external_id="L1", title="House"), make_listing(branch))
    agent = make_agent(branch)
    content = Content(plan=make_plan(), branch=branch, listings=listings, agent=agent)
    orders.create_order(content, user=admin, now=NOW)
    events = Event.objects.count()

    with pytest.raises(Refused) as of_branch:
        catalogue.delete(branch, user=admin, now=NOW)
    with pytest.raises(Refused) as of_listing:
        catalogue.delete(listings[0], user=admin, now=NOW)

    advice = "so it can't be deleted. Set it inactive instead: then nobody can choose it any more. Nothing was changed."
    assert str(of_branch.value) == f"Branch Sandton (B1) has 1 order, 2 listings, 1 agent, {advice}"
    assert str(of_listing.value) == f"Listing House (L1) has 1 order, {advice}"
    assert (Branch.objects.count(), Listing.objects.count(), Event.objects.count()) == (1, 2, events)


def test_the_id_that_submitted_orders_go_by_never_changes() -> None:
    admin = make_user("admin", is_superuser=True)
    branch = make_branch()
    plan = make_plan(ref="facebookv2")
    content = Content(plan=plan, branch=branch, listings=(make_listing(branch),))
    order = orders.create_order(content, user=admin, now=NOW)

    plan.ref = "facebookv3"
    catalogue.save(plan, user=admin, now=NOW)
    order = orders.submit(order.pk, order.version, user=admin, now=NOW)
    plan.ref = "facebookv4"
    with pytest.raises(ValidationError) as error:
        catalogue.save(plan, user=admin, now=NOW)

    assert error.value.message_dict == {
        "ref": [
            "Submitted orders name this plan by its id facebookv3, so the id can't change. "
            "Add a new plan with the other id, and set this one inactive."
        ]
    }
    assert Plan.objects.get().ref == "facebookv3"
