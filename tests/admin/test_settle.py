"""Doubt is settled on a page that shows what was sent, asks what was found, and lets a second person agree."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from campaigns.admin import look
from campaigns.domain.texts import without_hidden
from campaigns.models import Campaign, Listing, Order, Settlement
from campaigns.services import recording
from tests import factories
from tests.admin import building
from tests.services.conftest import flow
from tests.services.flow_server import Flow

pytestmark = pytest.mark.django_db
__all__ = ["flow"]


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
    for shown in (
        "Flow did not answer in time.",
        "half an ans",
        order.payload_sha256,
        order.order_ref,
        "Exactly what was sent",
    ):
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
    assert (form["resolution"].value(), form["evidence"].value()) == ("abandon", None)
    assert "naledi has answered already" in second.get(page(order)).content.decode()
    say(second, order, "abandon", evidence="The client withdrew.")
    assert Order.objects.get().state == "cancelled"


def test_the_same_person_twice_settles_nothing_and_is_told_so(order: Order) -> None:
    client = building.client_of(person("naledi"))
    say(client, order, "abandon", evidence="x")
    answer = say(client, order, "abandon", evidence="x")
    assert Order.objects.get().state == "unknown"
    assert Settlement.objects.count() == 1
    assert "naledi said so already, at " in client.get(answer.url).content.decode()
    html = client.get(page(order)).content.decode()
    assert "You have answered already; a second person must find the same." in html


def test_a_second_person_reads_who_said_what_when_and_how_they_know(order: Order) -> None:
    say(building.client_of(person("naledi")), order, "not_live", evidence="I <asked> Flow's support.")
    html = building.client_of(person("thabo")).get(page(order)).content.decode()
    said = Settlement.objects.get()
    assert (
        f"<strong>naledi</strong> said “Not live”, {look.when(said.proposed_at)}. "
        "“I &lt;asked&gt; Flow&#x27;s support.”" in html
    )


def test_a_second_person_who_found_something_else_settles_nothing(order: Order) -> None:
    say(building.client_of(person("naledi")), order, "not_live", evidence="Not there.")
    answer = say(building.client_of(person("thabo")), order, "abandon", evidence="The client withdrew.")
    assert [(message.level_tag, message.message) for message in answer.wsgi_request._messages] == [
        (
            "warning",
            "naledi says it is not live and is to be sent again; you say it is to be abandoned. "
            "Nothing happens until two people say the same.",
        )
    ]
    assert Order.objects.get().state == "unknown"
    assert [*Settlement.objects.values_list("resolution", flat=True)] == ["not_live", "abandon"]
    assert not Settlement.objects.exclude(confirmed_by=None).exists()


def test_each_way_out_says_what_it_means_for_the_money(order: Order) -> None:
    html = building.client_of(person("naledi")).get(page(order)).content.decode()
    for words in (
        "Nothing is sent: the money, 1,500.00 ZAR, is spent already.",
        "The same order is sent again within seconds, and spends 1,500.00 ZAR.",
        "If Flow has published it after all, the money, 1,500.00 ZAR, is spent and nobody follows it.",
    ):
        assert words in html


def test_what_was_sent_is_told_as_it_was_frozen(order: Order) -> None:
    listing = order.listings.get()
    sent = (listing.external_id, order.plan.ref, order.branch.external_id)
    Listing.objects.filter(pk=listing.pk).update(external_id="moved-since", title="Another <title>")
    html = building.client_of(person("naledi")).get(page(order)).content.decode()
    assert all(ref in html for ref in sent)
    assert "moved-since" not in html


def test_an_order_with_campaigns_of_an_earlier_attempt_cannot_be_sent_again(order: Order) -> None:
    recording.make_campaigns(order, order.attempts.get(), ("queue_0",), "active", timezone.now())
    client = building.client_of(person("naledi", "settle_alone"))
    assert (
        "Not possible here: 1 campaign of an earlier attempt is at Flow already."
        in client.get(page(order)).content.decode()
    )
    answer = say(client, order, "not_live", evidence="x")
    assert answer.status_code == 409
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
    answer = say(building.client_of(person("naledi", "settle_alone")), order, "live", tracking_ids="queue_1\r\nqueue_2")
    (message,) = errors(answer)["tracking_ids"]
    assert message.startswith("The tracking id queue_1 could not be checked:")
    assert message.endswith("Nothing was settled.")
    assert "queue_1\r\nqueue_2</textarea>" in answer.content.decode()
    assert Order.objects.get().state == "unknown"
    assert not Settlement.objects.exists()
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("written", "messages"),
    [
        (" queue_1", ["“ queue_1” has spaces in it. Paste the tracking id alone."]),
        ("queue_1 ", ["“queue_1 ” has spaces in it. Paste the tracking id alone."]),
        ("queue_1\t\r\n", ["“queue_1\t” has spaces in it. Paste the tracking id alone."]),
        ("que ue_1, queue_2", ["“que ue_1, queue_2” has spaces in it. Paste the tracking id alone."]),
        ("queue_1\x0bqueue_2", ["“queue_1\x0bqueue_2” has spaces in it. Paste the tracking id alone."]),
        ("\r\n \r\n", ["Enter the tracking ids that Flow shows for this order."]),
        (
            "a b\r\n\r\nqueue_1\r\nqueue_1\r\nqueue_0",
            [
                "“a b” has spaces in it. Paste the tracking id alone.",
                "A tracking id is empty. Remove it.",
                "“queue_1” is there more than once. Enter it once.",
                "queue_0 belongs to order {other}.",
            ],
        ),
        ("<b>x</b> y", ["“<b>x</b> y” has spaces in it. Paste the tracking id alone."]),
    ],
)
def test_tracking_ids_that_are_wrong_are_all_named_beside_the_field_and_stay_in_it(
    order: Order, written: str, messages: list[str]
) -> None:
    other = building.published("queue_0")
    client = building.client_of(person("naledi", "settle_alone"))
    answer = say(client, order, "live", tracking_ids=written, evidence="I saw it.")
    assert errors(answer) == {"tracking_ids": [message.format(other=other) for message in messages]}
    html = answer.content.decode()
    assert f"{escape(without_hidden(written))}</textarea>" in html
    assert "I saw it.</textarea>" in html
    message = escape(without_hidden(errors(answer)["tracking_ids"][0]))
    assert html.index("Tracking ids") < html.index(message) < html.index("Abandon it")
    assert Order.objects.get(pk=order.pk).state == "unknown"
    assert not Settlement.objects.exists()


def test_a_line_end_after_the_last_tracking_id_is_no_tracking_id(order: Order, flow: Flow) -> None:
    flow.statuses |= {"queue_1": "active", "queue_2": "active"}
    client = building.client_of(person("naledi", "settle_alone"))
    say(client, order, "live", tracking_ids="queue_1\r\nqueue_2\r\n\r\n")
    assert Order.objects.get().state == "published"
    assert [*Campaign.objects.order_by("tracking_id").values_list("tracking_id", flat=True)] == ["queue_1", "queue_2"]
    assert flow.asked == ["queue_1", "queue_2"]


def test_tracking_ids_that_flow_does_not_know_are_all_named(order: Order, flow: Flow) -> None:
    flow.statuses["queue_1"] = "active"
    client = building.client_of(person("naledi", "settle_alone"))
    answer = say(client, order, "live", tracking_ids="typo_1\nqueue_1\ntypo_2")
    assert errors(answer) == {
        "tracking_ids": [
            "Flow does not know the tracking id typo_1. Copy it from Flow once more.",
            "Flow does not know the tracking id typo_2. Copy it from Flow once more.",
        ]
    }
    assert not Campaign.objects.exists()


def test_tracking_ids_of_an_order_that_is_not_live_are_refused_beside_the_field(order: Order) -> None:
    client = building.client_of(person("naledi", "settle_alone"))
    answer = say(client, order, "not_live", tracking_ids="queue_1", evidence="Not there.")
    assert errors(answer) == {
        "tracking_ids": ["Tracking ids are only for an order that is live. Remove them, or say that it is."]
    }
    assert Order.objects.get().state == "unknown"


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
