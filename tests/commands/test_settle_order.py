"""`settle_order`: two people, or one who may, settle what nobody knows."""

import json

import pytest

from campaigns.models import Campaign, Order, Settlement
from tests.commands.console import Console
from tests.commands.inside import Done, doubt, publish, run
from tests.factories import make_branch, make_user
from tests.sandbox_process import Sandbox
from tests.services.flow_server import Flow

inside = pytest.mark.django_db
SAW = "I looked through Flow's list."


def settle(*words: str, user: str = "ben", order_ref: str = "N1") -> Done:
    return run("settle_order", order_ref, *words, "--user", user)


@pytest.fixture
def order(flow: Flow, db: None) -> Order:
    """An order in doubt, and people."""
    make_user("ben", "settle_order")
    make_user("cora", "settle_order")
    make_user("sol", "view_order", "settle_order", "settle_alone")
    return doubt(flow, "N1")


def state(order: Order) -> str:
    order.refresh_from_db()
    return order.state


# In the shell ---------------------------------------------------------------------------------------------------------
def test_two_people_settle_an_order_as_live_with_its_tracking_id(shop: Console, sandbox: Sandbox) -> None:
    sandbox.set_fault("accept_then_cut", calls=["publish"])
    assert shop.run("publish_orders", "--order", "Q1").returncode == 1
    (publish,) = sandbox.ledger()["publishes"]
    (tracking_id,) = publish["campaign_tracking_ids"]
    words = ("settle_order", "Q1", "--live", tracking_id, "--json")

    first = shop.run(*words, "--user", "ben")
    second = shop.run(*words, "--user", "cora")

    assert (first.returncode, json.loads(first.stdout)) == (
        3,
        {
            "order_ref": "Q1",
            "state": "unknown",
            "settled": False,
            "words": "ben says that the order is live at Flow. A second person must say the same before anything happens.",
        },
    )
    assert (second.returncode, json.loads(second.stdout)) == (
        0,
        {
            "order_ref": "Q1",
            "state": "published",
            "settled": True,
            "words": "Order Q1 is settled: cora says that the order is live at Flow.",
        },
    )
    assert second.stderr == "Order Q1 is settled: cora says that the order is live at Flow.\n"
    assert shop.rows("SELECT tracking_id FROM campaigns_campaign") == [(tracking_id,)]
    assert sandbox.published_refs() == ["Q1"]


# Who says what --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "becomes"),
    [(("--live", "queue_1"), "published"), (("--not-live", SAW), "queued"), (("--abandon", SAW), "cancelled")],
)
def test_each_way_out_takes_two_people_or_one_who_may(
    flow: Flow, order: Order, words: tuple[str, ...], becomes: str
) -> None:
    flow.statuses["queue_1"] = "active"

    first, same, second = settle(*words), settle(*words), settle(*words, user="cora")

    assert [done.returncode for done in (first, same, second)] == [3, 3, 0]
    assert same.stdout.startswith("ben said so already, at ")
    assert Settlement.objects.count() == 1
    assert state(order) == becomes
    doubt(flow, "N2")
    flow.statuses["queue_2"] = "active"
    alone = settle(*[word.replace("queue_1", "queue_2") for word in words], user="sol", order_ref="N2")
    assert (alone.returncode, Order.objects.get(order_ref="N2").state) == (0, becomes)


def test_one_person_changes_nothing(order: Order) -> None:
    done = settle("--not-live", SAW, "--json")

    assert (done.returncode, done.data["settled"], state(order)) == (3, False, "unknown")


def test_two_people_who_differ_settle_nothing(flow: Flow, order: Order) -> None:
    settle("--not-live", SAW)

    done = settle("--abandon", SAW, user="cora")

    assert (done.returncode, state(order)) == (3, "unknown")


def test_what_is_not_live_is_sent_once_more(flow: Flow, order: Order) -> None:
    settle("--not-live", SAW, user="sol")
    flow.on_publish(flow.accepts("queue_1"))

    assert run("publish_orders").returncode == 0

    assert (state(order), len(flow.publishes)) == ("published", 2)
    assert list(order.attempts.values_list("number", "outcome")) == [(1, "unknown"), (2, "published")]


def test_settled_once_it_cannot_be_settled_again(flow: Flow, order: Order) -> None:
    settle("--abandon", SAW, user="sol")

    again = settle(
        "--abandon",
        SAW,
        user="sol",
    )

    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "Order N1 is not in doubt: there is nothing to settle.\n"
    assert Settlement.objects.count() == 1


# What it refuses ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--live", "queue_9"), "tracking_ids: Flow does not know the tracking id queue_9."),
        (("--live", "queue 1"), "tracking_ids: “queue 1” has spaces in it. Paste the tracking id alone."),
        (("--live", ""), "tracking_ids: A tracking id is empty. Remove it."),
        (("--live", "queue_1", "queue_1"), "tracking_ids: “queue_1” is there more than once. Enter it once."),
        (("--live", "queue_2"), "tracking_ids: queue_2 belongs to order N2."),
        (("--not-live", " "), "evidence: Say in words how you know, or why: it is kept as evidence."),
        (("--abandon", ""), "evidence: Say in words how you know, or why: it is kept as evidence."),
    ],
)
def test_what_is_incomplete_or_untrue_is_told_and_nothing_is_settled(
    flow: Flow, order: Order, words: tuple[str, ...], sentence: str
) -> None:
    flow.statuses["queue_1"] = "active"
    publish(flow, "N2", "queue_2")

    done = settle(*words, "--json", user="sol")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert state(order) == "unknown"
    assert not Settlement.objects.exists()
    assert not Campaign.objects.filter(order=order).exists()


def test_all_tracking_ids_that_are_wrong_are_told_at_once(flow: Flow, order: Order) -> None:
    flow.statuses["queue_1"] = "active"

    done = settle("--live", "queue_8", " queue_1", "queue_1", "queue_9", user="sol")

    assert (done.returncode, done.stdout, state(order)) == (1, "", "unknown")
    assert done.stderr.splitlines() == [
        "tracking_ids: “ queue_1” has spaces in it. Paste the tracking id alone.",
        "tracking_ids: Flow does not know the tracking id queue_8. Copy it from Flow once more.",
        "tracking_ids: Flow does not know the tracking id queue_9. Copy it from Flow once more.",
    ]


def test_somebody_who_may_not_or_is_not_known_settles_nothing(order: Order) -> None:
    make_user("vera")
    make_user("gone", "settle_order", "settle_alone", is_active=False)

    refused = [settle("--abandon", SAW, user=user) for user in ("vera", "gone", "nobody")]

    assert [done.returncode for done in refused] == [1, 1, 1]
    assert refused[0].stderr.startswith("vera may not settle orders in doubt. Ask an administrator")
    assert (state(order), Settlement.objects.count()) == ("unknown", 0)


def test_an_order_of_another_branch_reads_like_one_that_is_not_there(order: Order) -> None:
    make_user("tess", "settle_order", "settle_alone", branches=[make_branch()])
    make_user("vera", branches=[make_branch()])

    refused = [settle("--abandon", SAW, user="tess", order_ref=ref) for ref in ("N1", "N9")]
    may_not = [settle("--abandon", SAW, user="vera", order_ref=ref) for ref in ("N1", "N9")]

    assert [(done.returncode, done.stdout) for done in [*refused, *may_not]] == [(1, "")] * 4
    assert [done.stderr for done in refused] == [
        f"There is no order “{ref}”. Nothing was settled. Check the order_ref.\n" for ref in ("N1", "N9")
    ]
    assert may_not[0].stderr == may_not[1].stderr
    assert (state(order), Settlement.objects.count()) == ("unknown", 0)


def test_an_unknown_order_is_told(order: Order) -> None:
    done = settle("--abandon", SAW, order_ref="N1 ")

    assert (done.returncode, done.stderr) == (1, "There is no order “N1 ”. Nothing was settled. Check the order_ref.\n")


@pytest.mark.parametrize("words", [(), ("--live",), ("--live", "queue_1", "--abandon", SAW), ("--not-live",)])
def test_no_way_out_or_two_is_wrong_usage(words: tuple[str, ...]) -> None:
    done = settle(*words)

    assert (done.returncode, done.stdout) == (2, "")
