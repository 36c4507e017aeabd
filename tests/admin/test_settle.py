"""Doubt is settled on a page that shows what was sent, asks what was found, and lets a second person agree."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns.models import Campaign, Order, Settlement
from tests import factories
from tests.admin import building

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    return building.in_doubt()


def person(name: str, *more: str) -> User:
    return factories.make_user(name, "view_order", "settle_order", *more)


def page(order: Order) -> str:
    return f"/admin/campaigns/order/{order.pk}/settle/"


def say(client: Client, order: Order, resolution: str, **words: Any) -> Any:
    version = Order.objects.get(pk=order.pk).version
    return client.post(page(order), {"version": version, "resolution": resolution} | words)


def errors(answer: Any) -> dict[str, list[str]]:
    return {field: list(words) for field, words in answer.context["form"].errors.items()}


def test_the_page_shows_what_was_sent_and_what_came_back(order: Order) -> None:
    html = building.client_of(person("naledi")).get(page(order)).content.decode()
    for shown in ("Flow did not answer in time.", "half an ans", "Attempt 1", order.order_ref, "Exactly what was sent"):
        assert shown in html
    assert "a second person must find the same before anything happens" in html
    assert not Settlement.objects.exists()


def test_one_person_alone_only_proposes(order: Order) -> None:
    answer = say(building.client_of(person("naledi")), order, "not_live", evidence="Not in Flow's list.")
    assert answer.status_code == 302
    assert Order.objects.get().state == "unknown"
    assert Settlement.objects.get().confirmed_by is None


def test_a_second_person_sees_the_proposal_and_agrees(order: Order) -> None:
    say(building.client_of(person("naledi")), order, "abandon", evidence="The client withdrew.")
    second = building.client_of(person("thabo"))
    form = second.get(page(order)).context["form"]
    assert (form["resolution"].value(), form["evidence"].value()) == ("abandon", "The client withdrew.")
    assert "naledi has answered already" in second.get(page(order)).content.decode()
    say(second, order, "abandon", evidence="The client withdrew.")
    assert Order.objects.get().state == "cancelled"


def test_the_same_person_twice_settles_nothing(order: Order) -> None:
    client = building.client_of(person("naledi"))
    say(client, order, "abandon", evidence="x")
    say(client, order, "abandon", evidence="x")
    assert Order.objects.get().state == "unknown"


def test_who_may_do_it_alone_does(order: Order) -> None:
    client = building.client_of(person("naledi", "settle_alone"))
    assert "You may settle this without a second person." in client.get(page(order)).content.decode()
    say(client, order, "not_live", evidence="Flow's support says so.")
    assert Order.objects.get().state == "queued"


@pytest.mark.parametrize(
    ("words", "field", "message"),
    [
        ({"resolution": ""}, "resolution", "Choose what you found at Flow."),
        ({"resolution": "live"}, "tracking_ids", "Enter the tracking ids that Flow shows for this order."),
        (
            {"resolution": "live", "tracking_ids": "a b"},
            "tracking_ids",
            "“a b” has spaces in it. Paste the tracking id alone.",
        ),
        (
            {"resolution": "not_live"},
            "evidence",
            "Say in words how you know, or why: it is kept as evidence.",
        ),
    ],
)
def test_what_is_missing_is_said_beside_its_field(
    order: Order, words: dict[str, str], field: str, message: str
) -> None:
    answer = say(building.client_of(person("naledi")), order, **({"resolution": ""} | words))
    assert errors(answer) == {field: [message]}
    assert Order.objects.get().state == "unknown"
    assert not Settlement.objects.exists()


def test_tracking_ids_that_cannot_be_checked_settle_nothing_and_stay_in_the_form(order: Order) -> None:
    answer = say(
        building.client_of(person("naledi", "settle_alone")), order, "live", tracking_ids="queue_1\r\n\r\n queue_2 "
    )
    assert answer.status_code == 409
    (message,) = errors(answer)["__all__"]
    assert message.startswith("The tracking id queue_1 could not be checked:")
    assert message.endswith("Nothing was settled.")
    assert "queue_2" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_an_answer_to_an_older_view_settles_nothing(order: Order) -> None:
    client = building.client_of(person("naledi", "settle_alone"))
    answer = client.post(page(order), {"version": order.version - 1, "resolution": "abandon", "evidence": "x"})
    assert answer.status_code == 409
    assert Order.objects.get().state == "unknown"
    assert not Settlement.objects.exists()


def test_the_page_of_the_order_shows_proposals(order: Order) -> None:
    client = building.client_of(person("naledi"))
    say(client, order, "not_live", evidence="Not in Flow's list.")
    html = client.get(f"/admin/campaigns/order/{order.pk}/change/").content.decode()
    assert "Not in Flow&#x27;s list." in html
    assert "not confirmed" in html
