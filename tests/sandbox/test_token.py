from datetime import UTC, datetime, timedelta

import jwt
import pytest
import requests

from tests.sandbox.conftest import TIMEOUT, Caller, logged_in
from tests.sandbox_process import ORGANISATION_ID, Sandbox, running_sandbox


def test_right_credentials_get_a_signed_token_with_its_times(sandbox: Sandbox) -> None:
    response = Caller(sandbox).fetch_token()

    assert response.status_code == 200
    token = response.json()["accessToken"]
    assert response.json() == {"accessToken": token}
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == ORGANISATION_ID
    assert claims["exp"] - claims["iat"] == 600
    assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 60


def test_the_lifetime_is_a_setting() -> None:
    with running_sandbox(SANDBOX_TOKEN_SECONDS=77) as sandbox:
        claims = jwt.decode(logged_in(sandbox).token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 77


@pytest.mark.parametrize("wrong", [{"apiKey": "stolen"}, {"organisationId": "somebody"}, {"apiKey": "schlüssel"}])
def test_wrong_credentials_are_refused_without_repeating_them(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    response = Caller(sandbox).fetch_token(**wrong)

    assert response.status_code == 401
    assert response.json() == {"error": "The API key has expired or is wrong"}


@pytest.mark.parametrize("name", ["organisationId", "apiKey", "requestType"])
def test_each_query_parameter_is_required(sandbox: Sandbox, name: str) -> None:
    response = Caller(sandbox).fetch_token(**{name: None})

    assert response.status_code == 400
    assert response.json() == {"error": f"Query parameter {name} is required"}


def test_another_request_type_is_refused(sandbox: Sandbox) -> None:
    response = Caller(sandbox).fetch_token(requestType="propertyAPI")

    assert response.status_code == 400
    assert response.json() == {"error": "requestType must be campaignAPI"}


@pytest.mark.parametrize("headers", [{}, {"Accept-Version": "v2"}])
def test_the_version_header_is_required(sandbox: Sandbox, headers: dict[str, str]) -> None:
    response = requests.get(f"{sandbox.url}/auth/access-key/publickey", headers=headers, timeout=TIMEOUT)

    assert response.status_code == 400
    assert response.json() == {"error": "Header Accept-Version must be v1"}


def test_the_credentials_are_settings() -> None:
    env = {
        "SANDBOX_ORGANISATION_ID": "agency & co",
        "SANDBOX_API_KEY": "k+y/%=",
        "SANDBOX_REQUEST_TYPE": "otherAPI",
    }
    with running_sandbox(**env) as sandbox:
        assert Caller(sandbox).fetch_token().status_code == 400
        right = Caller(sandbox).fetch_token(organisationId="agency & co", apiKey="k+y/%=", requestType="otherAPI")
    assert right.status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer not-a-token", "Basic dXNlcjpwYXNz"])
def test_a_publish_without_a_token_of_ours_is_refused(sandbox: Sandbox, authorization: str) -> None:
    response = Caller(sandbox).publish_raw(headers={"Authorization": authorization}, json={})

    assert response.status_code == 401
    assert list(response.json()) == ["error"]
    assert sandbox.ledger() == {"publishes": [], "commands": []}


def test_a_token_signed_by_somebody_else_is_refused(sandbox: Sandbox, caller: Caller) -> None:
    claims = jwt.decode(caller.token, options={"verify_signature": False})
    caller.token = jwt.encode(claims, "0" * 64, "HS256")

    assert caller.publish().status_code == 401
    assert sandbox.published_refs() == []


def test_an_expired_token_is_refused_with_403() -> None:
    with running_sandbox(SANDBOX_TOKEN_SECONDS=1) as sandbox:
        caller = logged_in(sandbox)
        until = datetime.now(UTC) + timedelta(seconds=20)
        while (response := caller.status("queue_none")).status_code == 404 and datetime.now(UTC) < until:
            pass
        assert response.status_code == 403
        assert response.json() == {"error": "JWT expired"}
        assert caller.publish().status_code == 403
        assert sandbox.published_refs() == []


def test_a_token_is_still_good_after_a_restart(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.kill()
    sandbox.start()

    assert caller.publish().status_code == 202
