"""Flow's four calls, and the faults that get in their way."""

import hmac
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import unquote

from sandbox import life
from sandbox.faults import CallName, Setting
from sandbox.life import Campaign, exists_at, status_at
from sandbox.rules import StatusUpdate, read_publish, read_status_update
from sandbox.wire import Answer, Refusal, Request, error, json_answer
from sandbox.world import World

logger = logging.getLogger("sandbox")

STATUS_PATH = "/campaigns/status/"
CUT = Answer(0, cut=True)

INSTEAD_OF_WORK: dict[str, Callable[[Setting], Answer]] = {
    "cut_before": lambda _: CUT,
    "unauthorised": lambda _: error(401, "Invalid access token"),
    "forbidden": lambda _: error(403, "JWT expired"),
    "too_many_requests": lambda fault: error(
        429, "Too many requests", {"Retry-After": fault.option} if fault.option else None
    ),
    "server_error_before": lambda fault: error(fault.option, "Internal server error"),
}
AFTER_WORK: dict[str, Callable[[Setting, Answer], Answer]] = {
    "accept_then_cut": lambda _, __: CUT,
    "server_error_after": lambda fault, _: error(fault.option, "Internal server error"),
    "malformed_json": lambda _, answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
}


def call(name: CallName, world: World, request: Request, now: datetime) -> Answer:
    """Answer one of the four calls, faults included."""
    answer = _instead_of_work(name, world) or _work(name, world, request, now)
    late = world.faults.take("late", name)
    return replace(answer, delay=late.option) if late else answer


def _instead_of_work(name: CallName, world: World) -> Answer | None:
    for fault, make in INSTEAD_OF_WORK.items():
        if setting := world.faults.take(fault, name):
            return make(setting)
    return None


def _work(name: CallName, world: World, request: Request, now: datetime) -> Answer:
    try:
        _check_version(request)
        answer = WORK[name](world, request, now)
    except Refusal as refusal:
        return refusal.answer
    for fault, spoil in AFTER_WORK.items():
        if setting := world.faults.take(fault, name):
            return spoil(setting, answer)
    return answer


def _token(world: World, request: Request, now: datetime) -> Answer:
    settings = world.settings
    for name in ("organisationId", "apiKey", "requestType"):
        if not request.query.get(name):
            raise Refusal(400, f"Query parameter {name} is required")
    if request.query["requestType"] != settings.request_type:
        raise Refusal(400, f"requestType must be {settings.request_type}")
    right_organisation = _same(request.query["organisationId"], settings.organisation_id)
    if not (_same(request.query["apiKey"], settings.api_key) and right_organisation):
        raise Refusal(401, "The API key has expired or is wrong")
    return json_answer(200, {"accessToken": world.tokens.issue(now)})


def _publish(world: World, request: Request, now: datetime) -> Answer:
    _check_token("publish", world, request)
    client_id = request.query.get("clientId")
    if not client_id:
        raise Refusal(400, "Query parameter clientId is required")
    if client_id != world.settings.organisation_id:
        raise Refusal(400, "clientId is not the organisation id that the token was issued to")
    publish = read_publish(_json_body(request), now)
    # Flow's own example answers two ids for the plan "facebookv2" and one listing.
    campaigns = 2 if publish.plan_ref.endswith("v2") else 1
    if publish.dry_run:
        words = "Dry run: the payload is valid. Nothing was published."
        return json_answer(200, {"status": "valid", "message": words, "expectedCampaigns": campaigns})
    stuck = world.faults.take("stuck_queue", "publish") is not None
    tracking_ids = world.ledger.publish(publish, request.body, campaigns, stuck, now)
    logger.info("published %r as %s", publish.order_ref or "(no orderRef)", ", ".join(tracking_ids))
    shown = [] if world.faults.take("empty_ids", "publish") else tracking_ids
    return json_answer(202, {"campaign_tracking_ids": shown, "status": life.QUEUED})


def _status(world: World, request: Request, now: datetime) -> Answer:
    _check_token("status", world, request)
    campaign = _campaign("status", world, request, now)
    status = status_at(campaign, world.settings.pace, now)
    answer = {"status": status, "message": life.MESSAGES[status]}
    if exists_at(campaign, world.settings.pace, now):
        answer["campaign_id"] = campaign.campaign_id
    return json_answer(200, answer)


def _command(world: World, request: Request, now: datetime) -> Answer:
    _check_token("command", world, request)
    campaign = _campaign("command", world, request, now)
    update = read_status_update(_json_body(request))
    status = status_at(campaign, world.settings.pace, now)
    if problem := _objection(status, update):
        world.ledger.command(campaign.tracking_id, update, f"refused: {problem}", False, now)
        words = life.MESSAGES[status]
        return json_answer(200, {"status": status, "message": words, "error": problem})
    ignored = world.faults.take("ignore_command", "command") is not None
    world.ledger.command(campaign.tracking_id, update, "ignored by a fault" if ignored else "done", not ignored, now)
    logger.info("%s is asked to be %s", campaign.tracking_id, update.status)
    done = {"paused": "paused", "active": "resumed", "cancelled": "cancelled"}[update.status]
    return json_answer(200, {"status": update.status, "message": f"Campaign successfully {done}."})


WORK: dict[CallName, Callable[[World, Request, datetime], Answer]] = {
    "token": _token,
    "publish": _publish,
    "status": _status,
    "command": _command,
}


def _objection(status: str, update: StatusUpdate) -> str | None:
    """Return why the campaign cannot do what is asked, if it cannot."""
    if status in life.FINAL:
        return f"Campaign is {status} and cannot be changed."
    if update.status == "active" and status in {life.QUEUED, life.IN_PROGRESS}:
        return "Campaign is not paused: it is still being created."
    return None


def _campaign(name: CallName, world: World, request: Request, now: datetime) -> Campaign:
    """Return the campaign that the path names. Raise Refusal (404) when there is none, or none to be seen yet."""
    campaign = world.ledger.campaign(unquote(request.path.removeprefix(STATUS_PATH)))
    if campaign is None:
        raise Refusal(404, "Campaign not found")
    lag = world.faults.peek("status_lag", name)
    if lag and now - campaign.queued_at < timedelta(seconds=lag.option) and world.faults.take("status_lag", name):
        raise Refusal(404, "Campaign not found")
    return campaign


def _check_version(request: Request) -> None:
    if request.headers.get("accept-version") != "v1":
        raise Refusal(400, "Header Accept-Version must be v1")


def _check_token(name: CallName, world: World, request: Request) -> None:
    if world.faults.take("expire_tokens", name):
        world.tokens.expire_all()
    world.tokens.check(request.headers.get("authorization", ""))


def _json_body(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(400, "Header Content-Type must be application/json")
    return request.body


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
