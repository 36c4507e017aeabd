"""Templates: an order's content under a name, for the people of its branch."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.models import Event, Order, OrderTemplate
from campaigns.services import templates
from campaigns.services.content import Content
from campaigns.services.errors import NotAllowed, Refused
from tests.factories import make_agent, make_branch, make_listing, make_user
from tests.services.building import DAY, NOW, draft, reload
from tests.services.conftest import WRITES


def saved(order: Order, user: User, name: str = "Spring") -> OrderTemplate:
    return templates.save_template(order.pk, name, user=user, now=NOW)


@pytest.fixture
def order(author: User) -> Order:
    branch = make_branch()
    listings = (make_listing(branch), make_listing(branch))
    more = {"start_at": NOW + DAY, "budget_override": Decimal("99.90")}
    return draft(author, branch=branch, agent=make_agent(branch), listings=listings, **more)


def test_a_new_order_has_the_content_without_dates(author: User, order: Order) -> None:
    template = saved(order, author)

    begun = reload(templates.begin_from_template(template.pk, user=author, now=NOW))

    old, new = Content.of(order).as_data(), Content.of(begun).as_data()
    assert new == old | {"start_at": None, "end_at": None}
    assert (begun.state, begun.problem, begun.copied_from) == ("draft", "", None)
    assert [event.text for event in begun.events.all()] == ["anna created the order from template “Spring”."]


def test_what_is_gone_is_left_out_and_told(author: User, order: Order) -> None:
    template = saved(order, author)
    first, second = order.listings.order_by("external_id")
    type(first).objects.filter(pk=first.pk).update(external_id="renamed")
    assert order.agent is not None
    type(order.agent).objects.update(active=False)

    begun = reload(templates.begin_from_template(template.pk, user=author, now=NOW))

    assert (list(begun.listings.all()), begun.agent) == ([second], None)
    assert begun.problem == (
        f"Left out of the copy: listing {first.external_id}, which is not there any more; "
        f"agent {order.agent}, who is not active or works at another branch. Look at it before you submit it."
    )


def test_ids_that_another_branch_has_now_are_not_looked_up_there(author: User, order: Order) -> None:
    template = saved(order, author)
    first, _ = order.listings.order_by("external_id")
    assert order.agent is not None
    ids = first.external_id, order.agent.external_id
    type(first).objects.filter(pk=first.pk).update(external_id="renamed")
    type(order.agent).objects.update(external_id="renamed")
    elsewhere = make_branch()
    make_listing(elsewhere, title="A secret sale", external_id=ids[0])
    make_agent(elsewhere, name="Zed", external_id=ids[1])

    begun = reload(templates.begin_from_template(template.pk, user=author, now=NOW))

    assert begun.problem == (
        f"Left out of the copy: listing {ids[0]}, which is not there any more; agent {ids[1]}, who is not there any more. "
        "Look at it before you submit it."
    )


def test_a_template_whose_plan_is_gone_makes_nothing(author: User, order: Order) -> None:
    template = saved(order, author)
    type(order.plan).objects.update(ref="renamed")
    with pytest.raises(Refused, match="There is no plan"):
        templates.begin_from_template(template.pk, user=author, now=NOW)
    assert Order.objects.count() == 1


def test_a_name_is_given_once_in_a_branch(author: User, order: Order) -> None:
    saved(order, author)
    with pytest.raises(ValidationError, match="has a template “Spring” already"):
        saved(order, author, " Spring ")
    with pytest.raises(ValidationError, match="Give the template a name"):
        saved(order, author, " ")
    with pytest.raises(ValidationError, match="at most 100 characters, not 101"):
        saved(order, author, "x" * 101)
    assert OrderTemplate.objects.count() == 1
    assert Event.objects.filter(kind="template.saved").count() == 1
    assert saved(draft(author), author).name == "Spring"


def test_renaming_and_deleting_are_told_in_the_branch_s_history(author: User, order: Order) -> None:
    template = saved(order, author)
    templates.rename_template(template.pk, "Summer", user=author, now=NOW)
    templates.delete_template(template.pk, user=author, now=NOW)
    assert not OrderTemplate.objects.exists()
    lines = Event.objects.filter(subject=f"branch:{order.branch.external_id}").order_by("pk")
    assert list(lines.values_list("kind", "text")) == [
        ("template.saved", f"anna saved order {order} as template “Spring”."),
        ("template.renamed", "anna renamed template “Spring” to “Summer”."),
        ("template.deleted", "anna deleted template “Summer”."),
    ]


def test_people_of_another_branch_and_without_the_right_do_nothing(author: User, order: Order) -> None:
    template = saved(order, author)
    lines = Event.objects.count()
    for user in (make_user("eve", *WRITES, branches=[make_branch()]), make_user("dina", "view_order")):
        for deed in (
            lambda user=user: saved(order, user, "Mine"),
            lambda user=user: templates.rename_template(template.pk, "Mine", user=user, now=NOW),
            lambda user=user: templates.delete_template(template.pk, user=user, now=NOW),
            lambda user=user: templates.begin_from_template(template.pk, user=user, now=NOW),
        ):
            with pytest.raises(NotAllowed):
                deed()
    assert (OrderTemplate.objects.get().name, Order.objects.count(), Event.objects.count()) == ("Spring", 1, lines)
