"""The rules for the bodies of a publish and of a status update, field by field. Pure: the time is passed in."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from sandbox.wire import Refusal

Text = Annotated[str, Meta(min_length=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Amount = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)]


class Publish(msgspec.Struct, frozen=True, rename="camel"):
    """A publish as Flow's page describes it. An optional field is left out, never null."""

    plan_ref: Text
    listing_external_ids: Annotated[list[Text], Meta(min_length=1)]
    branch_id: Text
    agent_external_id: Text | UnsetType = UNSET
    start_date: Moment | UnsetType = UNSET
    end_date: Moment | UnsetType = UNSET
    budget_override: Amount | UnsetType = UNSET
    order_ref: Text | UnsetType = UNSET
    dry_run: bool | UnsetType = UNSET


class StatusUpdate(msgspec.Struct, frozen=True):
    """A command for one campaign, and why."""

    status: Literal["paused", "active", "cancelled"]
    reason: str | UnsetType = UNSET


Body = TypeVar("Body", Publish, StatusUpdate)


def read_publish(raw: bytes, now: datetime) -> Publish:
    """Return the checked publish. Raise Refusal (400) naming the first field that breaks a rule."""
    publish = _convert(_decode(raw), Publish)
    start, end = publish.start_date, publish.end_date
    if start is not UNSET and start <= now:
        raise Refusal(400, "startDate must be in the future")
    if end is not UNSET and end <= (now if start is UNSET else start):
        raise Refusal(400, "endDate must be after startDate" if start else "endDate must be in the future")
    return publish


def read_status_update(raw: bytes) -> StatusUpdate:
    """Return the checked command. Raise Refusal (400) naming the first field that breaks a rule."""
    return _convert(_decode(raw), StatusUpdate)


def _decode(raw: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refusal(400, f"The body is not valid JSON: {problem}") from problem
    if not isinstance(fields, dict):
        raise Refusal(400, "The body must be a JSON object")
    return fields


def _convert(fields: dict[str, Any], form: type[Body]) -> Body:
    known = {field.encode_name for field in msgspec.structs.fields(form)}
    if unknown := sorted(fields.keys() - known):
        raise Refusal(400, f"Unknown fields: {', '.join(unknown)}")
    try:
        return msgspec.convert(fields, form)
    except msgspec.ValidationError as problem:
        raise Refusal(400, str(problem)) from problem
