"""What is the sandbox's own and no part of Flow: its page, its ledger, its faults, its health."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from sandbox import page
from sandbox.faults import FAULTS, known_fault, read_setting
from sandbox.ledger import Published
from sandbox.wire import Answer, Refusal, Request, json_answer
from sandbox.world import World

logger = logging.getLogger("sandbox")

View = Callable[[World, Request, datetime], Answer]
CSS = (Path(__file__).parent / "page.css").read_bytes()
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def show_page(world: World, _request: Request, now: datetime) -> Answer:
    """Answer the page for people."""
    return Answer(200, page.render(world, now).encode(), "text/html; charset=utf-8", PAGE_HEADERS)


def show_css(_world: World, _request: Request, _now: datetime) -> Answer:
    """Answer the page's style sheet."""
    return Answer(200, CSS, "text/css; charset=utf-8")


def show_health(_world: World, _request: Request, _now: datetime) -> Answer:
    """Say that the sandbox is up."""
    return json_answer(200, {"status": "ok", "service": "sandbox"})


def show_ledger(world: World, _request: Request, _now: datetime) -> Answer:
    """Answer every accepted publish and every command, oldest first."""
    publishes = [_publish_row(published) for published in reversed(world.ledger.publishes())]
    commands = [asdict(command) for command in reversed(world.ledger.commands())]
    return json_answer(200, {"publishes": publishes, "commands": commands})


def show_faults(world: World, _request: Request, _now: datetime) -> Answer:
    """Answer the faults that are set and those that there are."""
    return json_answer(200, {"active": world.faults.active(), "known": list(FAULTS.values())})


def put_fault(world: World, request: Request, now: datetime) -> Answer:
    """Set one fault from a JSON body."""
    try:
        fields = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise Refusal(400, f"The body is not valid JSON: {problem}") from problem
    _set_fault(world, fields)
    return show_faults(world, request, now)


def delete_faults(world: World, request: Request, now: datetime) -> Answer:
    """Clear the fault that the query's `fault` names, or all of them."""
    _clear(world, request.query.get("fault"), now)
    return show_faults(world, request, now)


def post_faults(world: World, request: Request, now: datetime) -> Answer:
    """Set or clear a fault from one of the page's forms, then lead back to the page."""
    form = parse_qs(request.body.decode(errors="replace"), keep_blank_values=True)
    action = form.pop("action", [""])[0]
    if action == "clear":
        _clear(world, form.get("fault", [None])[0], now)
    elif action == "set":
        _set_fault(world, _form_fields(form), strict=False)
    else:
        raise Refusal(400, "The form must say what to do: action=set or action=clear")
    return Answer(303, headers={"Location": "/"})


ROUTES: dict[str, dict[str, View]] = {
    "/": {"GET": show_page},
    "/page.css": {"GET": show_css},
    "/health": {"GET": show_health},
    "/sandbox/ledger": {"GET": show_ledger},
    "/sandbox/faults": {"GET": show_faults, "PUT": put_fault, "DELETE": delete_faults, "POST": post_faults},
}


def _publish_row(published: Published) -> dict[str, Any]:
    return {
        "at": published.at,
        "orderRef": published.order_ref,
        "nth": published.nth,
        "campaign_tracking_ids": [campaign.tracking_id for campaign in published.campaigns],
        "body": published.body,
    }


def _set_fault(world: World, fields: Any, strict: bool = True) -> None:
    setting = read_setting(fields, strict)
    world.faults.set(setting)
    logger.info("fault set: %s, for %s", setting.fault, setting.count or "every request until cleared")


def _clear(world: World, name: str | None, now: datetime) -> None:
    if name is not None:
        known_fault(name)
    world.faults.clear(name)
    if name in {None, "stuck_queue"}:
        world.ledger.release_stuck(now)
    logger.info("fault cleared: %s", name or "all")


def _form_fields(form: dict[str, list[str]]) -> dict[str, Any]:
    """Turn the form into the fields of a setting; "until cleared" outweighs a count."""
    fields: dict[str, Any] = {name: values[0] for name, values in form.items()}
    fields["calls"] = form.get("calls")
    if not fields["calls"]:
        raise Refusal(400, "Tick at least one call that the fault is to hit")
    if fields.pop("until_cleared", None):
        fields["count"] = None
    return fields
