import json

import pytest
from django.contrib.auth.models import User

from campaigns.models import Order
from campaigns.services import orders, pace
from campaigns.services.dry_runs import DryRunResult, dry_run, sha256_of_request
from campaigns.services.errors import NotAllowed, Refused
from tests.factories import make_user
from tests.flow.nasty_server import Play, says, then_closes
from tests.services.building import MINUTE, NOW, awaiting, draft, everything, kinds, last_event, publish, queued, reload
from tests.services.flow_server import TOKEN, Flow


def ask(order: Order, user: User | None) -> DryRunResult:
    return dry_run(order.pk, user=user, now=NOW)


def test_shows_what_flow_says_and_makes_no_campaign(author: User, flow: Flow) -> None:
    order = draft(author)
    flow.on_publish(says(200, {"estimate": 12}))

    result = ask(order, author)

    assert result == DryRunResult(True, "", 200, (("Estimate", "12"),), '{"estimate": 12}')
    assert result.told == "Estimate: 12."
    assert (reload(order).state, reload(order).version) == ("draft", order.version)
    assert not order.attempts.exists()
    assert not order.campaigns.exists()
    event = last_event(order)
    assert (event.kind, event.actor, event.text) == (
        "order.dry_run",
        author,
        "Dry run: Flow would take it.",
    )
    assert event.data == {
        "ok": True,
        "http_status": 200,
        "version": 1,
        "payload_sha256": sha256_of_request(order),
        "facts": [["Estimate", "12"]],
        "answer": '{"estimate": 12}',
    }


@pytest.mark.parametrize("body", [{"error": "budget too low"}, {"valid": False, "message": "budget too low"}])
def test_an_answer_that_says_no_in_words_is_no_yes(author: User, flow: Flow, body: dict[str, object]) -> None:
    order = draft(author)
    flow.on_publish(says(200, body))

    result = ask(order, author)

    assert (result.ok, result.words, result.http_status) == (False, "budget too low", 200)
    assert last_event(order).text == "Dry run: Flow would refuse it. budget too low"


def test_makes_no_campaign_of_ids_that_a_dry_run_gives(author: User, flow: Flow) -> None:
    order = draft(author)
    flow.on_publish(flow.accepts("queue_a"))

    assert ask(order, author).ok

    assert not order.campaigns.exists()
    assert reload(order).state == "draft"


@pytest.mark.parametrize("make", [queued, awaiting])
def test_asks_about_what_was_submitted_and_says_that_it_is_a_dry_run(author: User, flow: Flow, make: object) -> None:
    order = queued(author) if make is queued else awaiting(author)

    ask(order, author)

    assert flow.publishes == [json.loads(order.payload) | {"dryRun": True}]
    assert reload(order).state == order.state


def test_asks_about_a_draft_as_it_is_now(author: User, flow: Flow) -> None:
    order = draft(author)

    ask(order, author)
    submitted = orders.submit(order.pk, 1, user=author, now=NOW)

    assert flow.publishes == [json.loads(submitted.payload) | {"dryRun": True}]


def test_shows_why_flow_would_say_no(author: User, flow: Flow) -> None:
    order = draft(author)
    flow.on_publish(says(400, {"error": "planRef is unknown", "fields": {"planRef": "not ours"}}))

    result = ask(order, author)

    answer = '{"error": "planRef is unknown", "fields": {"planRef": "not ours"}}'
    assert result == DryRunResult(False, "planRef is unknown", 400, (("Fields, plan ref", "not ours"),), answer)
    assert result.told == "planRef is unknown Fields, plan ref: not ours."
    assert last_event(order).text == "Dry run: Flow would refuse it. planRef is unknown"
    assert reload(order).state == "draft"


def test_needs_nobody_behind_it(author: User, flow: Flow) -> None:
    order = draft(author)

    ask(order, None)

    assert (last_event(order).actor, last_event(order).actor_kind) == (None, "scheduler")


@pytest.mark.parametrize(
    "play", [says(500), says(307, Location="/"), then_closes(b"")], ids=["a failure", "a redirect", "a cut"]
)
def test_says_that_it_got_no_answer_and_spent_nothing(author: User, flow: Flow, play: Play) -> None:
    order = draft(author)
    flow.on_publish(play)
    before = everything()

    with pytest.raises(
        Refused, match=r"^The dry run gave no answer: .* A dry run publishes nothing and spends nothing\.$"
    ):
        ask(order, author)

    assert everything() == before


def test_fetches_one_fresh_token_where_flow_refuses_the_old_one(author: User, flow: Flow) -> None:
    order = draft(author)
    flow.on_publish(says(401, {}), says(202, {}))

    assert ask(order, author).ok

    assert len(flow.server.at("token")) == 2
    assert flow.server.at("publish")[0].bearer == TOKEN


def test_keeps_everybody_waiting_where_flow_asks_for_it(author: User, flow: Flow) -> None:
    order, other = draft(author), queued(author)
    flow.on_publish(says(429, {}, Retry_After="60"))

    with pytest.raises(Refused, match=r"Nothing was published\."):
        ask(order, author)

    assert pace.held_until(NOW) == NOW + MINUTE
    assert publish(other).outcome == "waiting"
    with pytest.raises(
        Refused, match=r"Flow asked us to wait until 1 Jan 2030, 11:01 SAST\. Nothing was sent; try again then\."
    ):
        ask(order, author)
    assert len(flow.publishes) == 1
    assert kinds(order) == ["order.created"]


def test_is_for_those_who_may_change_submit_or_approve_orders(author: User, flow: Flow) -> None:
    order = draft(author)
    stranger = make_user("stranger", "view_order")

    with pytest.raises(NotAllowed, match="stranger may not ask Flow to validate orders"):
        ask(order, stranger)

    assert flow.server.received == []


@pytest.mark.parametrize("permission", ["change_order", "submit_order", "approve_order"])
def test_any_of_these_rights_is_enough(author: User, flow: Flow, permission: str) -> None:
    order = draft(author)

    assert ask(order, make_user("someone", permission)).ok


def test_is_not_for_an_order_that_is_done(author: User, flow: Flow) -> None:
    order = queued(author)
    publish(order)
    before, asked = everything(), len(flow.publishes)

    with pytest.raises(Refused, match=f"Order {order.order_ref} is published: a dry run would tell nothing"):
        dry_run(order.pk, user=author, now=NOW)

    assert everything() == before
    assert len(flow.publishes) == asked
