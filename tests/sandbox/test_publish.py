from typing import Any

import pytest

from tests.sandbox.conftest import Caller, in_seconds, logged_in, order
from tests.sandbox_process import Sandbox, running_sandbox


def test_a_good_order_is_queued_and_in_the_ledger_as_it_came(sandbox: Sandbox, caller: Caller) -> None:
    body = order(budgetOverride=29.95)

    response = caller.publish(body)

    assert response.status_code == 202
    assert set(response.json()) == {"campaign_tracking_ids", "status"}
    assert response.json()["status"] == "queued"
    (tracking_id,) = response.json()["campaign_tracking_ids"]
    assert tracking_id.startswith("queue_")
    (publish,) = sandbox.ledger()["publishes"]
    assert publish["orderRef"] == "Order-001"
    assert publish["nth"] == 1
    assert publish["campaign_tracking_ids"] == [tracking_id]
    assert publish["body"] == body


def test_a_plan_that_ends_in_v2_makes_two_campaigns_of_one_listing(sandbox: Sandbox, caller: Caller) -> None:
    ids = caller.publish(planRef="facebookv2").json()["campaign_tracking_ids"]

    assert len(set(ids)) == 2
    assert sandbox.ledger()["publishes"][0]["campaign_tracking_ids"] == ids


def test_several_listings_of_another_plan_make_one_campaign(caller: Caller) -> None:
    assert len(caller.publish(listingExternalIds=["a", "b", "c"]).json()["campaign_tracking_ids"]) == 1


def test_the_required_fields_are_enough(sandbox: Sandbox, caller: Caller) -> None:
    body = {"planRef": "facebook", "listingExternalIds": ["listing-1"], "branchId": "branch-1"}

    assert caller.publish(body).status_code == 202
    assert sandbox.ledger()["publishes"][0]["body"] == body
    assert sandbox.published_refs() == [None]


def test_the_same_order_ref_again_publishes_again(sandbox: Sandbox, caller: Caller) -> None:
    first, second = caller.published_id(), caller.published_id()

    assert first != second
    assert [(row["orderRef"], row["nth"]) for row in sandbox.ledger()["publishes"]] == [
        ("Order-001", 1),
        ("Order-001", 2),
    ]


def test_a_dry_run_says_what_would_happen_and_makes_nothing(sandbox: Sandbox, caller: Caller) -> None:
    response = caller.publish(planRef="facebookv2", dryRun=True)

    assert response.status_code == 200
    assert response.json() == {
        "status": "valid",
        "message": "Dry run: the payload is valid. Nothing was published.",
        "expectedCampaigns": 2,
    }
    assert sandbox.ledger() == {"publishes": [], "commands": []}


def test_a_dry_run_follows_the_same_rules(sandbox: Sandbox, caller: Caller) -> None:
    assert caller.publish(dryRun=True, branchId="").status_code == 400


PAST, SOON = "2020-01-01T09:00:00Z", in_seconds(60)
BROKEN = [
    ({"planRef": ...}, "planRef"),
    ({"planRef": ""}, "planRef"),
    ({"planRef": 5}, "planRef"),
    ({"planRef": None}, "planRef"),
    ({"listingExternalIds": ...}, "listingExternalIds"),
    ({"listingExternalIds": []}, "listingExternalIds"),
    ({"listingExternalIds": "listing-1"}, "listingExternalIds"),
    ({"listingExternalIds": [7]}, "listingExternalIds"),
    ({"listingExternalIds": [""]}, "listingExternalIds"),
    ({"branchId": ...}, "branchId"),
    ({"branchId": ""}, "branchId"),
    ({"agentExternalId": 12585873}, "agentExternalId"),
    ({"agentExternalId": None}, "agentExternalId"),
    ({"startDate": "tomorrow"}, "startDate"),
    ({"startDate": "2099-06-08"}, "startDate"),
    ({"startDate": "2099-06-08T09:00:00"}, "startDate"),
    ({"startDate": 4085000000}, "startDate"),
    ({"startDate": PAST}, "startDate must be in the future"),
    ({"endDate": "2099-06-15T09:00:00"}, "endDate"),
    ({"endDate": SOON}, "endDate must be after startDate"),
    ({"startDate": "2099-06-08T09:00:00Z", "endDate": "2099-06-08T10:00:00+01:00"}, "endDate must be after startDate"),
    ({"startDate": ..., "endDate": PAST}, "endDate must be in the future"),
    ({"budgetOverride": 0}, "budgetOverride"),
    ({"budgetOverride": -0.01}, "budgetOverride"),
    ({"budgetOverride": "2928"}, "budgetOverride"),
    ({"budgetOverride": True}, "budgetOverride"),
    ({"orderRef": 1}, "orderRef"),
    ({"dryRun": "false"}, "dryRun"),
    ({"dryRun": 0}, "dryRun"),
    ({"dryRun": None}, "dryRun"),
    ({"dry_run": False, "budget": 5}, "Unknown fields: budget, dry_run"),
]


@pytest.fixture(scope="module")
def strict_sandbox() -> Any:
    """One sandbox for all broken orders: it must still be empty after each of them."""
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize(("fields", "words"), BROKEN, ids=[str(fields).replace(SOON, "soon") for fields, _ in BROKEN])
def test_a_broken_field_is_named_and_nothing_is_published(
    strict_sandbox: Sandbox, fields: dict[str, Any], words: str
) -> None:
    response = logged_in(strict_sandbox).publish(**fields)

    assert response.status_code == 400
    assert list(response.json()) == ["error"]
    assert words in response.json()["error"]
    assert strict_sandbox.ledger() == {"publishes": [], "commands": []}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"planRef": "\xff"}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(strict_sandbox: Sandbox, content: bytes) -> None:
    response = logged_in(strict_sandbox).publish_raw(data=content, headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert response.json()["error"].startswith("The body ")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(strict_sandbox: Sandbox, content_type: str) -> None:
    response = logged_in(strict_sandbox).publish_raw(json=order(), headers={"Content-Type": content_type})

    assert response.status_code == 400
    assert response.json() == {"error": "Header Content-Type must be application/json"}
    assert strict_sandbox.published_refs() == []


def test_a_charset_beside_the_content_type_is_fine(caller: Caller) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert caller.publish_raw(json=order(), headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "Query parameter clientId is required"),
        ({"clientId": ""}, "Query parameter clientId is required"),
        ({"clientId": "somebody"}, "clientId is not the organisation id that the token was issued to"),
    ],
)
def test_the_client_id_must_be_the_organisation_s(strict_sandbox: Sandbox, params: dict[str, str], words: str) -> None:
    response = logged_in(strict_sandbox).publish_raw(params=params, json=order())

    assert response.status_code == 400
    assert response.json() == {"error": words}
    assert strict_sandbox.published_refs() == []


def test_names_with_spaces_and_other_scripts_come_through(sandbox: Sandbox, caller: Caller) -> None:
    caller.published_id(orderRef="Zürich №5 <b>", listingExternalIds=["größe 1"])

    (publish,) = sandbox.ledger()["publishes"]
    assert publish["orderRef"] == "Zürich №5 <b>"
    assert publish["body"]["listingExternalIds"] == ["größe 1"]


def test_what_was_answered_survives_a_kill(sandbox: Sandbox, caller: Caller) -> None:
    tracking_id = caller.published_id()

    sandbox.kill()
    sandbox.start()

    assert sandbox.ledger()["publishes"][0]["campaign_tracking_ids"] == [tracking_id]
    assert caller.status(tracking_id).json()["status"] == "queued"
