from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Order
from campaigns.services import orders
from campaigns.services.errors import NotAllowed, Stale
from tests.services.building import DAY, NOW, awaiting, everything, last_event, reload


def test_sends_the_order_back_to_its_author_with_the_comment(author: User, approver: User) -> None:
    order = awaiting(author)

    orders.reject(order.pk, order.version, comment=" Too dear. ", user=approver, now=NOW)

    order = reload(order)
    assert (order.state, order.version, order.problem) == ("draft", 3, "Too dear.")
    assert (order.payload, order.payload_sha256, order.budget, order.currency) == ("", "", None, "")
    assert (order.submitted_by, order.submitted_at, order.approved_by) == (None, None, None)
    assert order.not_approved_at == NOW
    event = last_event(order)
    assert (event.kind, event.actor) == ("order.not_approved", approver)
    assert event.text == "ben did not approve the order: Too dear."


def test_shows_the_comment_until_the_order_is_submitted_again(author: User, approver: User) -> None:
    order = awaiting(author)
    order = orders.reject(order.pk, order.version, comment="Too dear.", user=approver, now=NOW)

    orders.submit(order.pk, order.version, user=author, now=NOW)

    order = reload(order)
    assert (order.problem, order.not_approved_at) == ("", None)


@pytest.mark.parametrize("comment", ["", "  \n"])
def test_asks_for_a_comment(author: User, approver: User, comment: str) -> None:
    order = awaiting(author)
    before = everything()

    with pytest.raises(ValidationError) as caught:
        orders.reject(order.pk, order.version, comment=comment, user=approver, now=NOW)

    assert caught.value.message_dict == {"comment": ["Say why, so that the author knows what to change."]}
    assert everything() == before


def test_works_when_the_start_has_passed(author: User, approver: User) -> None:
    order = awaiting(author, start_at=NOW + DAY)

    assert orders.reject(order.pk, order.version, comment="Late.", user=approver, now=NOW + 2 * DAY).state == "draft"


def test_is_for_those_who_may_approve_orders(author: User) -> None:
    order = awaiting(author)
    before = everything()

    with pytest.raises(NotAllowed, match="anna may not reject orders"):
        orders.reject(order.pk, order.version, comment="No.", user=author, now=NOW)

    assert everything() == before


def test_refuses_another_version_than_the_one_that_was_looked_at(author: User, approver: User) -> None:
    order = awaiting(author)
    before = everything()

    with pytest.raises(Stale):
        orders.reject(order.pk, order.version - 1, comment="No.", user=approver, now=NOW)

    assert everything() == before


def test_the_upgrade_notes_which_drafts_were_sent_back_before(author: User, approver: User) -> None:
    sent_back, returned = awaiting(author), awaiting(author)
    orders.reject(sent_back.pk, sent_back.version, comment="Too dear.", user=approver, now=NOW)
    orders.reject(returned.pk, returned.version, comment="Too dear.", user=approver, now=NOW)
    again = orders.submit(returned.pk, returned.version + 1, user=author, now=NOW)
    orders.return_to_draft(again.pk, again.version, user=author, now=NOW)
    Order.objects.update(not_approved_at=None, problem="Too dear.")

    import_module("campaigns.migrations.0017_alerts_that_ask").note_drafts_sent_back(apps, None)

    assert (reload(sent_back).not_approved_at, reload(returned).not_approved_at) == (NOW, None)
