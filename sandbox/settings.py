"""What the environment says about this sandbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sandbox.life import Pace


class SettingError(ValueError):
    """An environment variable holds something that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    state: Path
    organisation_id: str
    api_key: str
    request_type: str
    token_lifetime: timedelta
    pace: Pace


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read every SANDBOX_… variable, or its default. Raise SettingError for one that cannot be used."""
    return Settings(
        host=_text(environ, "SANDBOX_HOST", "127.0.0.1"),
        port=_whole_number(environ, "SANDBOX_PORT", 8100, 1, 65535),
        state=Path(_text(environ, "SANDBOX_STATE", "var/sandbox.sqlite3")),
        organisation_id=_text(environ, "SANDBOX_ORGANISATION_ID", "sandbox-organisation"),
        api_key=_text(environ, "SANDBOX_API_KEY", "sandbox-api-key"),
        request_type=_text(environ, "SANDBOX_REQUEST_TYPE", "campaignAPI"),
        token_lifetime=timedelta(seconds=_whole_number(environ, "SANDBOX_TOKEN_SECONDS", 600, 1, 86_400)),
        pace=Pace(
            queued=timedelta(seconds=_whole_number(environ, "SANDBOX_QUEUED_SECONDS", 5, 0, 86_400)),
            in_progress=timedelta(seconds=_whole_number(environ, "SANDBOX_IN_PROGRESS_SECONDS", 15, 0, 86_400)),
            wait_for_start=_yes_or_no(environ, "SANDBOX_WAIT_FOR_START", False),
        ),
    )


def _text(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, default).strip()
    if not value:
        raise SettingError(f"{name} is empty. Set it, or unset it to use {default!r}.")
    return value


def _whole_number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    value = environ.get(name, str(default)).strip()
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise SettingError(f"{name} is {value!r}. It must be a whole number from {least} to {most}.")
    return int(value)


def _yes_or_no(environ: Mapping[str, str], name: str, default: bool) -> bool:
    value = environ.get(name, str(default)).strip().lower()
    if value not in {"true", "false"}:
        raise SettingError(f"{name} is {value!r}. It must be true or false.")
    return value == "true"
