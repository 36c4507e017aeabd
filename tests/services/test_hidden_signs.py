"""Control characters and marks of direction: cleaned out of what staff say, refused in the catalogue."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from campaigns.domain.states import Action, Resolution
from campaigns.models import Agent, Branch, Event, Listing, OrderTemplate, Plan, Settlement
from campaigns.services import catalogue, commands, imports, orders, templates
from campaigns.services.settling import settle
from tests import factories
from tests.flow.nasty_server import says
from tests.services import building
from tests.services.batching import start
from tests.services.building import NOW
from tests.services.flow_server import Flow
from tests.services.following import commander, publish_campaign

pytestmark = pytest.mark.django_db
TURNED = "Too\u202e dear\x07."
TURNS = "The text has an invisible sign (U+202E) that would turn text around. Remove it."
CONTROL = "The text has an invisible control character (U+0007). Type it again without."
TEXTS = [
    (Branch, ["name"]),
    (Agent, ["name", "email"]),
    (Listing, ["title", "address", "url", "image_url", "status"]),
    (Plan, ["name", "objective", "channels"]),
]


def test_the_comment_of_a_rejection_is_cleaned(author: User, approver: User) -> None:
    order = building.awaiting(author)
    assert orders.reject(order.pk, order.version, comment=TURNED, user=approver, now=NOW).problem == "Too dear."
    assert building.last_event(order).text.endswith(": Too dear.")


def test_the_reasons_of_moves_are_cleaned(author: User) -> None:
    order = building.awaiting(author)
    order = orders.return_to_draft(order.pk, order.version, reason=TURNED, user=author, now=NOW)
    assert building.last_event(order).text.endswith(": Too dear.")
    order = orders.cancel(order.pk, order.version, reason=TURNED, user=author, now=NOW)
    assert building.last_event(order).text.endswith(": Too dear.")


def test_a_reason_of_hidden_signs_alone_is_none(author: User) -> None:
    order = building.awaiting(author)
    before = building.everything()
    with pytest.raises(ValidationError, match="Say why the order is cancelled"):
        orders.cancel(order.pk, order.version, reason="\u202e\x00", user=author, now=NOW)
    assert building.everything() == before


def test_what_is_asked_of_a_campaign_is_cleaned(author: User, flow: Flow) -> None:
    campaign = publish_campaign(flow, author)
    command = commands.ask(campaign.pk, Action.PAUSE, reason=TURNED, user=commander(), now=NOW)
    assert command.reason == "Too dear."
    assert Event.objects.latest("pk").text.endswith(": Too dear.")


def test_the_reason_of_a_batch_is_cleaned(author: User) -> None:
    assert start("cancel", building.draft(author), user=author, reason=TURNED).reason == "Too dear."


def test_the_evidence_about_a_doubt_is_cleaned(author: User, flow: Flow) -> None:
    order = building.queued(author)
    flow.on_publish(says(500))
    building.publish(order)
    sue = factories.make_user("sue", "settle_order")
    settle(order.pk, Resolution.ABANDON, evidence=TURNED, user=sue, now=NOW)
    assert Settlement.objects.get().evidence == "Too dear."


def test_the_name_of_a_file_is_cleaned() -> None:
    admin = factories.make_user("admin", is_superuser=True)
    assert imports.keep("agents", io.BytesIO(b"name"), "a\u202evsc.csv", user=admin, now=NOW).name == "avsc.csv"


def test_the_name_of_a_template_is_cleaned(author: User) -> None:
    order = building.awaiting(author)
    templates.save_template(order.pk, "Week\u202e end", user=author, now=NOW)
    assert OrderTemplate.objects.get().name == "Week end"


@pytest.mark.parametrize(("hidden", "words"), [("\u202e", TURNS), ("\x07", CONTROL)])
@pytest.mark.parametrize(("model", "name"), [(model, name) for model, names in TEXTS for name in names])
def test_a_text_of_the_catalogue_with_a_hidden_sign_is_refused_beside_its_field(
    model: type[Branch | Agent | Listing | Plan], name: str, hidden: str, words: str
) -> None:
    entry = model(**{name: f"https://portal.example/a{hidden}b"})
    with pytest.raises(ValidationError) as refused:
        entry.full_clean()
    assert words in refused.value.message_dict[name]


def test_an_entry_with_a_hidden_sign_is_not_saved() -> None:
    admin = factories.make_user("admin", is_superuser=True)
    with pytest.raises(ValidationError) as refused:
        catalogue.save(Branch(external_id="B1", name="San\u202edton"), user=admin, now=NOW)
    assert refused.value.message_dict == {"name": [TURNS]}
    assert not Branch.objects.exists()
    assert not Event.objects.exists()
