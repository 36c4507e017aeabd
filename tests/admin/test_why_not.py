"""Each deed that is not possible says which rule forbids it, who could do it and what to do next."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from campaigns.admin.actions import Offer
from campaigns.admin.campaign_deeds import CAMPAIGN_DEEDS
from campaigns.admin.order_deeds import EDIT, ORDER_DEEDS
from campaigns.admin.people import DEEDS
from campaigns.admin.why import hindrances
from campaigns.domain.states import Action
from campaigns.models import Campaign, Order
from campaigns.services import commands
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


def shown(row: Order | Campaign, user: User) -> Any:
    return building.client_of(user).get(f"/admin/campaigns/{row._meta.model_name}/{row.pk}/change/")


def why(row: Order | Campaign, user: User, group: str) -> dict[str, str]:
    return {each.name: each.words for each in shown(row, user).context["why_not"][group]}


def lacks(label: str, right: str, roles: str) -> str:
    return (
        f"“{label}” takes the right to {right}, which you do not have; the roles {roles} have it. "
        "Who can: thabo. Ask one of them."
    )


@pytest.mark.parametrize(
    "build",
    [building.draft, building.awaiting_approval, building.queued, building.rejected, building.in_doubt],
    ids=["draft", "awaiting", "queued", "rejected", "in doubt"],
)
def test_every_deed_of_an_order_is_either_offered_or_explained(build: Callable[..., Order]) -> None:
    user = factories.make_user("somebody", "view_order", "submit_order")
    answer = shown(build(), user)
    offered = [button["deed"].name for button in answer.context["buttons"]]
    explained = [each.name for group in answer.context["why_not"].values() for each in group]
    assert sorted([*offered, *explained]) == sorted(["edit", *(deed.name for deed in ORDER_DEEDS)])


def test_a_missing_permission_is_told_in_words_with_the_roles_and_the_people_who_have_it() -> None:
    order = building.awaiting_approval()
    factories.make_user("thabo", "approve_order", branches=[order.branch])
    factories.make_user("stranger", "approve_order", branches=[factories.make_branch()])
    roles = "Approver, Branch manager and Administrator"
    assert why(order, building.author(), "others_can") == {
        "approve": lacks("Approve", "approve orders", roles),
        "reject": lacks("Reject", "approve orders", roles),
    }


def test_it_is_told_which_right_covers_a_deed_of_another_name() -> None:
    order = building.queued()
    factories.make_user("thabo", "submit_order")
    User.objects.filter(username="author").update(is_active=False)
    told = why(order, factories.make_user("approver", "view_order", "approve_order"), "others_can")
    roles = "Publisher, Branch manager and Administrator"
    assert told["return"] == lacks("Return to draft", "submit orders", roles)
    assert told["cancel"] == lacks("Cancel order", "submit orders", roles)


def test_where_nobody_has_the_permission_an_administrator_is_to_be_asked() -> None:
    order = building.draft(branch=factories.make_branch(name="Sea Point"))
    reader = factories.make_user("reader", "view_order", branches=[order.branch])
    User.objects.filter(username="author").update(is_active=False)
    assert why(order, reader, "others_can")["dry_run"] == (
        "“Dry run” takes the right to edit orders, submit orders or approve orders, which you do not have; the roles Order "
        "builder, Publisher, Approver and others have it. Nobody can yet: ask an administrator to let somebody of Sea Point "
        "edit orders, submit orders or approve orders."
    )


def test_a_role_of_their_own_is_named_and_no_role_where_none_has_the_permission() -> None:
    order = building.awaiting_approval()
    factories.make_user("thabo", "approve_order")
    Group.objects.all().delete()
    words = "“Approve” takes the right to approve orders, which you do not have. Who can: thabo. Ask one of them."
    assert why(order, building.author(), "others_can")["approve"] == words
    approve = Permission.objects.get(codename="approve_order")
    Group.objects.create(name="Chief <editor>").permissions.add(approve)
    words = (
        "“Approve” takes the right to approve orders, which you do not have; the role Chief <editor> has it. "
        "Who can: thabo. Ask one of them."
    )
    assert why(order, building.author(), "others_can")["approve"] == words
    assert "Chief &lt;editor&gt;" in shown(order, building.author()).content.decode()


def test_every_permission_that_a_deed_needs_has_words() -> None:
    offers: list[Offer[Any]] = [EDIT, *ORDER_DEEDS, *CAMPAIGN_DEEDS]
    needed = {permission for offer in offers for permission in offer.permissions}
    assert needed == set(DEEDS)


def test_at_most_five_people_are_named() -> None:
    for number in range(7):
        factories.make_user(f"approver{number}", "approve_order")
    words = why(building.awaiting_approval(), building.author(), "others_can")["approve"]
    assert "Who can: approver0, approver1, approver2, approver3, approver4 and others. Ask one of them." in words


def test_whoever_wrote_an_order_is_told_that_nobody_approves_what_they_wrote() -> None:
    both = factories.make_user("both", *building.EVERYTHING)
    order = building.awaiting_approval(both)
    factories.make_user("thabo", "approve_order")
    assert why(order, both, "others_can") == {
        "approve": "You wrote or submitted it, and nobody approves what they wrote: somebody else must. "
        "Who can: thabo. Ask one of them."
    }


def test_a_state_that_forbids_it_is_told_with_where_it_is_possible_and_what_comes_first() -> None:
    order = building.queued()
    boss = User.objects.create_superuser("boss", password="x")
    first = "A worker sends it within seconds; to stop that, return it to draft first."
    assert why(order, boss, "nobody_can") == {
        "edit": f"Only in the state “draft”; this order is “queued”. {first}",
        "submit": f"Only in the state “draft”; this order is “queued”. {first}",
        "approve": f"Only in the state “awaiting approval”; this order is “queued”. {first}",
        "reject": f"Only in the state “awaiting approval”; this order is “queued”. {first}",
        "settle": "Nothing is in doubt: the order is “queued”.",
        "renew": f"Only in the state “published”; this order is “queued”. {first}",
        "replace": "Only a published order is replaced, while one of its campaigns is not over. Duplicate any other.",
        "rescue": "Only the dates of an order that was not sent are moved so, once its start is past or close.",
    }
    assert why(order, boss, "others_can") == {}


def test_an_order_whose_campaigns_are_over_is_told_to_be_renewed_and_not_to_be_paused() -> None:
    boss = User.objects.create_superuser("boss", password="x")
    order = building.published("queue_1", "queue_2")
    begins = "Only in the state “draft”; this order is “published”. "
    Campaign.objects.filter(tracking_id="queue_1").update(phase="completed")
    assert why(order, boss, "nobody_can")["edit"] == (
        f"{begins}Flow has it: pause or cancel its campaigns, or build a new order."
    )
    Campaign.objects.filter(tracking_id="queue_2").update(phase="cancelled")
    assert why(order, boss, "nobody_can")["edit"] == (
        f"{begins}Its campaigns are over: to advertise again, renew or duplicate it."
    )


def test_an_order_of_whose_listings_none_is_left_is_told_that_nothing_of_it_can_be_copied() -> None:
    boss = User.objects.create_superuser("boss", password="x")
    order = building.published("queue_1")
    order.listings.update(status="sold")
    nothing = (
        "None of the listings can be advertised any more: they are inactive, sold, withdrawn or of another branch. "
        "Build a new order."
    )
    told = why(order, boss, "nobody_can")
    assert (told["duplicate"], told["renew"]) == (nothing, nothing)
    assert (
        told["replace"] == f"{nothing} To cancel alone, cancel its campaigns, each on its own page or all as a batch."
    )
    answer = building.client_of(boss).get(f"/admin/campaigns/order/{order.pk}/renew/", follow=True)
    assert f"“Renew” is not possible for {order} now, and nothing was done. {nothing}" in answer.content.decode()


def test_an_order_of_whose_listings_one_is_left_can_be_copied() -> None:
    boss, branch = User.objects.create_superuser("boss", password="x"), factories.make_branch()
    listings = (factories.make_listing(branch), factories.make_listing(branch, status="sold"))
    order = building.published("queue_1", branch=branch, listings=listings, agent=None)
    assert {"duplicate", "renew", "replace"}.isdisjoint(why(order, boss, "nobody_can"))


@pytest.mark.parametrize(
    ("build", "first"),
    [
        (building.draft, ["submit"]),
        (building.awaiting_approval, ["approve"]),
        (building.queued, []),
        (building.rejected, ["return"]),
        (lambda: building.published("queue_1"), []),
    ],
    ids=["draft", "awaiting", "queued", "rejected", "published"],
)
def test_only_the_deed_that_moves_an_order_on_stands_out(build: Callable[..., Order], first: list[str]) -> None:
    answer = shown(build(), User.objects.create_superuser("boss", password="x"))
    assert [button["deed"].name for button in answer.context["buttons"] if button["stands_out"]] == first
    links = re.findall(r"<a [^>]*>", answer.content.decode())
    assert sum("bg-primary-600" in link and "/campaigns/order/" in link for link in links) == len(first)


def test_nothing_stands_out_for_an_approver_of_what_is_queued() -> None:
    approver = factories.make_user("approver", "view_order", "approve_order")
    buttons = shown(building.queued(), approver).context["buttons"]
    assert [(button["deed"].name, button["stands_out"]) for button in buttons] == [("dry_run", False)]


def test_moving_the_start_stands_out_once_it_is_past() -> None:
    order, boss = building.draft(), User.objects.create_superuser("boss", password="x")
    Order.objects.filter(pk=order.pk).update(start_at=timezone.now() - timedelta(hours=1))
    buttons = shown(order, boss).context["buttons"]
    assert [button["deed"].name for button in buttons if button["stands_out"]] == ["rescue"]


def test_a_button_that_is_not_possible_can_be_reached_and_is_described_and_leads_nowhere() -> None:
    order = building.awaiting_approval(factories.make_user("both", *building.EVERYTHING))
    html = shown(order, User.objects.get(username="both")).content.decode()
    assert '<button type="button" aria-disabled="true" aria-describedby="why-not-approve"' in html
    assert 'id="why-not-approve">You wrote or submitted it' in html
    assert f"/admin/campaigns/order/{order.pk}/approve/" not in html


def test_every_deed_of_a_campaign_is_either_offered_or_explained() -> None:
    campaign = building.campaign(phase="live")
    factories.make_user("thabo", "command_campaign")
    reader = factories.make_user("reader", "view_campaign")
    labels = {"pause": "Pause campaign", "check": "Check now", "cancel": "Cancel campaign"}
    roles = "Publisher, Branch manager and Administrator"
    assert why(campaign, reader, "others_can") == {
        name: lacks(label, "pause, resume or cancel campaigns", roles) for name, label in labels.items()
    }
    assert why(campaign, reader, "nobody_can") == {
        "resume": "Only in the phase “paused” or “unrecognised”; this campaign is “live”."
    }


def test_a_campaign_that_is_over_says_so_for_each_deed() -> None:
    boss = User.objects.create_superuser("boss", password="x")
    words = "The campaign is over (completed), and Flow is not asked about it any more. To advertise again, build a new order."
    assert why(building.campaign(phase="completed"), boss, "nobody_can") == {
        deed.name: words for deed in CAMPAIGN_DEEDS
    }


def test_what_is_asked_already_says_by_whom() -> None:
    campaign = building.campaign(phase="live")
    boss = User.objects.create_superuser("boss", password="x")
    commands.ask(campaign.pk, Action.PAUSE, reason="Sold.", user=boss, now=timezone.now())
    words = why(campaign, boss, "nobody_can")["pause"]
    assert words.startswith("boss asked for it already, ")
    assert words.endswith("Wait until Flow confirms it, or ask for something else.")


def test_a_deed_that_does_not_suit_the_person_says_what_they_lack() -> None:
    order, user = building.draft(), building.author()
    deed = replace(ORDER_DEEDS[0], suits=lambda _row, who: who != user)
    assert not deed.is_for(user, order)
    assert [each.words for each in hindrances(user, order, [deed])["others_can"]] == [
        "You lack another permission that it needs. Ask an administrator for it."
    ]
    assert deed.is_for(User.objects.create_superuser("boss", password="x"), order)


def test_names_from_outside_stay_text() -> None:
    order = building.draft(branch=factories.make_branch(name="<b>Sea</b>", approval_threshold=Decimal(1)))
    User.objects.update(is_active=False)
    reader = factories.make_user("reader", "view_order")
    html = shown(order, reader).content.decode()
    assert "&lt;b&gt;Sea&lt;/b&gt;" in html
    assert "<b>Sea" not in html
